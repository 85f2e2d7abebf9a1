/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd's hook watch: starts with and without the hook, and what is told of them, on a laid-out host. */
#include "check.h"
#include "virtnestd/hook_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAEMON 100 /* all times are in seconds after the boot */

/* Warnings of the log. */
static guint warnings;

static GLogWriterOutput
count_warnings(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    (void)fields, (void)n, (void)data;
    warnings += (level & G_LOG_LEVEL_WARNING) != 0;
    return G_LOG_WRITER_HANDLED;
}

typedef struct {
    gchar *root;
    NestHookWatch *watch;
    guint told;
    gint64 since; /* as it was told last */
    gchar *name;
    gchar *tagged;
} Host;

static void
note(gpointer data, const NestUnjudged *unjudged)
{
    Host *host = data;

    host->told++;
    host->since = unjudged->since;
    g_free(host->name);
    g_free(host->tagged);
    host->name = g_strdup(unjudged->name);
    host->tagged = g_strdup(unjudged->tagged);
}

/* A process that began then, and the file with its PID. */
static void
put_process(const char *file, int pid, int began)
{
    g_autofree gchar *number = g_strdup_printf("%d", pid);
    g_autofree gchar *path = g_strdup_printf("proc/%d/stat", pid);
    g_autofree gchar *stat = g_strdup_printf("%d (x) S 1 1 1 0 -1 0 5 0 0 0 10 20 0 0 20 0 3 0 %ld 1000\n", pid,
                                             began * sysconf(_SC_CLK_TCK));

    check_root_write(file, number);
    check_root_write(path, stat);
}

static void
put_domain(const char *name, int pid, int began)
{
    g_autofree gchar *file = g_strdup_printf("run/libvirt/qemu/%s.pid", name);

    put_process(file, pid, began);
}

static void
put_call(const Host *host, int called)
{
    g_autofree gchar *path = g_build_filename(host->root, "run/virt-nest/hook-called", NULL);
    struct timespec up = {0};
    struct timespec times[2] = {{0}};

    clock_gettime(CLOCK_BOOTTIME, &up);
    times[0].tv_sec = times[1].tv_sec = g_get_real_time() / G_USEC_PER_SEC - up.tv_sec + called;
    check_root_write("run/virt-nest/hook-called", "");
    g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static void
host_clear(Host *host)
{
    nest_hook_watch_free(host->watch);
    g_free(host->name);
    g_free(host->tagged);
    check_root_free(host->root);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Host, host_clear)

/* Its daemon has called the hook before. */
static void
host_lay_out(Host *host)
{
    warnings = 0;
    host->root = check_root_new();
    check_root_write("run/libvirt/libvirt-sock", "");
    check_root_write("etc/libvirt/hooks/qemu", "\177ELF virt-nest");
    put_process("run/libvirtd.pid", 4711, DAEMON);
    put_call(host, DAEMON + 50);
    host->watch = nest_hook_watch_new(note, host);
}

static gboolean
end_wait(gpointer ended)
{
    *(gboolean *)ended = TRUE;
    return G_SOURCE_REMOVE;
}

/* Until the look that is due has been made: GLib runs what is due first first. */
static void
let_it_look(void)
{
    gboolean ended = FALSE;

    g_timeout_add_seconds_full(G_PRIORITY_LOW, 1, end_wait, &ended, NULL);
    while (!ended)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_called(void)
{
    g_auto(Host) host = {0};

    g_test_summary("of starts with the hook nothing is told");
    host_lay_out(&host);
    put_domain("lab1", 4800, DAEMON + 200);
    put_call(&host, DAEMON + 201);
    nest_hook_watch_started(host.watch, "u1", "lab1");
    nest_hook_watch_tagged(host.watch, "u1");
    let_it_look();
    nest_hook_watch_stopped(host.watch, "u1");
    g_assert_cmpuint(host.told, ==, 0);
}

static void
test_not_called(void)
{
    g_auto(Host) host = {0};

    g_test_summary("a start without it is told, with the tagged ones; until they stop, and until the hook is called");
    host_lay_out(&host);
    put_domain("lab1", 4800, DAEMON + 200);
    nest_hook_watch_started(host.watch, "u1", "lab1");
    let_it_look();
    g_assert_cmpstr(host.name, ==, "lab1");
    g_assert_cmpint(host.since, >, 0);
    g_assert_null(host.tagged);
    nest_hook_watch_tagged(host.watch, "u1");
    g_assert_cmpstr(host.tagged, ==, "lab1");
    put_domain("lab2", 4801, DAEMON + 300);
    nest_hook_watch_started(host.watch, "u2", "lab2");
    nest_hook_watch_tagged(host.watch, "u2");
    let_it_look();
    g_assert_cmpstr(host.name, ==, "lab2");
    g_assert_cmpstr(host.tagged, ==, "lab1, lab2");
    g_assert_cmpuint(warnings, ==, 1); /* and not one a domain */
    nest_hook_watch_stopped(host.watch, "u1");
    g_assert_cmpstr(host.tagged, ==, "lab2");
    put_call(&host, DAEMON + 400); /* at the stop, which was the first call after the remedy */
    let_it_look();
    g_assert_cmpint(host.since, ==, 0);
    g_assert_null(host.tagged);
}

static void
test_overtaken(void)
{
    g_auto(Host) host = {0};

    g_test_summary("a run that is over before the look is forgotten, and so is one without a PID");
    host_lay_out(&host);
    put_domain("lab1", 4800, DAEMON + 200);
    nest_hook_watch_started(host.watch, "u1", "lab1");
    nest_hook_watch_stopped(host.watch, "u1");
    nest_hook_watch_started(host.watch, "u2", "of another libvirt");
    let_it_look();
    g_assert_cmpuint(host.told, ==, 0);
}

static void
test_mended_and_broken(void)
{
    g_auto(Host) host = {0};

    g_test_summary("a start right after the remedy is looked at, too: the hook may be gone again");
    host_lay_out(&host);
    put_domain("lab1", 4800, DAEMON + 200);
    nest_hook_watch_started(host.watch, "u1", "lab1");
    let_it_look();
    put_call(&host, DAEMON + 300);
    put_domain("lab2", 4801, DAEMON + 400);
    nest_hook_watch_started(host.watch, "u2", "lab2");
    nest_hook_watch_tagged(host.watch, "u2");
    let_it_look();
    g_assert_cmpstr(host.name, ==, "lab2");
    g_assert_cmpstr(host.tagged, ==, "lab2");
}

static void
test_gone(void)
{
    g_auto(Host) host = {0};

    g_test_summary("when libvirt is gone nothing is said any more");
    host_lay_out(&host);
    put_domain("lab1", 4800, DAEMON + 200);
    nest_hook_watch_started(host.watch, "u1", "lab1");
    let_it_look();
    g_assert_cmpint(host.since, >, 0);
    nest_hook_watch_clear(host.watch);
    g_assert_cmpint(host.since, ==, 0);
    nest_hook_watch_clear(host.watch);
    g_assert_cmpuint(host.told, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(count_warnings, NULL, NULL);
    g_test_add_func("/hook-watch/called", test_called);
    g_test_add_func("/hook-watch/not called", test_not_called);
    g_test_add_func("/hook-watch/overtaken", test_overtaken);
    g_test_add_func("/hook-watch/mended and broken", test_mended_and_broken);
    g_test_add_func("/hook-watch/gone", test_gone);
    return g_test_run();
}
