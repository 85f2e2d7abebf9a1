/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs fio and sysbench, where the host has them. Each of them measures itself. */
#include "init.h"
#include "works.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 16, OUTPUT = 64 * 1024, PATIENCE = 60 /* seconds more than it is told to take */ };

#define FIO                                                                                        \
    (NEST_BENCH_PROGRAMS "/fio"), "--name=bench", "--filename=/dev/vda", "--direct=1", "--bs=4k",  \
        "--ioengine=psync", "--thread", "--time_based", "--output-format=terse"
#define SYSBENCH (NEST_BENCH_PROGRAMS "/sysbench")

/* How each is run, and where in its output the amount stands. In @words, %u is the time, in milliseconds or in seconds. */
static const struct {
    const char *words[WORDS];
    int field;         /* of a line, counted from 1; 0: it stands after @label */
    const char *label; /* (nullable) */
} programs[NEST_WORKS] = {
    [NEST_WORK_FIO_READ] = {{FIO, "--rw=randread", "--runtime=%ums"}, 8, NULL},
    [NEST_WORK_FIO_WRITE] = {{FIO, "--rw=randwrite", "--runtime=%ums"}, 49, NULL},
    [NEST_WORK_SYSBENCH_CPU] = {{SYSBENCH, "cpu", "--time=%u", "run"}, 0, "events per second:"},
    [NEST_WORK_SYSBENCH_MEMORY] = {{SYSBENCH, "memory", "--time=%u", "run"}, 0, "transferred ("},
};

double
nest_work_read_output(NestWork work, const char *output)
{
    const char *at = output;
    char *end = NULL;
    double amount = 0;

    if (programs[work].label) {
        at = strstr(output, programs[work].label);
        at = at ? at + strlen(programs[work].label) : NULL;
    }
    for (int i = 1; at && i < programs[work].field; i++) {
        at = strchr(at, ';');
        at = at ? at + 1 : NULL;
    }
    amount = at ? strtod(at, &end) : 0;
    return end && end != at && amount >= 0 ? amount : -1;
}

/* Becomes the program. Its standard output is @out; nobody reads its standard error. */
static void
become_program(NestWork work, unsigned int ms, int out)
{
    static char texts[WORDS][64];
    char *words[WORDS + 1] = {NULL};
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    unsigned int time = programs[work].label ? (ms + 999) / 1000 : ms;

    for (int i = 0; i < WORDS && programs[work].words[i]; i++) {
        const char *word = programs[work].words[i];
        const char *place = strstr(word, "%u");

        if (place)
            (void)snprintf(texts[i], sizeof(texts[i]), "%.*s%u%s", (int)(place - word), word, time,
                           place + 2);
        else
            (void)snprintf(texts[i], sizeof(texts[i]), "%s", word);
        words[i] = texts[i];
    }
    (void)alarm(ms / 1000 + PATIENCE);
    if (words[0] && dup2(nowhere, 0) == 0 && dup2(out, 1) == 1 && dup2(nowhere, 2) == 2)
        (void)execv(words[0], words);
    _exit(127);
}

/* Reads until nobody writes any more; drops what does not fit. */
static void
read_all(int from, char *text, size_t size)
{
    char piece[512];
    size_t length = 0;
    ssize_t n = 0;

    while ((n = read(from, piece, sizeof(piece))) > 0) {
        size_t room = size - 1 - length;
        size_t part = (size_t)n < room ? (size_t)n : room;

        memcpy(text + length, piece, part);
        length += part;
    }
    text[length] = '\0';
}

int
nest_work_run_program(NestWork work, unsigned int ms, double *ret_rate)
{
    static char output[OUTPUT];
    int ends[2];
    int status = 0;
    pid_t child = 0;

    if (pipe(ends) < 0)
        return -errno;
    child = fork();
    if (child == 0)
        become_program(work, ms, ends[1]);
    (void)close(ends[1]);
    read_all(ends[0], output, sizeof(output));
    (void)close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -ECHILD;
    if (status != 0)
        return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
    *ret_rate = nest_work_read_output(work, output);
    return *ret_rate < 0 ? -EBADMSG : 0;
}
