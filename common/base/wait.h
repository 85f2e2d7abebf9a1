/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits with a time limit, for conditions that must be polled. */
#pragma once

#include <glib.h>

/**
 * nest_wait_deadline: begin a wait.
 * @limit_ms: how long it may last, in milliseconds
 *
 * The limit is a time, not a number of polls: on a busy host a thousand polls with a millisecond between them take much
 * longer than a second.
 *
 * Returns: the end of the wait, for nest_wait_step().
 */
gint64 nest_wait_deadline(guint limit_ms) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_wait_step: sleep until the next poll.
 * @deadline: from nest_wait_deadline()
 * @step_ms: how long to sleep, in milliseconds
 *
 * Returns: FALSE without sleeping if the time is over. Do not poll again then.
 */
gboolean nest_wait_step(gint64 deadline, guint step_ms) G_GNUC_WARN_UNUSED_RESULT;
