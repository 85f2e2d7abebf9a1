/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers: which jobs run side by side, and which wait. libvirt is made up; a job ends when its case lets it. */
#include "virtnestd/workers.h"

#define N 4
#define LIMIT_SECONDS 30

typedef struct {
    NestJob job; /* first */
    gint may_end; /* by g_atomic_int_... */
    gint runs;    /* by g_atomic_int_... */
    gboolean is_done;
} TestJob;

typedef struct {
    NestWorkers *workers;
    TestJob jobs[3];
} World;

static void
run(NestJob *data, virConnectPtr connection)
{
    TestJob *job = (TestJob *)data;

    (void)connection;
    g_atomic_int_set(&job->runs, TRUE);
    while (!g_atomic_int_get(&job->may_end))
        g_usleep(1000);
    g_atomic_int_set(&job->runs, FALSE);
}

static void
done(NestJob *data)
{
    ((TestJob *)data)->is_done = TRUE;
    nest_job_clear(data);
}

static void
set_up(World *world, gconstpointer unused)
{
    (void)unused;
    world->workers = nest_workers_new(N, 0);
    nest_workers_attach(world->workers, GINT_TO_POINTER(1), "test:///");
}

static void
tear_down(World *world, gconstpointer unused)
{
    (void)unused;
    nest_workers_free(world->workers);
}

static TestJob *
push(World *world, guint i, gboolean costly)
{
    TestJob *job = &world->jobs[i];

    *job = (TestJob){.job = {.run = run, .done = done, .costly = costly}};
    nest_workers_push(world->workers, &job->job);
    return job;
}

static void
until_runs(TestJob *job)
{
    gint64 limit = g_get_monotonic_time() + LIMIT_SECONDS * G_USEC_PER_SEC;

    while (!g_atomic_int_get(&job->runs)) {
        g_assert_cmpint(g_get_monotonic_time(), <, limit);
        (void)g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

static void
end(TestJob *job)
{
    g_atomic_int_set(&job->may_end, TRUE);
    while (!job->is_done)
        (void)g_main_context_iteration(NULL, TRUE);
}

static void
test_one_costly(World *world, gconstpointer unused)
{
    TestJob *first = push(world, 0, TRUE);
    TestJob *second = push(world, 1, TRUE);
    TestJob *plain = push(world, 2, FALSE);

    (void)unused;
    g_test_summary("of costly jobs one runs at a time, and the others hold nobody up");
    until_runs(first);
    until_runs(plain);
    end(plain);
    g_assert_false(g_atomic_int_get(&second->runs));
    end(first);
    until_runs(second);
    end(second);
}

static void
test_stuck_costly(World *world, gconstpointer unused)
{
    TestJob *first = push(world, 0, TRUE);
    TestJob *second = push(world, 1, TRUE);
    TestJob *third = push(world, 2, TRUE);

    (void)unused;
    g_test_summary("a costly job that is stuck holds up no other one, also when it ends at last");
    until_runs(second);
    g_assert_cmpint(nest_workers_stuck(world->workers), ==, 1);
    end(first);
    g_assert_false(g_atomic_int_get(&third->runs));
    end(second);
    until_runs(third);
    end(third);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/workers/one costly job", World, NULL, set_up, test_one_costly, tear_down);
    g_test_add("/workers/stuck costly job", World, NULL, set_up, test_stuck_costly, tear_down);
    return g_test_run();
}
