/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits that have a limit, for what can only be found out by asking again and again. */
#pragma once

#include <glib.h>

/**
 * nest_wait_deadline: begin a wait.
 * @limit_ms: how long it may last, in milliseconds
 *
 * The limit is one of time, however long each question takes: on a busy host a thousand questions with a millisecond
 * between them take much longer than a second.
 *
 * Returns: the end of the wait, for nest_wait_step().
 */
gint64 nest_wait_deadline(guint limit_ms) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_wait_step: sleep until the next question.
 * @deadline: from nest_wait_deadline()
 * @step_ms: how long to sleep, in milliseconds
 *
 * Returns: FALSE, without having slept, if the time is over: the question that was asked last was the last one.
 */
gboolean nest_wait_step(gint64 deadline, guint step_ms) G_GNUC_WARN_UNUSED_RESULT;
