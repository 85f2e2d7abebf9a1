/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libvirt daemon that manages this host's QEMU domains: which one it is, since when it runs, and how to reload it. */
#include "host/libvirt_daemon.h"

#include "base/root.h"
#include "base/systemd.h"
#include "host/process.h"

#include <glib/gstdio.h>
#include <string.h>

/* The daemons, each by the socket that it, or systemd for it, listens at; virtqemud may stand beside a libvirtd. */
static const struct {
    const char *unit;
    const char *socket;
    const char *program;
    const char *pid_file;
    const char *settings;
} daemons[] = {
    {"virtqemud", "/run/libvirt/virtqemud-sock", "/usr/sbin/virtqemud", "/run/virtqemud.pid",
     "/etc/libvirt/virtqemud.conf"},
    {"libvirtd", "/run/libvirt/libvirt-sock", "/usr/sbin/libvirtd", "/run/libvirtd.pid",
     "/etc/libvirt/libvirtd.conf"},
};

static gboolean
is_there(const char *file)
{
    g_autofree gchar *path = nest_root_path(file);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Returns: a row of the table; -1 where there is no such daemon. */
static int
find_daemon(void)
{
    for (int i = 0; i < (int)G_N_ELEMENTS(daemons); i++)
        if (is_there(daemons[i].socket))
            return i;
    for (int i = (int)G_N_ELEMENTS(daemons) - 1; i >= 0; i--)
        if (is_there(daemons[i].program))
            return i;
    return -1;
}

const char *
nest_libvirt_daemon_unit(void)
{
    int i = find_daemon();

    return i < 0 ? NULL : daemons[i].unit;
}

gint64
nest_libvirt_daemon_began(void)
{
    int i = find_daemon();

    return i < 0 ? 0 : nest_process_began(daemons[i].pid_file);
}

/* Returns: the number of a line "max_workers = 20"; 0 for any other line. */
static guint
workers_of_line(const char *line)
{
    static const char name[] = "max_workers";

    line += strspn(line, " \t");
    if (!g_str_has_prefix(line, name))
        return 0;
    line += strlen(name);
    line += strspn(line, " \t");
    return *line == '=' ? (guint)MIN(g_ascii_strtoull(line + 1, NULL, 10), G_MAXINT) : 0;
}

guint
nest_libvirt_daemon_workers(void)
{
    int i = find_daemon();
    g_autofree gchar *path = i < 0 ? NULL : nest_root_path(daemons[i].settings);
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;
    GStatBuf status = {0};
    guint workers = 0;

    if (!path || !g_file_get_contents(path, &text, NULL, NULL))
        return NEST_LIBVIRT_WORKERS;
    lines = g_strsplit(text, "\n", -1);
    for (gsize l = 0; lines[l] && !workers; l++)
        workers = workers_of_line(lines[l]);
    if (!workers)
        return NEST_LIBVIRT_WORKERS;
    /* A line that is newer than the daemon may not be in force yet. */
    if (g_stat(path, &status) == 0 && (gint64)status.st_mtime * 1000 > nest_libvirt_daemon_began())
        return MIN(workers, NEST_LIBVIRT_WORKERS);
    return workers;
}

gchar *
nest_libvirt_daemon_reload(const char *sudo)
{
    int i = find_daemon();

    if (i < 0)
        i = (int)G_N_ELEMENTS(daemons) - 1; /* what most hosts have */
    if (nest_systemd_runs())
        return g_strdup_printf("%ssystemctl try-reload-or-restart %s", sudo, daemons[i].unit);
    return g_strdup_printf("%skill -HUP $(cat %s)", sudo, daemons[i].pid_file);
}
