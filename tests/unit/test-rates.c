/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries a second: what two samples say, the graph, and the plugins over a debugfs laid out in a directory. */
#include "../../hooks/virt-nest/rates.h"
#include "check.h"

#define SECOND G_USEC_PER_SEC

/* Samples, each a second after the last: the count, or -1 where it could not be read. */
static const struct {
    const char *sentence;
    gint64 counts[6]; /* ends in -2 */
    double last;
} samples[] = {
    {"nothing is known before there is a sample", {-2}, NEST_RATES_UNKNOWN},
    {"one sample is no rate", {5, -2}, NEST_RATES_UNKNOWN},
    {"two samples are one", {5, 105, -2}, 100},
    {"the last two count", {5, 105, 115, -2}, 10},
    {"no entry is the rate 0", {5, 5, -2}, 0},
    {"a counter that is less begins anew", {100, 7, -2}, NEST_RATES_UNKNOWN},
    {"... and goes on", {100, 7, 9, -2}, 2},
    {"a sample that does not count is no rate", {5, -1, -2}, NEST_RATES_UNKNOWN},
    {"... nor is the next one", {5, -1, 500, -2}, NEST_RATES_UNKNOWN},
    {"... but the one after that", {5, -1, 500, 501, -2}, 1},
};

static NestRate
rate_of(const gint64 *counts)
{
    NestRate rate = {0};

    for (gint64 i = 0; counts[i] != -2; i++) {
        NestEvidence evidence = {.counted = counts[i] >= 0, .entries = (guint64)MAX(counts[i], 0)};

        nest_rates_add(&rate, &evidence, (i + 1) * SECOND);
    }
    return rate;
}

static void
test_samples(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    NestRate rate = rate_of(samples[i].counts);

    g_assert_cmpfloat(nest_rates_last(&rate), ==, samples[i].last);
}

static void
test_same_moment(void)
{
    NestRate rate = {0};

    nest_rates_add(&rate, &(NestEvidence){.counted = TRUE, .entries = 1}, SECOND);
    nest_rates_add(&rate, &(NestEvidence){.counted = TRUE, .entries = 2}, SECOND);
    g_assert_cmpfloat(nest_rates_last(&rate), ==, NEST_RATES_UNKNOWN);
}

/* Rates 1, 2, 3 ...: the oldest fall out. */
static void
test_many(void)
{
    NestRate rate = {0};
    guint64 entries = 0;

    for (guint i = 0; i <= 2 * NEST_RATES_KEPT; i++)
        nest_rates_add(&rate, &(NestEvidence){.counted = TRUE, .entries = entries += i},
                       (i + 1) * SECOND);
    g_assert_cmpuint(rate.n, ==, NEST_RATES_KEPT);
    g_assert_cmpfloat(rate.kept[0], ==, NEST_RATES_KEPT + 1);
    g_assert_cmpfloat(nest_rates_last(&rate), ==, 2 * NEST_RATES_KEPT);
}

/* --- the graph */

static const struct {
    const char *sentence;
    gint64 counts[6];
    guint width;
    gboolean utf8;
    const char *graph;
} graphs[] = {
    {"no rates are spaces", {-2}, 3, TRUE, "   "},
    {"the newest is at the right", {0, 0, 8, -2}, 4, TRUE, "   █"},
    {"to the scale of the highest", {0, 8, 12, 13, -2}, 3, TRUE, "█▄▁"},
    {"the least there is can be seen", {0, 100000, 100001, -2}, 2, TRUE, "█▁"},
    {"the least there is can be seen in ASCII", {0, 100000, 100001, -2}, 2, FALSE, "#."},
    {"no entry is a space", {0, 7, 7, 14, -2}, 3, FALSE, "# #"},
    {"what is not known is a space", {0, 7, -1, 14, 21, -2}, 4, FALSE, "#  #"},
    {"ASCII's levels", {0, 7, 13, 18, 20, -2}, 4, FALSE, "#*+:"},
    {"what is too old is not drawn, and sets no scale", {0, 1000, 1001, 1002, -2}, 2, TRUE, "██"},
    {"no columns, no graph", {0, 1, 2, -2}, 0, TRUE, ""},
};

static void
test_graph(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    NestRate rate = rate_of(graphs[i].counts);
    g_autofree gchar *graph = nest_rates_graph(&rate, graphs[i].width, graphs[i].utf8);

    g_assert_cmpstr(graph, ==, graphs[i].graph);
}

/* --- with the plugins */

#define COUNTER "sys/kernel/debug/kvm/4711-15/nested_run"

static NestRates *
new_rates(void)
{
    const char *build = g_getenv("BUILD");
    g_autofree gchar *directory = g_build_filename(build ? build : "build", "plugins", NULL);

    return nest_rates_new(directory);
}

static NestGuest
guest_of(int id)
{
    return (NestGuest){"lab1", "6695eb01-f6a4-8304-79aa-97f2502e193f", id, 4711, TRUE, "svm", 1};
}

static double
sample(NestRates *rates, const NestGuest *guest, const char *count)
{
    if (count)
        check_root_write(COUNTER, count);
    g_usleep(1000);
    return nest_rates_last(nest_rates_sample(rates, NULL, guest));
}

/* A counter that grows is a rate; the next run of the domain begins anew, as does one that was gone */
static void
test_debugfs(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRates) rates = NULL;
    NestGuest guest = guest_of(1);
    NestGuest next = guest_of(2);

    check_root_write(COUNTER, "10\n");
    rates = new_rates();
    g_assert_cmpfloat(sample(rates, &guest, "10\n"), ==, NEST_RATES_UNKNOWN);
    g_assert_cmpfloat(sample(rates, &guest, "2000\n"), >, 0);
    g_assert_cmpfloat(sample(rates, &guest, "2000\n"), ==, 0);
    g_assert_cmpfloat(sample(rates, &next, "3000\n"), ==, NEST_RATES_UNKNOWN);
    nest_rates_forget_gone(rates);
    g_assert_cmpfloat(sample(rates, &next, "3001\n"), >, 0);
    nest_rates_forget_gone(rates);
    nest_rates_forget_gone(rates);
    g_assert_cmpfloat(sample(rates, &next, "3002\n"), ==, NEST_RATES_UNKNOWN);
    check_root_free(root);
}

/* A TCG domain has no counter, nor has one whose QEMU is not known; without libvirt nobody else is asked */
static void
test_uncounted(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRates) rates = new_rates();
    NestGuest tcg = guest_of(1);
    NestGuest unknown = guest_of(2);

    tcg.kvm = FALSE;
    unknown.pid = 0;
    for (int i = 0; i < 3; i++) {
        g_assert_cmpfloat(sample(rates, &tcg, "1\n"), ==, NEST_RATES_UNKNOWN);
        g_assert_cmpfloat(sample(rates, &unknown, "1\n"), ==, NEST_RATES_UNKNOWN);
    }
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(samples); i++)
        check_add_row("rates/samples", samples[i].sentence, GSIZE_TO_POINTER(i), test_samples);
    g_test_add_func("/rates/samples/two in the same moment are no rate", test_same_moment);
    g_test_add_func("/rates/samples/so many are kept, and no more", test_many);
    for (gsize i = 0; i < G_N_ELEMENTS(graphs); i++)
        check_add_row("rates/graph", graphs[i].sentence, GSIZE_TO_POINTER(i), test_graph);
    g_test_add_func("/rates/debugfs/a counter that grows is a rate, of this run of the domain", test_debugfs);
    g_test_add_func("/rates/debugfs/where nothing counts there is no rate", test_uncounted);
    return g_test_run();
}
