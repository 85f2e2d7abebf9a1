/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs two commands in turn, many times: pair ROUNDS STDIN A... -- B... prints a line for each run.
 *
 * A line is "A NANOSECONDS KIB": fork, exec and wait of one run, and its peak memory. Standard input
 * is a pipe that holds the file STDIN already, as libvirt's is for a hook; output is thrown away.
 *
 * Theory of operation: the child is vforked (posix_spawn), so nothing of this program is copied. The
 * kernel never reports a smaller peak for a child than this program's own, because exec passes that on. So the
 * printed peak is an upper bound. This program links libc only, so its own peak is that of an empty program. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a pipe holds without anybody reading. */
#define MOST_INPUT ((size_t)64 * 1024)

/* Each round before these is for warming up. */
#define WARM_UP 5

extern char **environ;

static void
die(const char *what)
{
    perror(what);
    exit(2);
}

static size_t
read_file(const char *path, char *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, MOST_INPUT);

    if (n < 0)
        die(path);
    (void)close(fd);
    return (size_t)n;
}

/* A pipe's reading end with all of the input in it. */
static int
fill_pipe(const char *bytes, size_t length)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], bytes, length) != (ssize_t)length)
        die("pipe");
    (void)close(ends[1]);
    return ends[0];
}

static long long
now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Nanoseconds of one run; a command that fails measures nothing, so that ends everything. */
static long long
run(char **command, int input, long *ret_peak)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    int status = 0;
    pid_t pid = 0;
    long long start = 0;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, input, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    start = now();
    if (posix_spawn(&pid, command[0], &actions, NULL, command, environ) != 0 ||
        wait4(pid, &status, 0, &usage) != pid)
        die(command[0]);
    start = now() - start;
    (void)posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        (void)fprintf(stderr, "pair: %s ended with wait status %d\n", command[0], status);
        exit(2);
    }
    *ret_peak = usage.ru_maxrss;
    return start;
}

int
main(int argc, char **argv)
{
    static char bytes[MOST_INPUT];
    char **commands[2] = {argv + 3, NULL};
    long rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
    size_t length = 0;

    for (int i = 3; i < argc && !commands[1]; i++) {
        if (strcmp(argv[i], "--") == 0) {
            argv[i] = NULL;
            commands[1] = argv + i + 1;
        }
    }
    if (rounds < 1 || !commands[1] || !commands[0][0] || !commands[1][0]) {
        (void)fputs("usage: pair ROUNDS STDIN A... -- B...\n", stderr);
        return 2;
    }
    length = read_file(argv[2], bytes);
    for (long i = -2L * WARM_UP; i < 2 * rounds; i++) {
        long peak = 0;
        int input = fill_pipe(bytes, length);
        long long took = run(commands[i & 1], input, &peak);

        (void)close(input);
        if (i >= 0)
            (void)printf("%c %lld %ld\n", "AB"[i & 1], took, peak);
    }
    return 0;
}
