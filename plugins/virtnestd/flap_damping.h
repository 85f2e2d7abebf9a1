/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flap damping, as routers do it (RFC 2439): a guest that keeps starting and ending nested guests stays armed longer and
 * longer after they have ended, so that it cannot make the host work. */
#pragma once

#include <glib.h>

/**
 * NestFlapDamping: for how long a guest stays armed without nested guests; all zero at the beginning. A pure
 * state machine. All times are CLOCK_MONOTONIC's milliseconds.
 *
 * It is armed at once, always. A guest that is armed again within a minute after it was disarmed is held for a second
 * after its nested guests have ended, the next time for two, and so on up to a minute. If they have run for a minute
 * or more without a pause when they end, or it was disarmed for a minute or more before it was armed, it is not held any
 * more.
 */
typedef struct {
    gint64
        some_since; /* since when nested guests have been running, as far as it is known; 0: since ever */
    gint64 disarmed_at; /* when it was disarmed last; 0: never */
    gint64 hold;        /* how long it stays armed after its nested guests have ended */
    gint64 none_since;  /* since when it has been armed though none runs; 0: it is not */
} NestFlapDamping;

/* It was armed. */
void nest_flap_damping_armed(NestFlapDamping *damping, gint64 now);

/* It was disarmed. */
void nest_flap_damping_disarmed(NestFlapDamping *damping, gint64 now);

/* @none: whether it is armed, and no nested guest runs */
void nest_flap_damping_note(NestFlapDamping *damping, gboolean none, gint64 now);

/* Whether it stays armed for now, though no nested guest runs. */
gboolean nest_flap_damping_holds(const NestFlapDamping *damping, gint64 now);
