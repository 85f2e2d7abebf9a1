/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits with a time limit, for conditions that must be polled. */
#include "base/wait.h"

gint64
nest_wait_deadline(guint limit_ms)
{
    return g_get_monotonic_time() + (gint64)limit_ms * 1000;
}

gboolean
nest_wait_step(gint64 deadline, guint step_ms)
{
    if (g_get_monotonic_time() >= deadline)
        return FALSE;
    g_usleep(step_ms * 1000UL);
    return TRUE;
}
