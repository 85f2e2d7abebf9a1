/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest bench: what nesting costs on this host. Two guests run at the same time, with the same kernel, initramfs
 * and works; one is a guest of this host, the other one is a guest of a guest. They work in turn, so that neither
 * disturbs the other, and in several rounds. The domains are transient, the files are removed at the end, and other
 * domains are not changed. */
#include "base/error.h"
#include "bench_explain.h"
#include "bench_files.h"
#include "bench_guest.h"
#include "bench_report.h"
#include "bench_svg.h"
#include "connection.h"
#include "virt/cpu_features.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FEWEST_ROUNDS = 2, MOST_ROUNDS = 1000 };

/**
 * Size: how much is done.
 */
typedef struct {
    guint ms;     /* of a work in a round */
    guint memory; /* MiB of a guest */
    guint disk;   /* MiB of its disk */
} Size;

static const Size usual_size = {1000, 256, 256};
static const Size short_size = {200, 128, 32};

typedef struct {
    gchar *cpu;
    gchar *levels;
    gchar *svg; /* (nullable) the file */
    gint rounds;
    gboolean is_short;
    gboolean emulate;
    gboolean json;
    NestConnection *connection;
    NestBenchMachine machine;
    NestBenchGuest *guests[2];
    NestBenchReport *report;
} Bench;

static void
bench_clear(Bench *bench)
{
    nest_bench_guest_free(bench->guests[0]);
    nest_bench_guest_free(bench->guests[1]);
    nest_bench_files_remove(&bench->machine);
    g_free(bench->machine.emulator);
    g_clear_pointer(&bench->machine.programs, g_hash_table_unref);
    nest_bench_report_free(bench->report);
    nest_connection_free(bench->connection);
    g_free(bench->cpu);
    g_free(bench->levels);
    g_free(bench->svg);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bench, bench_clear)

/* Shows progress on standard error. In a terminal it is one line that changes; elsewhere each @important text has a
 * line. */
static void G_GNUC_PRINTF(2, 3) progress(gboolean important, const char *format, ...)
{
    gboolean terminal = isatty(STDERR_FILENO) != 0;
    g_autofree gchar *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (!terminal && !important)
        return;
    (void)fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", text);
    (void)fflush(stderr);
}

/* --- before anything is made */

static const NestCpuVendor *
vendor_of_host(const Bench *bench)
{
    return bench->emulate ? nest_cpu_vendor_of_tcg() : bench->connection->host.vendor;
}

static gboolean
check_bench_host(const Bench *bench, GError **error)
{
    if (!bench->emulate && !nest_kvm_module_check(&bench->connection->host, error))
        return FALSE;
    if (!nest_connection_is_system(bench->connection) || geteuid() == 0)
        return TRUE;
    g_set_error_literal(error, NEST_ERROR, NEST_ERROR_IO,
                        "only root may use the files and the consoles of the measured guests: run "
                        "sudo virt-nest bench");
    return FALSE;
}

/* (transfer full)(nullable) The QEMU that libvirt would run, if that QEMU has the machine type. */
static gchar *
find_emulator(const Bench *bench, const char *type)
{
    const NestMachine machine = {.arch = (gchar *)"x86_64",
                                 .type = (gchar *)type,
                                 .virt = (gchar *)(bench->emulate ? "qemu" : "kvm")};
    g_autoptr(NestDomainXml) offer = nest_machine_read_offer(bench->connection->libvirt, &machine);
    const xmlNode *root =
        offer ? nest_xml_child(nest_domain_xml_root(offer), "domainCapabilities") : NULL;
    xmlNode *path = root ? nest_xml_child(root, "path") : NULL;

    return path ? (gchar *)xmlNodeGetContent(path) : NULL;
}

/* The first one boots sooner; newer distributions have the second one alone. */
static gboolean
choose_machine(Bench *bench, GError **error)
{
    static const char *const types[] = {"pc", "q35"};

    for (gsize i = 0; i < G_N_ELEMENTS(types) && !bench->machine.emulator; i++) {
        bench->machine.type = types[i];
        bench->machine.emulator = find_emulator(bench, types[i]);
    }
    return bench->machine.emulator != NULL ||
           nest_virt_error(error, "libvirt has no QEMU for a guest to measure with");
}

/* --- guests and rounds */

static gboolean
start_guests(Bench *bench, GError **error)
{
    for (guint i = 0; i < 2; i++) {
        progress(TRUE, "L%u boots", bench->report->levels[i]);
        bench->guests[i] = nest_bench_guest_start(bench->connection->libvirt, &bench->machine,
                                                  bench->report->levels[i], i, error);
        if (!bench->guests[i])
            return FALSE;
    }
    return TRUE;
}

static gboolean
work_once(Bench *bench, guint guest, NestWork work, gboolean counts, GError **error)
{
    NestBenchReport *report = bench->report;
    double rate = 0;
    gchar *lacks = NULL;

    if (report->lacks[work])
        return TRUE;
    if (!nest_bench_guest_work(bench->guests[guest], nest_work_names[work], report->ms, &rate,
                               &lacks, error))
        return FALSE;
    report->lacks[work] = lacks;
    if (!lacks && counts)
        g_array_append_val(report->rates[guest][work], rate);
    return TRUE;
}

