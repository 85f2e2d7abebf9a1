/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest bench without its guests: figures and losses, the bar, the picture, the archive that the guests boot. */
#include "../../hooks/virt-nest/bench_report.h"
#include "../../hooks/virt-nest/bench_svg.h"
#include "../../hooks/virt-nest/initramfs.h"
#include "check.h"

/* --- figures */

static const struct {
    const char *sentence;
    double rounds[6]; /* ends in 0 */
    double median;
    double least;
    double most;
} figures[] = {
    {"no round, no figures", {0}, 0, 0, 0},
    {"one round is all three", {7}, 7, 7, 7},
    {"the median is the middle one", {9, 1, 5}, 5, 1, 9},
    {"... or between the two in the middle", {4, 1, 3, 2}, 2.5, 1, 4},
    {"one that went astray moves no median", {100, 101, 3, 99, 102}, 100, 3, 102},
};

static GArray *
rounds_of(const double *rounds)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(double));

    for (; *rounds > 0; rounds++)
        g_array_append_val(list, *rounds);
    return list;
}

static void
test_figures(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    g_autoptr(GArray) rounds = rounds_of(figures[i].rounds);
    NestBenchFigures got = nest_bench_figures(rounds);

    g_assert_cmpfloat(got.median, ==, figures[i].median);
    g_assert_cmpfloat(got.least, ==, figures[i].least);
    g_assert_cmpfloat(got.most, ==, figures[i].most);
}

/* --- what programs of others print */

#define NOTHING ";0;0;0;0;0;0;0.000000;0.000000;0;0;0.000000;0.000000"
#define PERCENTILES                                                                                                    \
    ";1%=0;5%=0;10%=0;20%=0;30%=0;40%=0;50%=0;60%=0;70%=0;80%=0;90%=0;95%=0;99%=0;99.5%=0;99.9%=0;99.95%=0;99.99%=0;"  \
    "0%=0;0%=0;0%=0;0;0;0.000000;0.000000;0;0;0.000000%;0.000000;0.000000"

static const struct {
    const char *sentence;
    NestWork work;
    const char *output;
    double rate;
} outputs[] = {
    {"fio 3.33 reads", NEST_WORK_FIO_READ, "3;fio-3.33;bench;0;0;508140;2540700;635175;200;0;0;0.000000\n", 635175},
    {"fio 3.33 writes", NEST_WORK_FIO_WRITE,
     "3;fio-3.33;bench;0;0" NOTHING PERCENTILES ";311300;1548756;387189;201;0;0;0.000000\n", 387189},
    {"fio has failed", NEST_WORK_FIO_READ, "fio: looks like your file system does not support direct=1\n", -1},
    {"fio is cut short", NEST_WORK_FIO_WRITE, "3;fio-3.33;bench;0;0;508140;2540700;635175\n", -1},
    {"sysbench 1.0 computes", NEST_WORK_SYSBENCH_CPU, "CPU speed:\n    events per second:  2489.54\n\n", 2489.54},
    {"sysbench 1.0 copies", NEST_WORK_SYSBENCH_MEMORY, "5711.52 MiB transferred (5703.02 MiB/sec)\n", 5703.02},
    {"sysbench has failed", NEST_WORK_SYSBENCH_CPU, "FATAL: Cannot find benchmark 'cpu'\n", -1},
    {"nothing at all", NEST_WORK_SYSBENCH_MEMORY, "", -1},
};

static void
test_outputs(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);

    g_assert_cmpfloat(nest_work_read_output(outputs[i].work, outputs[i].output), ==, outputs[i].rate);
}

/* --- losses, in per cent */

