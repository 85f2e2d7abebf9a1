/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of the host's libvirt daemon from its files: how many workers it has. */
#include "check.h"
#include "host/libvirt_daemon.h"

#include <glib/gstdio.h>
#include <unistd.h>
#include <utime.h>

#define SETTINGS "etc/libvirt/libvirtd.conf"

static const struct {
    const char *sentence, *settings;
    guint workers;
} rows[] = {
    {"as installed", "# The maximum limit sets an upper bound\n#max_workers = 20\n", NEST_LIBVIRT_WORKERS},
    {"more", "log_level = 3\nmax_workers = 60\n", 60},
    {"fewer, with other blanks", "\t max_workers=6 # few\n", 6},
    {"another name that begins so", "max_workers_of_mine = 7\nprio_workers = 8\n", NEST_LIBVIRT_WORKERS},
    {"no number", "max_workers = many\n", NEST_LIBVIRT_WORKERS},
    {"more than there can be", "max_workers = 99999999999999999999\n", G_MAXINT},
    {"empty", "", NEST_LIBVIRT_WORKERS},
};

/* Returns: (transfer full) the root of a host whose libvirtd is this process. */
static gchar *
new_host(const char *settings)
{
    gchar *root = check_root_new();
    g_autofree gchar *pid = g_strdup_printf("%d\n", (int)getpid());
    g_autofree gchar *path = g_strdup_printf("proc/%d/stat", (int)getpid());
    g_autofree gchar *stat = NULL;

    g_assert_true(g_file_get_contents("/proc/self/stat", &stat, NULL, NULL));
    check_root_write("run/libvirt/libvirt-sock", "");
    check_root_write("run/libvirtd.pid", pid);
    check_root_write(path, stat);
    check_root_write(SETTINGS, settings);
    return root;
}

static void
test_workers(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = new_host(rows[i].settings);
    g_autofree gchar *path = g_build_filename(root, SETTINGS, NULL);
    struct utimbuf long_ago = {0};

    g_assert_cmpint(g_utime(path, &long_ago), ==, 0);
    g_assert_cmpuint(nest_libvirt_daemon_workers(), ==, rows[i].workers);
    check_root_free(root);
}

static void
test_newer(void)
{
    gchar *root = new_host("max_workers = 60\n");
    g_autofree gchar *path = g_build_filename(root, SETTINGS, NULL);
    struct utimbuf later = {0, time(NULL) + 60};

    g_test_summary("settings that are newer than the daemon give it no more workers, and where there are none it has the usual");
    g_assert_cmpint(g_utime(path, &later), ==, 0);
    g_assert_cmpuint(nest_libvirt_daemon_workers(), ==, NEST_LIBVIRT_WORKERS);
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpuint(nest_libvirt_daemon_workers(), ==, NEST_LIBVIRT_WORKERS);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("libvirt-daemon", rows[i].sentence, GSIZE_TO_POINTER(i), test_workers);
    g_test_add_func("/libvirt-daemon/newer", test_newer);
    return g_test_run();
}
