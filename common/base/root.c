/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the host's files are: below $VIRT_NEST_ROOT when a test sets up a host in a directory. */
#include "base/root.h"

#include <stdlib.h>
#include <unistd.h>

static const char *
root(void)
{
    const char *directory = secure_getenv("VIRT_NEST_ROOT");

    return directory ? directory : "";
}

gboolean
nest_root_is_fake(void)
{
    return *root() != '\0';
}

gchar *
nest_root_path(const char *path)
{
    return g_strconcat(root(), path, NULL);
}

gchar *
nest_root_read(const char *path, gsize *ret_length)
{
    g_autofree gchar *full = nest_root_path(path);
    gchar *text = NULL;

    return g_file_get_contents(full, &text, ret_length, NULL) ? text : NULL;
}

gchar *
nest_root_read_process(gint64 pid, const char *name, gsize *ret_length)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/%s", pid, name);

    return nest_root_read(path, ret_length);
}

gboolean
nest_root_is_session(void)
{
    return geteuid() != 0;
}

gchar *
nest_root_libvirt_path(const char *system, const char *session)
{
    return nest_root_is_session()
               ? g_build_filename(g_get_user_config_dir(), "libvirt", session, NULL)
               : nest_root_path(system);
}

gchar *
nest_root_runtime_path(const char *name)
{
    g_autofree gchar *directory =
        nest_root_is_session() ? g_strdup_printf("/run/user/%u/virt-nest", (unsigned)geteuid())
                               : g_strdup("/run/virt-nest");
    g_autofree gchar *path = g_build_filename(directory, name, NULL);

    return nest_root_path(path);
}
