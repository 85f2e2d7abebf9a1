/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does a work until its time is over, and calculates how much was done in a second. */
#include "init.h"
#include "works.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

static long long
monotonic_now(void)
{
    struct timespec time = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

static void
end_work(NestWorkState *state)
{
    for (size_t i = 0; i < sizeof(state->fds) / sizeof(state->fds[0]); i++)
        if (state->fds[i] >= 0)
            (void)close(state->fds[i]);
    if (state->child > 0) {
        (void)kill(state->child, SIGKILL);
        (void)waitpid(state->child, NULL, 0);
    }
    if (state->memory && state->size > 0)
        (void)munmap(state->memory, state->size);
    else
        free(state->memory);
}

/* The clock is read after each step, so a step must be short. */
static int
work_for(const NestWorkKind *work, NestWorkState *state, unsigned int ms, double *ret_rate)
{
    long long begin = monotonic_now();
    long long end = begin + ms * (NANOSECONDS / 1000);
    long long time = begin;
    double done = 0;

    while (time < end) {
        long amount = work->step(state);

        if (amount < 0)
            return (int)amount;
        done += (double)amount;
        time = monotonic_now();
    }
    *ret_rate = done * (double)NANOSECONDS / (double)(time - begin);
    return 0;
}

static int
do_ourselves(const NestWorkKind *work, unsigned int ms, double *ret_rate)
{
    NestWorkState state = {.fds = {-1, -1, -1, -1}, .random = 0x9e3779b97f4a7c15};
    int problem = work->begin ? work->begin(&state) : 0;

    if (problem == 0)
        problem = work_for(work, &state, ms, ret_rate);
    end_work(&state);
    return problem;
}

int
nest_bench_measure(const char *name, unsigned int ms, double *ret_rate)
{
    NestWork work = 0;

    while (work < NEST_WORKS && strcmp(name, nest_work_names[work]) != 0)
        work++;
    if (work == NEST_WORKS || ms == 0)
        return -EINVAL;
    if (nest_work_programs[work])
        return nest_work_run_program(work, ms, ret_rate);
    return do_ourselves(nest_work_inner[work].step ? &nest_work_inner[work]
                                                   : &nest_work_devices[work],
                        ms, ret_rate);
}