static const struct {
    const char *sentence;
    NestBenchFigures first, second; /* median, least, most */
    double loss, least, most;
    gboolean shown;
} losses[] = {
    {"half as much is a loss of 50 %", {100, 100, 100}, {50, 50, 50}, 50, 50, 50, TRUE},
    {"as much is none", {100, 100, 100}, {100, 100, 100}, 0, 0, 0, FALSE},
    {"more is a loss below 0", {100, 100, 100}, {125, 125, 125}, -25, -25, -25, TRUE},
    {"the spread is between the best and the worst pair", {100, 80, 125}, {50, 40, 60}, 50, 25, 68, TRUE},
    {"rounds that overlap show nothing", {100, 80, 120}, {90, 60, 100}, 10, -25, 50, FALSE},
    {"without figures there is none", {0, 0, 0}, {50, 50, 50}, 0, 0, 0, FALSE},
    {"... on either side", {50, 50, 50}, {0, 0, 0}, 0, 0, 0, FALSE},
};

static void
test_losses(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    NestBenchLoss got = nest_bench_loss(&losses[i].first, &losses[i].second);

    g_assert_cmpfloat_with_epsilon(got.loss * 100, losses[i].loss, 1e-9);
    g_assert_cmpfloat_with_epsilon(got.least * 100, losses[i].least, 1e-9);
    g_assert_cmpfloat_with_epsilon(got.most * 100, losses[i].most, 1e-9);
    g_assert_cmpint(got.shown, ==, losses[i].shown);
}

/* --- the bar */

static const struct {
    const char *sentence;
    double loss;
    gboolean utf8;
    const char *bar;
} bars[] = {
    {"no loss is an empty bar", 0, FALSE, "....."},
    {"all is a full one", 1, FALSE, "#####"},
    {"a gain is empty", -0.5, FALSE, "....."},
    {"more than all cannot be", 1.5, FALSE, "#####"},
    {"it is rounded", 0.31, FALSE, "##..."},
    {"blocks where the terminal has them", 0.4, TRUE, "██···"},
};

static void
test_bars(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    g_autofree gchar *bar = nest_bench_report_bar(bars[i].loss, 5, bars[i].utf8);

    g_assert_cmpstr(bar, ==, bars[i].bar);
}

/* --- the tables */

/* Each work has a name without spaces, a title that fits its column, a unit and a scale */
static void
test_works(void)
{
    for (guint i = 0; i < NEST_WORKS; i++) {
        g_assert_nonnull(nest_work_names[i]);
        g_assert_null(strchr(nest_work_names[i], ' '));
        g_assert_cmpuint(strlen(nest_bench_works[i].title), <=, 19);
        g_assert_cmpuint(strlen(nest_bench_works[i].unit), <=, 11);
        g_assert_cmpfloat(nest_bench_works[i].scale, >, 0);
    }
}

/* --- the picture */

static NestBenchReport *
new_report(void)
{
    NestBenchReport *report = nest_bench_report_new();
    double rates[] = {2e6, 1e6};

    report->levels[0] = 1;
    report->levels[1] = 2;
    report->cpu = "<model>&";
    report->kernel = g_strdup("6.1.0");
    g_array_append_val(report->rates[0][NEST_WORK_CPU], rates[0]);
    g_array_append_val(report->rates[1][NEST_WORK_CPU], rates[1]);
    report->lacks[NEST_WORK_NETWORK] = g_strdup("No such device");
    return report;
}

/* The picture is XML, whatever the names are; it has the works that were done, and no others */
static void
test_svg(void)
{
    g_autoptr(NestBenchReport) report = new_report();
    g_autofree gchar *svg = nest_bench_svg_text(report);
    xmlDoc *doc = xmlReadMemory(svg, (int)strlen(svg), NULL, NULL, XML_PARSE_NOERROR | XML_PARSE_NONET);

    g_assert_nonnull(doc);
    check_says(svg, "computing|50.0 %|&lt;model&gt;&amp;|L1|L2");
    g_assert_null(strstr(svg, nest_bench_works[NEST_WORK_NETWORK].title));
    g_assert_null(strstr(svg, "mean nothing"));
    xmlFreeDoc(doc);
}

/* A picture of figures that mean nothing says so */
static void
test_svg_without_meaning(void)
{
    g_autoptr(NestBenchReport) report = new_report();
    g_autofree gchar *svg = NULL;

    report->no_meaning = g_strdup("emulated");
    svg = nest_bench_svg_text(report);
    check_says(svg, "mean nothing");
}

