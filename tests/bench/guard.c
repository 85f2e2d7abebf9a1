/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU time of virtnestd's guard: guard ROUNDS DOMAINS PLUGIN-DIRECTORY [watched], $VIRT_NEST_ROOT being an empty directory.
 *
 * A third of the domains run nested guests, the others never did. With "watched" none does, and a plugin says that it
 * would tell of the first. Real are domains.c and what it is made of, the main loop, probe-debugfs and export-textfile. Fake are the counters, which are files that another
 * process makes grow, libvirt, which answers below, and the guard plugin, good-guard, which does nothing. What
 * is measured is what goes on all the time; writing down that a guard was armed is not among it.
 *
 *   CPU NANOSECONDS    of all threads, user and system, while each domain is sampled SAMPLES times
 *   READ NANOSECONDS   of opening, reading and closing all counters as many times, and nothing else
 *   TIME NANOSECONDS   how long those samples took */
#include "virt.h"

#include "domain/state.h"
#include "virtnestd/domains.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The exports are written each 15 s at least: one is among these. */
#define SAMPLES 20
/* One in so many domains runs nested guests. */
#define NESTED_EVERY 3U
/* Between two entries into them. */
#define GROW_MS 400L
#define STEP_MS 100
#define LIMIT_SECONDS 60
/* Where the export writes, below the root. */
#define METRICS "/metrics"
/* PIDs of the QEMUs; any. */
#define FIRST_PID 100000U
#define UUID_FORMAT "00000000-0000-4000-8000-%012u"
#define UUID_NUMBER 24 /* where the number begins */

typedef struct {
    NestConfig config;
    guint n;
    gboolean watched;
    gchar **counters; /* a path for each, and NULL */
    NestDomains *domains;
} Bench;

/* Domains of which it was published that no nested guest runs, and of which that they are armed; by workers. */
static gint known;
static gint armed;

/* --- libvirt, as far as the guard calls it, besides tests/fakes/libvirt.c */

int
virDomainListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **snapshots, unsigned int flags)
{
    (void)domain, (void)snapshots, (void)flags;
    return 0;
}

/* A domain is its id, which is the number in its uuid. */
virDomainPtr
virDomainLookupByUUIDString(virConnectPtr connection, const char *uuid)
{
    (void)connection;
    return GSIZE_TO_POINTER(g_ascii_strtoull(uuid + UUID_NUMBER, NULL, 10));
}

int
virDomainIsActive(virDomainPtr domain)
{
    (void)domain;
    return 1;
}

int
virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info, unsigned int flags)
{
    (void)domain, (void)flags;
    info->state = VIR_DOMAIN_CONTROL_OK;
    return 0;
}

int
virDomainGetJobStats(virDomainPtr domain, int *type, virTypedParameterPtr *parameters, int *n,
                     unsigned int flags)
{
    (void)domain, (void)flags;
    *type = VIR_DOMAIN_JOB_NONE;
    *parameters = NULL;
    *n = 0;
    return 0;
}

int
virConnectListAllDomains(virConnectPtr connection, virDomainPtr **domains, unsigned int flags)
{
    (void)connection, (void)flags;
    *domains = g_new0(virDomainPtr, 1);
    return 0;
}

/* --- the counters */

static void
write_counter(const char *path, guint64 entries)
{
    char text[32] = "";
    int length = g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT "\n", entries);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

    if (fd < 0 || write(fd, text, (size_t)length) != length)
        bench_die("cannot write %s: %s", path, g_strerror(errno));
    (void)close(fd);
}

static void
make_counters(Bench *bench)
{
    const char *root = g_getenv("VIRT_NEST_ROOT");

    bench->counters = g_new0(gchar *, bench->n + 1);
    for (guint i = 0; i < bench->n; i++) {
        g_autofree gchar *directory =
            g_strdup_printf("%s/sys/kernel/debug/kvm/%u-12", root, FIRST_PID + i);

        if (g_mkdir_with_parents(directory, 0755) < 0)
            bench_die("cannot make %s: %s", directory, g_strerror(errno));
        bench->counters[i] = g_build_filename(directory, "nested_run", NULL);
        write_counter(bench->counters[i], 0);
    }
}

static void
read_counters(const Bench *bench)
{
    char text[32];

    for (guint i = 0; i < bench->n; i++) {
        int fd = open(bench->counters[i], O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
            bench_die("cannot read %s: %s", bench->counters[i], g_strerror(errno));
        (void)close(fd);
    }
}

/* Another process, so that its CPU time is not ours. */
static pid_t
start_nested(const Bench *bench)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0)
        bench_die("cannot fork: %s", g_strerror(errno));
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (guint64 entries = 1; getppid() == parent; entries++) {
        for (guint i = 0; i < bench->n; i += NESTED_EVERY)
            write_counter(bench->counters[i], entries);
        g_usleep(GROW_MS * 1000);
    }
    _exit(0);
}

/* --- the guard */

/* A live status on its way into the domain's live XML. */
int
virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                     const char *uri, unsigned int flags)
{
    (void)domain, (void)type, (void)key, (void)uri, (void)flags;
    if (strstr(metadata, "nested='no'"))
        (void)g_atomic_int_add(&known, 1);
    if (strstr(metadata, "guard='armed'"))
        (void)g_atomic_int_add(&armed, 1);
    return 0;
}

static void
on_armed(gpointer data, gboolean any)
{
    (void)data, (void)any;
}

static void
on_other(gpointer data)
{
    (void)data;
}

static void
on_unjudged(gpointer data, const NestUnjudged *unjudged)
{
    (void)data, (void)unjudged;
}

