/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exponential back-off: after each failure the pause before the next try grows. */
#pragma once

#include <glib.h>

/**
 * NestBackoff: the back-off of one action that is repeated; all zero while the action succeeds. All
 * times are CLOCK_MONOTONIC's milliseconds.
 */
typedef struct {
    gint64 next;  /* no try before this time */
    gint64 pause; /* the length of the last pause */
} NestBackoff;

/**
 * nest_backoff_fail: note that the action has failed. The first pause is one interval; each further one is
 * twice as long, up to a minute.
 * @interval: the interval of the timer that repeats the action, in milliseconds
 */
void nest_backoff_fail(NestBackoff *backoff, gint64 interval, gint64 now);

/* The action has succeeded. */
void nest_backoff_reset(NestBackoff *backoff);

/* The action has succeeded, but may well fail again: the length of the last pause is kept, and the next failure doubles it.
 * If the last pause ended a minute ago or more, this is the same as nest_backoff_reset(). */
void nest_backoff_succeed(NestBackoff *backoff, gint64 now);

/* Whether the next try may begin. It may begin up to half an interval early, because the timer decides when tries come. */
gboolean nest_backoff_is_over(const NestBackoff *backoff, gint64 interval, gint64 now);

/* Whether the last pause ended a minute ago or more, or there was none. */
gboolean nest_backoff_is_calm(const NestBackoff *backoff, gint64 now);
