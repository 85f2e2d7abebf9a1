/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libvirt daemon that manages this host's QEMU domains: which one it is, since when it runs, how it reads anew. */
#include "host/libvirt_daemon.h"

#include "base/root.h"
#include "base/systemd.h"
#include "host/process.h"

/* The daemons, each by the socket that it, or systemd for it, listens at; virtqemud may stand beside a libvirtd. */
static const struct {
    const char *unit;
    const char *socket;
    const char *program;
    const char *pid_file;
} daemons[] = {
    {"virtqemud", "/run/libvirt/virtqemud-sock", "/usr/sbin/virtqemud", "/run/virtqemud.pid"},
    {"libvirtd", "/run/libvirt/libvirt-sock", "/usr/sbin/libvirtd", "/run/libvirtd.pid"},
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