/* The guests take turns in being the first. */
static gboolean
play_round(Bench *bench, guint number, GError **error)
{
    for (guint i = 0; i < NEST_WORKS; i++) {
        progress(i == 0, "round %u of %u: %s", number, bench->report->rounds,
                 nest_bench_works[i].title);
        if (!work_once(bench, number % 2, i, number > 0, error) ||
            !work_once(bench, (number + 1) % 2, i, number > 0, error) ||
            nest_bench_guest_is_interrupted(error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
measure_both_guests(Bench *bench, GError **error)
{
    gboolean done = TRUE;

    progress(TRUE, "the guests' files are made");
    done = nest_bench_files_make(&bench->machine, vendor_of_host(bench), error) &&
           start_guests(bench, error);
    for (guint i = 0; done && i <= bench->report->rounds; i++) /* the first one warms up */
        done = play_round(bench, i, error);
    progress(FALSE, "%s", "");
    return done;
}

/* Leaves out the works whose program this host does not have. */
static void
find_programs_of_others(NestBenchMachine *machine, NestBenchReport *report)
{
    machine->programs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < NEST_WORKS; i++) {
        const char *name = nest_work_programs[i];

        if (!name)
            continue;
        if (!g_hash_table_contains(machine->programs, name))
            g_hash_table_insert(machine->programs, g_strdup(name),
                                nest_bench_files_find_program(name));
        if (!g_hash_table_lookup(machine->programs, name))
            report->lacks[i] = g_strdup(NEST_BENCH_NOT_INSTALLED);
    }
}

/* The same for both guests, and for what is nested. Half of the memory is the limit for an initramfs, unless it is a ramfs
 * (Linux, Documentation/filesystems/ramfs-rootfs-initramfs.rst). */
#define ARGUMENTS "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable rootfstype=ramfs"

static gboolean
run_bench(Bench *bench, GError **error)
{
    const Size *size = bench->is_short ? &short_size : &usual_size;

    if (!check_bench_host(bench, error) || !choose_machine(bench, error))
        return FALSE;
    nest_bench_explain(bench->report, bench->emulate ? NULL : vendor_of_host(bench));
    bench->machine.arguments = ARGUMENTS;
    bench->machine.release = bench->report->kernel;
    bench->machine.cpu = bench->cpu;
    bench->machine.kvm = !bench->emulate;
    bench->machine.memory = size->memory;
    bench->machine.disk = size->disk;
    bench->report->ms = size->ms;
    bench->report->rounds = (guint)bench->rounds;
    bench->report->cpu = bench->cpu ? bench->cpu : bench->emulate ? "maximum" : "host-passthrough";
    find_programs_of_others(&bench->machine, bench->report);
    nest_bench_guest_catch_signals();
    return measure_both_guests(bench, error);
}

/* --- the command */

/* "1,2", or "1,1", which shows the spread of this host. */
static gboolean
read_levels(Bench *bench)
{
    const char *levels = bench->levels ? bench->levels : "1,2";

    if (strlen(levels) != 3 || !strchr("12", levels[0]) || levels[1] != ',' ||
        !strchr("12", levels[2]))
        return FALSE;
    bench->report->levels[0] = (guint)(levels[0] - '0');
    bench->report->levels[1] = (guint)(levels[2] - '0');
    return TRUE;
}

static const char *
find_misuse(const NestCall *call, Bench *bench)
{
    if (call->arguments[0])
        return "bench takes no arguments";
    if (!read_levels(bench))
        return "--levels takes two levels, each 1 or 2, such as 1,2";
    if (bench->rounds < FEWEST_ROUNDS || bench->rounds > MOST_ROUNDS)
        return "--rounds takes a number from 2 to 1000";
    return NULL;
}

static int
run_and_print(const NestCall *call, Bench *bench)
{
    GError *error = NULL;

    bench->connection = nest_connection_open_for(call, NEST_CONNECTION_TO_CHANGE, &error);
    if (!bench->connection || !run_bench(bench, &error))
        return nest_command_fail(error);
    if (bench->json)
        nest_bench_report_print_json(bench->report);
    else
        nest_bench_report_print(bench->report);
    return !bench->svg || nest_bench_svg_write(bench->report, bench->svg, &error)
               ? NEST_EXIT_DONE
               : nest_command_fail(error);
}

int
nest_bench(NestCall *call)
{
    g_auto(Bench) bench = {.rounds = 7, .report = nest_bench_report_new()};
    int status = NEST_EXIT_DONE;
    const char *misuse = NULL;
    const GOptionEntry options[] = {
        {"cpu", 0, 0, G_OPTION_ARG_FILENAME, &bench.cpu,
         "of L1: host-passthrough, host-model or a model", "CPU"},
        {"kernel", 0, 0, G_OPTION_ARG_FILENAME, &bench.report->kernel,
         "the installed kernel that the guests boot (default: the running one)", "RELEASE"},
        {"rounds", 0, 0, G_OPTION_ARG_INT, &bench.rounds, "how often (default: 7)", "N"},
        {"short", 0, 0, G_OPTION_ARG_NONE, &bench.is_short, "a fifth of the time, and less memory",
         NULL},
        {"levels", 0, 0, G_OPTION_ARG_FILENAME, &bench.levels,
         "what is compared (default: 1,2; 1,1 shows this host's own spread)", "A,B"},
        {"emulate", 0, 0, G_OPTION_ARG_NONE, &bench.emulate,
         "without KVM, to try it: the figures mean nothing", NULL},
        {"svg", 0, 0, G_OPTION_ARG_FILENAME, &bench.svg, "makes a picture as well", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &bench.json, "for programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    misuse = find_misuse(call, &bench);
    return misuse ? nest_command_misused(call, misuse) : run_and_print(call, &bench);
}