/* --- what is printed */

/* The table has each work, what was not measured, and the facts */
static void
test_print(void)
{
    g_autoptr(NestBenchReport) report = new_report();

    nest_bench_report_add_fact(report, "npt", g_strdup("1: mapped"));
    if (g_test_subprocess()) {
        nest_bench_report_print(report);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*computing *2.00*1.00 M numbers/s*50.0 *network round trips was not measured: No such "
                              "device*npt                 1: mapped*");
}

/* The JSON has every work, with what was measured or why not */
static void
test_json(void)
{
    g_autoptr(NestBenchReport) report = new_report();

    if (g_test_subprocess()) {
        nest_bench_report_print_json(report);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*\"levels\"*1,*2*\"cpu\"*\"median\" : 2000000*\"loss\" : 0.5*\"shown\" : true*"
                              "\"network\"*\"lacks\" : \"No such device\"*\"exits\"*");
}

/* --- the archive */

/* What cpio makes of it, in the order in which it stands there. */
static gchar *
list_of(const char *path)
{
    g_autofree gchar *command = g_strdup_printf("sh -c 'cpio --quiet -t <%s'", path);
    gchar *list = NULL;
    int status = 0;

    g_assert_true(g_spawn_command_line_sync(command, &list, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    return list;
}

/* cpio reads the archive: each file once, after the directories that it is in, with its bytes */
static void
test_initramfs(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = g_build_filename(root, "archive", NULL);
    g_autofree gchar *command = g_strdup_printf("sh -c 'cd %s && cpio --quiet -i <archive && cat a/b/c a/d'", root);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestInitramfs) archive = nest_initramfs_new(path, &error);
    g_autofree gchar *list = NULL;
    g_autofree gchar *said = NULL;

    g_assert_no_error(error);
    nest_initramfs_add(archive, "/a/b/c", "12345", 5);
    nest_initramfs_add(archive, "/a/d", "6", 1);
    nest_initramfs_add(archive, "/a/d", "7", 1);
    g_assert_false(nest_initramfs_add_copy(archive, "/e", "/nowhere", &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    g_clear_error(&error);
    g_assert_true(nest_initramfs_finish(archive, &error));
    list = list_of(path);
    g_assert_cmpstr(list, ==, "a\na/b\na/b/c\na/d\n");
    g_assert_true(g_spawn_command_line_sync(command, &said, NULL, NULL, NULL));
    g_assert_cmpstr(said, ==, "123456");
    check_root_free(root);
}

/* A full disk is told */
static void
test_full_disk(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NestInitramfs) archive = nest_initramfs_new("/dev/full", &error);

    g_assert_no_error(error);
    nest_initramfs_add(archive, "/a", "1", 1);
    g_assert_false(nest_initramfs_finish(archive, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, "/dev/full|No space left");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(figures); i++)
        check_add_row("bench/figures", figures[i].sentence, GSIZE_TO_POINTER(i), test_figures);
    for (gsize i = 0; i < G_N_ELEMENTS(outputs); i++)
        check_add_row("bench/outputs", outputs[i].sentence, GSIZE_TO_POINTER(i), test_outputs);
    for (gsize i = 0; i < G_N_ELEMENTS(losses); i++)
        check_add_row("bench/losses", losses[i].sentence, GSIZE_TO_POINTER(i), test_losses);
    for (gsize i = 0; i < G_N_ELEMENTS(bars); i++)
        check_add_row("bench/bars", bars[i].sentence, GSIZE_TO_POINTER(i), test_bars);
    g_test_add_func("/bench/works/each is named, and shown", test_works);
    g_test_add_func("/bench/svg/it is XML, with what was measured", test_svg);
    g_test_add_func("/bench/svg/figures that mean nothing are marked", test_svg_without_meaning);
    g_test_add_func("/bench/print/for a person", test_print);
    g_test_add_func("/bench/print/for a program", test_json);
    g_test_add_func("/bench/initramfs/cpio reads it", test_initramfs);
    g_test_add_func("/bench/initramfs/a full disk is told", test_full_disk);
    return g_test_run();
}
