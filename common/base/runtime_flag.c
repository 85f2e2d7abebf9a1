/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flags: notes between the hook and virtnestd about one domain, void after a minute. */
#include "base/runtime_flag.h"

#include "base/error.h"
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* How long a flag is fresh. What it announces usually comes at once, and after some seconds on a loaded host. */
#define FRESH_SECONDS 60

static const char *const directories[] = {
    [NEST_RUNTIME_FLAG_RESUMING] = "resume",
    [NEST_RUNTIME_FLAG_RESTORING] = "restore",
    [NEST_RUNTIME_FLAG_CORRECTING] = "correcting",
    [NEST_RUNTIME_FLAG_STARTING] = "starting",
};

/* (nullable) NULL for a malformed uuid, which must not become part of a path. */
static gchar *
flag_path(NestRuntimeFlag flag, const char *uuid)
{
    g_autofree gchar *name = g_build_filename(directories[flag], uuid, NULL);

    return g_uuid_string_is_valid(uuid) ? nest_root_runtime_path(name) : NULL;
}

static gboolean
make_stamp(const char *path)
{
    g_autofree gchar *directory = g_path_get_dirname(path);
    g_autofree gchar *above = g_path_get_dirname(directory);
    int fd = -1;

    if (g_mkdir_with_parents(above, 0755) < 0 || (g_mkdir(directory, 0700) < 0 && errno != EEXIST))
        return FALSE;
    g_unlink(path); /* so that the file is new, and has the present time */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 && close(fd) == 0;
}

gboolean
nest_runtime_flag_set(NestRuntimeFlag flag, const char *uuid, GError **error)
{
    g_autofree gchar *path = flag_path(flag, uuid);

    if (path && make_stamp(path))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "cannot write a note about domain '%s' (%s): %s: see whether /run is full", uuid,
                path ? path : "not a uuid", path ? g_strerror(errno) : "no file made");
    return FALSE;
}

gboolean
nest_runtime_flag_test(NestRuntimeFlag flag, const char *uuid)
{
    g_autofree gchar *path = flag_path(flag, uuid);
    GStatBuf status;
    gint64 age = 0;

    if (!path || g_lstat(path, &status) < 0)
        return FALSE;
    age = g_get_real_time() / G_USEC_PER_SEC - (gint64)status.st_mtime;
    /* A time in the future means that the clock was set back. The age of the flag is then unknown. */
    return ABS(age) < FRESH_SECONDS && status.st_uid == geteuid();
}

gchar *
nest_runtime_flag_find(NestRuntimeFlag flag)
{
    g_autofree gchar *path = nest_root_runtime_path(directories[flag]);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (directory && (name = g_dir_read_name(directory)))
        if (nest_runtime_flag_test(flag, name))
            return g_strdup(name);
    return NULL;
}

void
nest_runtime_flag_clear(NestRuntimeFlag flag, const char *uuid)
{
    g_autofree gchar *path = flag_path(flag, uuid);

    if (path)
        g_unlink(path);
}
