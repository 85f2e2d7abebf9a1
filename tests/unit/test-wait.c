/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits with a limit: the limit is one of time, not of questions. */
#include "base/wait.h"

#define LIMIT_MS 100
#define SLOW_MS 60

/* How many questions are asked until the time is over, if each takes so long. */
static guint
count_questions(guint limit_ms, guint each_ms)
{
    gint64 deadline = nest_wait_deadline(limit_ms);
    guint asked = 0;

    do {
        asked++;
        g_usleep(each_ms * 1000UL);
    } while (nest_wait_step(deadline, 1));
    return asked;
}

static void
test_slow(void)
{
    g_test_summary("slow questions are not asked as often as steps fit into the limit");
    g_assert_cmpuint(count_questions(LIMIT_MS, SLOW_MS), <=, LIMIT_MS / SLOW_MS + 1);
}

static void
test_none(void)
{
    g_test_summary("without any time the question is asked once");
    g_assert_cmpuint(count_questions(0, 0), ==, 1);
}

static void
test_more(void)
{
    g_test_summary("while there is time the question is asked again");
    g_assert_true(nest_wait_step(nest_wait_deadline(60 * 1000), 1));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wait/slow questions", test_slow);
    g_test_add_func("/wait/no time", test_none);
    g_test_add_func("/wait/more time", test_more);
    return g_test_run();
}
