/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flap damping: a guest that keeps starting and ending nested guests stays armed longer and longer. */
#include "virtnestd/flap_damping.h"

/* A guest whose nested guests have run, or whose guard was disarmed, for this long does not flap any more. */
#define CALM_MS 60000
#define HOLD_FIRST_MS 1000
#define HOLD_MOST_MS 60000

void
nest_flap_damping_armed(NestFlapDamping *damping, gint64 now)
{
    damping->some_since = now;
    if (damping->disarmed_at && now - damping->disarmed_at < CALM_MS)
        damping->hold = CLAMP(damping->hold * 2, HOLD_FIRST_MS, HOLD_MOST_MS);
    else
        damping->hold = 0;
}

void
nest_flap_damping_disarmed(NestFlapDamping *damping, gint64 now)
{
    damping->disarmed_at = now;
}

void
nest_flap_damping_note(NestFlapDamping *damping, gboolean none, gint64 now)
{
    if (none && !damping->none_since) {
        damping->none_since = now;
        if (now - damping->some_since >= CALM_MS)
            damping->hold = 0;
    } else if (!none && damping->none_since) {
        damping->none_since = 0;
        damping->some_since = now;
    }
}

gboolean
nest_flap_damping_holds(const NestFlapDamping *damping, gint64 now)
{
    return damping->none_since && now - damping->none_since < damping->hold;
}
