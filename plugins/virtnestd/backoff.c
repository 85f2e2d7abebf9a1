/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exponential back-off: after each failure the pause before the next try grows. */
#include "virtnestd/backoff.h"

/* The longest pause. */
#define MOST_MS 60000

void
nest_backoff_fail(NestBackoff *backoff, gint64 interval, gint64 now)
{
    backoff->pause = CLAMP(backoff->pause * 2, interval, MOST_MS);
    backoff->next = now + backoff->pause;
}

void
nest_backoff_succeed(NestBackoff *backoff, gint64 now)
{
    if (nest_backoff_is_calm(backoff, now))
        nest_backoff_reset(backoff);
}

void
nest_backoff_reset(NestBackoff *backoff)
{
    *backoff = (NestBackoff){0};
}

gboolean
nest_backoff_is_over(const NestBackoff *backoff, gint64 interval, gint64 now)
{
    return !backoff->next || now + interval / 2 >= backoff->next;
}

gboolean
nest_backoff_is_calm(const NestBackoff *backoff, gint64 now)
{
    return !backoff->next || now >= backoff->next + MOST_MS;
}
