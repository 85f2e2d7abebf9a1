/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flap damping, as routers do it (RFC 2439): a guest that keeps starting and ending nested guests stays armed longer and
 * longer after they have ended, so that it cannot make the host work. */
#pragma once

#include <glib.h>

/**
 * NestFlapDamping: for how long a guest stays armed without nested guests; all zero at the beginning. A pure
 * state machine. All times are CLOCK_MONOTONIC's milliseconds.
 *
 * Damping never delays arming. If a guest is armed again less than a minute after it was disarmed, it stays armed for
 * one second after its nested guests have ended; the next time for two seconds, and so on up to a minute. This hold ends
 * when nested guests have run for a minute or more without a pause, or when the guest was disarmed for a minute or more.
 */
typedef struct {
    gint64
        some_since; /* since when nested guests have been running, as far as is known; 0: not known yet */
    gint64 disarmed_at; /* when it was disarmed last; 0: never */
    gint64 hold;        /* how long the guest stays armed after its nested guests have ended */
    gint64 none_since;  /* since when the guest has been armed although none runs; 0: not so now */
} NestFlapDamping;

/* To be called when the guest was armed. */
void nest_flap_damping_armed(NestFlapDamping *damping, gint64 now);

/* To be called when the guest was disarmed. */
void nest_flap_damping_disarmed(NestFlapDamping *damping, gint64 now);

/* To be called with each decision. @none: whether the guest is armed, and no nested guest runs */
void nest_flap_damping_note(NestFlapDamping *damping, gboolean none, gint64 now);

/* Whether the guest stays armed for now, although no nested guest runs. */
gboolean nest_flap_damping_holds(const NestFlapDamping *damping, gint64 now);
