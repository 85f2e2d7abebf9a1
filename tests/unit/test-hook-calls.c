/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether libvirt calls the hook, by the files of a laid-out host, and what is said and advised if it does not. */
#include "check.h"
#include "host/hook_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define S 1000
#define DAEMON (G_GINT64_CONSTANT(1790000000) * S) /* when it began */

static const struct {
    const char *sentence;
    gint64 installed, called, started; /* after DAEMON; 0: never */
    gboolean may_be_starting;
    NestHookVerdict verdict;
} rows[] = {
    {"nothing was started", -S, 0, 0, FALSE, NEST_HOOK_UNKNOWN},
    {"only an earlier daemon called it", -S, -S, 0, FALSE, NEST_HOOK_UNKNOWN},
    {"called, and nothing runs", -S, S, 0, FALSE, NEST_HOOK_IS_CALLED},
    {"called at the end of the last start", -S, 2 * S, S, FALSE, NEST_HOOK_IS_CALLED},
    {"called within the kernel's tick of it", -S, S - 40, S, FALSE, NEST_HOOK_IS_CALLED},
    {"called for an earlier start only", -S, S, 2 * S, FALSE, NEST_HOOK_NOT_CALLED},
    {"... and the last may not be through", -S, S, 2 * S, TRUE, NEST_HOOK_IS_CALLED},
    {"... and the last must be through", -S, S, 62 * S, TRUE, NEST_HOOK_NOT_CALLED},
    {"never called, and a domain was started", -S, 0, S, FALSE, NEST_HOOK_NOT_CALLED},
    {"... also where it may not be through", -S, 0, S, TRUE, NEST_HOOK_NOT_CALLED},
    {"the domain is older than the daemon", -S, -5 * S, -2 * S, FALSE, NEST_HOOK_UNKNOWN},
    {"newer than the daemon", S, 0, 0, FALSE, NEST_HOOK_UNSEEN},
    {"newer than the daemon, and a domain is newer still", S, 0, 2 * S, FALSE, NEST_HOOK_NOT_CALLED},
};

static gint64
at(gint64 offset)
{
    return offset ? DAEMON + offset : 0;
}

static void
test_judge(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    const NestHookCalls calls = {"/etc/libvirt/hooks/qemu", FALSE, TRUE, at(rows[i].installed), at(rows[i].called), DAEMON};

    g_assert_cmpint(nest_hook_calls_judge(&calls, at(rows[i].started), rows[i].may_be_starting), ==, rows[i].verdict);
}

/* --- what is said */

#define PLACE "/etc/libvirt/hooks/qemu"
#define RELOAD "sudo systemctl try-reload-or-restart "

static const struct {
    const char *sentence;
    const char *there;  /* a file of the host */
    const char *place;  /* the hook's; NULL: nowhere */
    guint mode;         /* ... */
    gboolean is_newer;  /* than the daemon */
    const char *reason; /* pieces */
    const char *remedy; /* whole */
} texts[] = {
    {"no hook", "run/systemd/system/x", NULL, 0, FALSE, "not in /etc/libvirt/hooks",
     "sudo make install && sudo systemctl daemon-reload && " RELOAD
     "libvirtd (in the directory of virt-nest's source)"},
    {"not executable", "run/systemd/system/x", PLACE, 0644, FALSE, PLACE " is not executable",
     "sudo chmod 755 " PLACE " && " RELOAD "libvirtd"},
    {"newer than the daemon", "run/systemd/system/x", PLACE, 0755, TRUE, PLACE " is newer than libvirt's daemon",
     RELOAD "libvirtd"},
    {"nobody can see why", "run/systemd/system/x", PLACE, 0755, FALSE, PLACE "|AppArmor or SELinux", RELOAD "libvirtd"},
    {"beside somebody else's hook", "run/systemd/system/x", PLACE ".d/50-virt-nest", 0644, FALSE, "50-virt-nest is not",
     "sudo chmod 755 " PLACE ".d/50-virt-nest && " RELOAD "libvirtd"},
    {"without systemd", "run/libvirt/libvirt-sock", PLACE, 0755, FALSE, "AppArmor",
     "sudo kill -HUP $(cat /run/libvirtd.pid)"},
    {"without systemd, the modular daemon", "run/libvirt/virtqemud-sock", PLACE, 0755, FALSE, "AppArmor",
     "sudo kill -HUP $(cat /run/virtqemud.pid)"},
};

