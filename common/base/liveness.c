/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether virtnestd runs: it holds a lock on /run/virt-nest/virtnestd.lock until it ends. */
#include "base/liveness.h"

#include "base/error.h"
#include "base/lock.h"
#include "base/root.h"

#include <unistd.h>

#define LOCK_NAME "virtnestd.lock"

gboolean
nest_liveness_take(GError **error)
{
    g_autofree gchar *path = nest_root_runtime_path(LOCK_NAME);
    int lock = nest_lock_open(LOCK_NAME, error);

    if (lock < 0)
        return FALSE;
    if (nest_lock_try(lock))
        return TRUE; /* the descriptor stays open: it is the lock */
    g_set_error(error, NEST_ERROR, NEST_ERROR_DAEMON,
                "another virtnestd runs %s (it holds %s): stop it first "
                "(systemctl %sstop virtnestd)",
                nest_root_is_session() ? "in this session" : "on this host", path,
                nest_root_is_session() ? "--user " : "");
    close(lock);
    return FALSE;
}

gboolean
nest_liveness_is_held(void)
{
    int lock = nest_lock_open_to_ask(LOCK_NAME);
    gboolean held = lock >= 0 && nest_lock_is_held(lock);

    if (lock >= 0)
        close(lock);
    return held;
}
