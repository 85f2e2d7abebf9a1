/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether virtnestd runs: it holds a lock on /run/virt-nest/virtnestd.lock until it ends. */
#include "liveness.h"

#include "error.h"
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define LOCK_NAME "virtnestd.lock"

static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

gboolean
nest_liveness_take(GError **error)
{
    g_autofree gchar *path = nest_root_runtime_path(LOCK_NAME);
    g_autofree gchar *folder = g_path_get_dirname(path);
    struct flock lock = whole_file;
    int fd = -1;

    if (g_mkdir_with_parents(folder, 0755) == 0)
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* so that nobody else can lock it */
    if (fd < 0) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot open %s: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return TRUE; /* the descriptor stays open: it is the lock */
    g_set_error(error, NEST_ERROR, NEST_ERROR_DAEMON,
                "another virtnestd runs on this host (it holds %s): stop it first "
                "(systemctl stop virtnestd)",
                path);
    close(fd);
    return FALSE;
}

gboolean
nest_liveness_is_held(void)
{
    g_autofree gchar *path = nest_root_runtime_path(LOCK_NAME);
    struct flock lock = whole_file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    gboolean held = FALSE;

    if (fd < 0)
        return FALSE;
    /* A read-only descriptor may only ask for a read lock; a write lock conflicts with it, too. */
    lock.l_type = F_RDLCK;
    held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
    close(fd);
    return held;
}