static void
test_text(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    gchar *root = check_root_new();
    NestHookCalls calls = {0};
    g_autofree gchar *reason = NULL, *remedy = NULL, *text = NULL;

    check_root_write(texts[i].there, "");
    if (texts[i].place) {
        g_autofree gchar *path = g_strconcat(root, texts[i].place, NULL);

        check_root_write(texts[i].place + 1, "\177ELF ... virt-nest ...");
        g_assert_cmpint(g_chmod(path, (int)texts[i].mode), ==, 0);
    }
    calls = nest_hook_calls_read();
    g_assert_cmpstr(calls.place, ==, texts[i].place);
    calls.daemon = texts[i].is_newer ? calls.installed - S : calls.installed + S;
    reason = nest_hook_calls_reason(&calls);
    remedy = nest_hook_calls_remedy(&calls, "sudo ");
    check_says(reason, texts[i].reason);
    g_assert_cmpstr(remedy, ==, texts[i].remedy);
    text = nest_hook_calls_text(&calls, "lab1", "lab1 and lab2", "sudo ");
    check_says(text, "lab1 was started without it|(lab1 and lab2 did): |next start");
    check_says(text, remedy);
    check_root_free(root);
}

/* --- what is read */

#define BEGAN 100 /* seconds after the boot */

/* A daemon that began then; @called: after it. */
static void
lay_out(const char *root, gint64 called)
{
    struct timespec up = {0};
    g_autofree gchar *stat =
        g_strdup_printf("4711 (libvirtd) S 1 4711 4711 0 -1 4194560 5 0 0 0 10 20 0 0 20 0 3 0 %ld 1000\n",
                        BEGAN * sysconf(_SC_CLK_TCK));
    g_autofree gchar *path = g_build_filename(root, "run/virt-nest/hook-called", NULL);
    struct timespec times[2] = {{0}};

    clock_gettime(CLOCK_BOOTTIME, &up);
    times[0].tv_sec = times[1].tv_sec = g_get_real_time() / G_USEC_PER_SEC - up.tv_sec + BEGAN + called;
    check_root_write("run/libvirt/libvirt-sock", "");
    check_root_write("run/libvirtd.pid", "4711");
    check_root_write("proc/4711/stat", stat);
    check_root_write("run/virt-nest/hook-called", "");
    check_root_write("etc/libvirt/hooks/qemu", "\177ELF virt-nest");
    g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static void
test_read(void)
{
    gchar *root = check_root_new();
    NestHookCalls calls = {0};

    g_test_summary("the daemon's begin and the last call are on one clock");
    lay_out(root, 7);
    calls = nest_hook_calls_read();
    g_assert_cmpint(ABS(calls.called - calls.daemon - 7 * S), <, 2 * S);
    g_assert_cmpint(nest_hook_calls_judge(&calls, 0, FALSE), ==, NEST_HOOK_IS_CALLED);
    lay_out(root, -7);
    calls = nest_hook_calls_read();
    g_assert_cmpint(nest_hook_calls_judge(&calls, 0, FALSE), ==, NEST_HOOK_UNSEEN); /* it was made just now */
    check_root_free(root);
}

static void
test_nothing(void)
{
    gchar *root = check_root_new();
    NestHookCalls calls = nest_hook_calls_read();

    g_test_summary("of a host without libvirt nothing is known");
    g_assert_null(calls.place);
    g_assert_cmpint(calls.daemon, ==, 0);
    g_assert_cmpint(calls.called, ==, 0);
    g_assert_cmpint(nest_hook_calls_judge(&calls, 0, FALSE), ==, NEST_HOOK_UNKNOWN);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("hook-calls/judge", rows[i].sentence, GSIZE_TO_POINTER(i), test_judge);
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        check_add_row("hook-calls/text", texts[i].sentence, GSIZE_TO_POINTER(i), test_text);
    g_test_add_func("/hook-calls/read", test_read);
    g_test_add_func("/hook-calls/nothing", test_nothing);
    return g_test_run();
}