static const NestDomainsListener listener = {on_armed, on_other, on_other, on_unjudged};

/* @watched: a plugin tells of entries, too */
static NestPluginHost *
load_plugins(const char *directory, gboolean watched)
{
    const gchar *const names[] = {"probe-debugfs", "good-guard", "export-textfile",
                                  watched ? "good-watch" : NULL, NULL};
    g_autoptr(GKeyFile) settings = g_key_file_new();
    g_autofree gchar *metrics = g_strconcat(g_getenv("VIRT_NEST_ROOT"), METRICS, NULL);
    NestPluginHost *plugins = NULL;

    if (g_mkdir_with_parents(metrics, 0755) < 0)
        bench_die("cannot make %s: %s", metrics, g_strerror(errno));
    g_key_file_set_string(settings, "export-textfile", "directory", METRICS);
    plugins = nest_plugin_host_load(directory, names, settings);
    for (int kind = NEST_PLUGIN_PROBE; kind <= (watched ? NEST_PLUGIN_WATCH : NEST_PLUGIN_EXPORT); kind++)
        if (!nest_plugin_host_get(plugins, (NestPluginKind)kind, 0))
            bench_die("%s lacks one of the plugins", directory);
    return plugins;
}

static NestLiveDomain *
new_live_domain(guint i)
{
    NestLiveDomain *live = g_atomic_rc_box_new0(NestLiveDomain);

    live->guest.name = g_strdup_printf("b%05u", i);
    live->guest.uuid = g_strdup_printf(UUID_FORMAT, i + 1);
    live->guest.id = (int)i + 1;
    live->guest.pid = FIRST_PID + i;
    live->guest.kvm = TRUE;
    live->guest.feature = "svm";
    live->qemu = g_strdup("1");
    live->tagged = live->guarded = TRUE;
    live->state = nest_state_new();
    return live;
}

static void
guard_all(Bench *bench)
{
    nest_domains_attach(bench->domains, virConnectOpen(NULL), "fake:///");
    for (guint i = 0; i < bench->n; i++) {
        g_autoptr(NestLiveDomain) live = new_live_domain(i);

        nest_domain_see(nest_domains_get(bench->domains, live->guest.uuid), live);
    }
}

/* --- measuring */

static gboolean
end(gpointer is_over)
{
    *(gboolean *)is_over = TRUE;
    return G_SOURCE_REMOVE;
}

static void
run_loop(guint ms)
{
    gboolean is_over = FALSE;

    g_timeout_add(ms, end, &is_over);
    while (!is_over)
        g_main_context_iteration(NULL, TRUE);
}

static void
run_until(const gint *count, guint wanted, const char *what)
{
    for (int ms = 0; (guint)g_atomic_int_get(count) < wanted; ms += STEP_MS) {
        if (ms > LIMIT_SECONDS * 1000)
            bench_die("%d of %u domains are %s", g_atomic_int_get(count), wanted, what);
        run_loop(STEP_MS);
    }
}

/* Nanoseconds of CPU time, all threads, user and system: as getrusage(2) has it, only finer. */
static gint64
cpu_time(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (gint64)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
measure(const Bench *bench)
{
    gint64 begin = bench_now();
    gint64 cpu = cpu_time();

    run_loop(SAMPLES * bench->config.interval_ms);
    bench_print("CPU", cpu_time() - cpu);
    bench_print("TIME", bench_now() - begin);
    cpu = cpu_time();
    for (int i = 0; i < SAMPLES; i++)
        read_counters(bench);
    bench_print("READ", cpu_time() - cpu);
}

/* One that fails costs nothing. */
static void
check_export(void)
{
    g_autofree gchar *file =
        g_strconcat(g_getenv("VIRT_NEST_ROOT"), METRICS "/virt_nest.prom", NULL);

    if (!g_file_test(file, G_FILE_TEST_EXISTS))
        bench_die("there is no %s", file);
}

static void
run(Bench *bench, int rounds)
{
    pid_t nested = 0;

    guard_all(bench);
    run_until(&known, bench->n, "known");
    if (bench->watched) {
        for (int round = 0; round < rounds; round++)
            measure(bench);
        return;
    }
    nested = start_nested(bench);
    run_until(&armed, (bench->n + NESTED_EVERY - 1) / NESTED_EVERY, "armed");
    run_loop(2 * bench->config.interval_ms);
    check_export();
    for (int round = 0; round < rounds; round++)
        measure(bench);
    kill(nested, SIGKILL);
    (void)waitpid(nested, NULL, 0);
}

int
main(int argc, char **argv)
{
    Bench bench = {.config = NEST_CONFIG_DEFAULT};
    NestPluginHost *plugins = NULL;

    g_set_prgname("guard");
    bench.watched = argc == 5 && g_str_equal(argv[4], "watched");
    if ((argc != 4 && !bench.watched) || !g_getenv("VIRT_NEST_ROOT"))
        bench_die("usage: VIRT_NEST_ROOT=EMPTY-DIRECTORY guard ROUNDS DOMAINS PLUGIN-DIRECTORY [watched]");
    if (virInitialize() < 0) /* for what is the library's own */
        bench_die("libvirt cannot be initialised");
    bench.n = (guint)bench_number(argv[2]);
    make_counters(&bench);
    plugins = load_plugins(argv[3], bench.watched);
    bench.domains = nest_domains_new(&bench.config, plugins, &listener, NULL);
    run(&bench, bench_number(argv[1]));
    nest_domains_free(bench.domains);
    nest_plugin_host_free(plugins);
    g_strfreev(bench.counters);
    return 0;
}
