/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest does without a device: it computes, copies, lets the kernel work, and exits to its hypervisor. */
#include "works.h"

#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    COPY = 256 * 1024,            /* bytes at a time ... */
    COPY_AREA = 32 * 1024 * 1024, /* ... of more than a cache holds */
    FRESH = 64 * PAGE,            /* new pages at a time */
    CALLS = 100,                  /* system calls at a time, or exits */
    TURNS = 10,                   /* times that two processes wake each other */
    NUMBERS = 10000,              /* random numbers at a time */
};

static long
compute(NestWorkState *state)
{
    uint64_t sum = 0;

    for (int i = 0; i < NUMBERS; i++)
        sum += nest_work_random(&state->random) % 1000;
    state->at += sum; /* so that no compiler leaves it out */
    return NUMBERS;
}

static int
begin_copy(NestWorkState *state)
{
    state->size = COPY_AREA;
    state->memory = mmap(NULL, state->size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (state->memory != MAP_FAILED)
        return 0;
    state->memory = NULL;
    return -errno;
}

/* Copies from one half to the other. Does not use memcpy(), because the C library chooses its instructions by the CPU, and
 * the CPU of L2 looks different. The inverted bits keep the compiler from calling memcpy(). */
static long
copy(NestWorkState *state)
{
    const uint64_t *from = (const uint64_t *)(const void *)(state->memory + state->at);
    uint64_t *to = (uint64_t *)(void *)(state->memory + state->size / 2 + state->at);

    for (size_t i = 0; i < COPY / sizeof(*to); i++)
        to[i] = ~from[i];
    state->at = (state->at + COPY) % (state->size / 2);
    return COPY;
}

/* Touches fresh pages, as a growing process does. They are small pages, so each is a page fault. */
static long
touch_pages(NestWorkState *state)
{
    char *fresh = mmap(NULL, FRESH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    if (fresh == MAP_FAILED)
        return -errno;
    (void)madvise(fresh, FRESH, MADV_NOHUGEPAGE);
    for (int at = 0; at < FRESH; at += PAGE)
        *(volatile char *)(fresh + at) = 1;
    return munmap(fresh, FRESH) == 0 ? FRESH / PAGE : -errno;
}

static long
call_kernel(NestWorkState *state)
{
    (void)state;
    for (int i = 0; i < CALLS; i++)
        (void)syscall(SYS_getppid);
    return CALLS;
}

/* The other process of a pair: it sends back each byte that it gets. */
static void
answer(int in, int out)
{
    char byte = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
        continue;
    _exit(0);
}

static int
begin_pair(NestWorkState *state)
{
    if (pipe(state->fds) < 0 || pipe(state->fds + 2) < 0)
        return -errno;
    state->child = fork();
    if (state->child == 0)
        answer(state->fds[0], state->fds[3]);
    return state->child < 0 ? -errno : 0;
}

static long
wake_each_other(NestWorkState *state)
{
    char byte = 0;

    for (int i = 0; i < TURNS; i++)
        if (write(state->fds[1], &byte, 1) != 1 || read(state->fds[2], &byte, 1) != 1)
            return -EIO;
    return 2L * TURNS;
}

static long
make_process(NestWorkState *state)
{
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    return child > 0 && waitpid(child, NULL, 0) == child ? 1 : -errno;
}

/* CPUID always exits to the hypervisor: under VMX by definition, under SVM because KVM intercepts it. */
static long
leave_guest(NestWorkState *state)
{
    unsigned int eax = 0;
    unsigned int ebx = 0;
    unsigned int ecx = 0;
    unsigned int edx = 0;

    for (int i = 0; i < CALLS; i++) {
        __cpuid(0, eax, ebx, ecx, edx);
        state->at += eax;
    }
    return CALLS;
}

const NestWorkKind nest_work_inner[NEST_WORKS] = {
    [NEST_WORK_CPU] = {NULL, compute},
    [NEST_WORK_MEMORY] = {begin_copy, copy},
    [NEST_WORK_FAULTS] = {NULL, touch_pages},
    [NEST_WORK_CALLS] = {NULL, call_kernel},
    [NEST_WORK_SWITCHES] = {begin_pair, wake_each_other},
    [NEST_WORK_PROCESSES] = {NULL, make_process},
    [NEST_WORK_EXITS] = {NULL, leave_guest},
};
