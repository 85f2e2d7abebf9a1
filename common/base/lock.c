/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks between programs: open file description locks (fcntl(2)), which belong to a descriptor, not to a process. */
#include "base/lock.h"

#include "base/error.h"
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>

int
nest_lock_open(const char *name, GError **error)
{
    g_autofree gchar *path = nest_root_runtime_path(name);
    g_autofree gchar *directory = g_path_get_dirname(path);
    int lock = -1;

    if (g_mkdir_with_parents(directory, 0755) == 0)
        lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot open %s: %s", path,
                    g_strerror(errno));
    return lock;
}

int
nest_lock_open_to_ask(const char *name)
{
    g_autofree gchar *path = nest_root_runtime_path(name);

    return open(path, O_RDONLY | O_CLOEXEC);
}

gboolean
nest_lock_try(int lock)
{
    struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(lock, F_OFD_SETLK, &whole_file) == 0;
}

/* Asks whether a read lock would be granted: only somebody's write lock prevents that. A descriptor
 * that is read-only can ask this. */
gboolean
nest_lock_is_held(int lock)
{
    struct flock whole_file = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    return fcntl(lock, F_OFD_GETLK, &whole_file) == 0 && whole_file.l_type == F_WRLCK;
}
