/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The works (benchmarks) of virt-nest bench: their names, which the command and the program in its guests share, and the
 * functions that do them there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What is measured, in the order in which it is shown. */
typedef enum {
    NEST_WORK_CPU,
    NEST_WORK_MEMORY,
    NEST_WORK_FAULTS,
    NEST_WORK_CALLS,
    NEST_WORK_SWITCHES,
    NEST_WORK_PROCESSES,
    NEST_WORK_READ,
    NEST_WORK_READ_RANDOM,
    NEST_WORK_WRITE,
    NEST_WORK_WRITE_RANDOM,
    NEST_WORK_NETWORK,
    NEST_WORK_EXITS,
    NEST_WORK_FIO_READ,
    NEST_WORK_FIO_WRITE,
    NEST_WORK_SYSBENCH_CPU,
    NEST_WORK_SYSBENCH_MEMORY,
    NEST_WORKS
} NestWork;

static const char *const nest_work_names[NEST_WORKS] = {
    [NEST_WORK_CPU] = "cpu",
    [NEST_WORK_MEMORY] = "memory",
    [NEST_WORK_FAULTS] = "page-faults",
    [NEST_WORK_CALLS] = "system-calls",
    [NEST_WORK_SWITCHES] = "context-switches",
    [NEST_WORK_PROCESSES] = "processes",
    [NEST_WORK_READ] = "disk-read",
    [NEST_WORK_READ_RANDOM] = "disk-read-random",
    [NEST_WORK_WRITE] = "disk-write",
    [NEST_WORK_WRITE_RANDOM] = "disk-write-random",
    [NEST_WORK_NETWORK] = "network",
    [NEST_WORK_EXITS] = "exits",
    [NEST_WORK_FIO_READ] = "fio-read",
    [NEST_WORK_FIO_WRITE] = "fio-write",
    [NEST_WORK_SYSBENCH_CPU] = "sysbench-cpu",
    [NEST_WORK_SYSBENCH_MEMORY] = "sysbench-memory",
};

/* The third-party programs that do some of the works. Where the host lacks a program, its works are left out. */
static const char *const nest_work_programs[NEST_WORKS] = {
    [NEST_WORK_FIO_READ] = "fio",
    [NEST_WORK_FIO_WRITE] = "fio",
    [NEST_WORK_SYSBENCH_CPU] = "sysbench",
    [NEST_WORK_SYSBENCH_MEMORY] = "sysbench",
};

/**
 * NestWorkState: what a work keeps from its beginning to its end.
 */
typedef struct {
    int fds[4];      /* files, sockets, the ends of pipes */
    char *memory;    /* what it reads and writes, or NULL */
    size_t size;     /* of @memory, in bytes */
    uint64_t at;     /* where it is: an offset, a number */
    uint64_t limit;  /* what @at stays below */
    uint64_t random; /* the last random number */
    int child;       /* another process of the work; 0: none */
} NestWorkState;

/**
 * NestWorkKind: how one work is done.
 */
typedef struct {
    int (*begin)(
        NestWorkState *state); /* (nullable) 0, or -errno where this machine lacks something */
    long (*step)(NestWorkState *state); /* a little of the work; how much it was, or -errno */
} NestWorkKind;

/**
 * nest_work_run_program: have a third-party program do its work.
 * @work: one of nest_work_programs
 * @ms: for so many milliseconds
 * @ret_rate: how much it did in a second, by its own word
 *
 * Returns: 0, or -errno: -EBADMSG where its output does not tell.
 */
int nest_work_run_program(NestWork work, unsigned int ms, double *ret_rate);

/**
 * nest_work_read_output: read in a program's output how much it did in a second.
 *
 * fio's is one line of fields in its terse format, version 3 (fio(1), "TERSE OUTPUT"); sysbench's is text for people.
 *
 * Returns: the amount; below 0 where the output does not tell.
 */
double nest_work_read_output(NestWork work, const char *output);

/* Two tables: the works of the processor and the memory, and those of devices. Other works have an empty row. */
extern const NestWorkKind nest_work_inner[NEST_WORKS];
extern const NestWorkKind nest_work_devices[NEST_WORKS];

/* The next random number after @random, which is not 0 (xorshift). */
static inline uint64_t
nest_work_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}
