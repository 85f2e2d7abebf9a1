/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exponential back-off: what failed is tried again later and later. */
#pragma once

#include <glib.h>

/**
 * NestBackoff: the back-off of something that is tried again and again; all zero while it succeeds. All
 * times are CLOCK_MONOTONIC's milliseconds.
 */
typedef struct {
    gint64 next;  /* not before then */
    gint64 pause; /* how long was waited */
} NestBackoff;

/**
 * nest_backoff_fail: note that it has failed. The next try comes an interval later, then after twice as long
 * each time, up to a minute.
 * @interval: of the timer at whose pace it is tried, in milliseconds
 */
void nest_backoff_fail(NestBackoff *backoff, gint64 interval, gint64 now);

/* It has succeeded. */
void nest_backoff_reset(NestBackoff *backoff);

/* It has succeeded, but may well fail again: the length of the last pause is kept, and the next failure doubles it, unless
 * that pause was over a minute ago or more. */
void nest_backoff_succeed(NestBackoff *backoff, gint64 now);

/* Whether the next try may begin. Half an interval is tolerance, because tries come at the timer's pace. */
gboolean nest_backoff_is_over(const NestBackoff *backoff, gint64 interval, gint64 now);

/* Whether no pause was needed for a minute. */
gboolean nest_backoff_is_calm(const NestBackoff *backoff, gint64 now);
