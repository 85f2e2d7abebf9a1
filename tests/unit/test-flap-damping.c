/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flap damping: for how long a guest stays armed after its nested guests have ended. */
#include "check.h"
#include "virtnestd/flap_damping.h"

#define BEGIN_MS 5000000 /* the clock's time */
#define S 1000
#define MINUTE (60 * S)
#define MAX_ROUNDS 10

/* In each round it is armed after some time, its nested guests run for some time, and it is held for some time. */
static const struct {
    const char *sentence;
    struct {
        gint64 pause, runs, held; /* milliseconds */
    } rounds[MAX_ROUNDS]; /* ends with one that does not run */
} rows[] = {
    {"the first time it is disarmed at once", {{0, 1, 0}}},
    {"the second time within a minute it is held for a second", {{0, S, 0}, {MINUTE - 1, S, S}}},
    {"... and then twice as long each time, up to a minute",
     {{0, S, 0}, {S, S, S}, {S, S, 2 * S}, {S, S, 4 * S}, {S, S, 8 * S}, {S, S, 16 * S}, {S, S, 32 * S},
      {S, S, MINUTE}, {S, S, MINUTE}}},
    {"a minute without nested guests ends that",
     {{0, S, 0}, {S, S, S}, {S, S, 2 * S}, {MINUTE, S, 0}, {S, S, S}}},
    {"a minute in which they run without a pause ends that",
     {{0, S, 0}, {S, S, S}, {S, S, 2 * S}, {S, MINUTE, 0}, {S, S, S}}},
    {"a shorter time does not", {{0, S, 0}, {S, S, S}, {S, MINUTE - 1, 2 * S}, {S, S, 4 * S}}},
};

static gint64
play_round(NestFlapDamping *damping, gint64 *now, gint64 pause, gint64 runs)
{
    gint64 held = 0;

    *now += pause;
    nest_flap_damping_armed(damping, *now);
    nest_flap_damping_note(damping, FALSE, *now);
    *now += runs;
    nest_flap_damping_note(damping, TRUE, *now);
    for (; nest_flap_damping_holds(damping, *now + held); held++)
        nest_flap_damping_note(damping, TRUE, *now + held);
    *now += held;
    nest_flap_damping_disarmed(damping, *now);
    nest_flap_damping_note(damping, FALSE, *now);
    return held;
}

static void
test_rounds(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    NestFlapDamping damping = {0};
    gint64 now = BEGIN_MS;

    for (gsize k = 0; k < MAX_ROUNDS && rows[i].rounds[k].runs; k++)
        g_assert_cmpint(play_round(&damping, &now, rows[i].rounds[k].pause, rows[i].rounds[k].runs), ==,
                        rows[i].rounds[k].held);
}

/* As after a restart of virtnestd. */
static void
test_found_armed(void)
{
    NestFlapDamping damping = {0};

    nest_flap_damping_note(&damping, TRUE, BEGIN_MS);
    g_assert_false(nest_flap_damping_holds(&damping, BEGIN_MS));
}

static void
test_held_anew(void)
{
    NestFlapDamping damping = {0};
    gint64 now = BEGIN_MS;

    (void)play_round(&damping, &now, 0, S);
    nest_flap_damping_armed(&damping, now);
    nest_flap_damping_note(&damping, TRUE, now);
    nest_flap_damping_note(&damping, FALSE, now + S - 1);
    g_assert_false(nest_flap_damping_holds(&damping, now + S - 1)); /* they run: nothing is to be held */
    nest_flap_damping_note(&damping, TRUE, now + S);
    g_assert_true(nest_flap_damping_holds(&damping, now + 2 * S - 1));
    g_assert_false(nest_flap_damping_holds(&damping, now + 2 * S));
}

/* Nested guests that run for three seconds and pause for five: once it is held for longer than that, it stays armed. */
static void
test_pauses(void)
{
    NestFlapDamping damping = {0};
    gint64 now = BEGIN_MS;
    int armings = 0;

    for (gboolean armed = FALSE; now < BEGIN_MS + 10 * MINUTE; now += 8 * S) {
        armings += !armed;
        if (!armed)
            nest_flap_damping_armed(&damping, now);
        nest_flap_damping_note(&damping, FALSE, now);
        nest_flap_damping_note(&damping, TRUE, now + 3 * S);
        armed = nest_flap_damping_holds(&damping, now + 8 * S - 1);
        if (armed)
            continue;
        nest_flap_damping_disarmed(&damping, now + 8 * S - 1);
        nest_flap_damping_note(&damping, FALSE, now + 8 * S - 1);
    }
    g_assert_cmpint(armings, ==, 5); /* held for 0, 1, 2, 4 and 8 seconds */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("flap-damping", rows[i].sentence, GSIZE_TO_POINTER(i), test_rounds);
    g_test_add_func("/flap-damping/one that is found armed is disarmed at once", test_found_armed);
    g_test_add_func("/flap-damping/nested guests that begin again meanwhile are held anew", test_held_anew);
    g_test_add_func("/flap-damping/pauses that are shorter than what it is held for do not end that", test_pauses);
    return g_test_run();
}
