/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program in the guest that runs L2 (L1): loads KVM, runs QEMU, and relays between L1's console and L2's. */
#include "init.h"
#include "machine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 64, LENGTH = 512 };

/* Reads QEMU's command line into @words, and adds a NULL; returns how many words there are. */
static int
read_argument_words(char text[WORDS][LENGTH], char *words[WORDS + 1])
{
    FILE *file = fopen(NEST_BENCH_ARGUMENTS, "re");
    int n = 0;

    while (file && n < WORDS && fgets(text[n], LENGTH, file)) {
        text[n][strcspn(text[n], "\n")] = '\0';
        words[n] = text[n];
        n++;
    }
    words[n] = NULL;
    if (file)
        (void)fclose(file);
    return n;
}

/* Becomes QEMU. L2's serial port is QEMU's standard input and output. */
static void
run_qemu(int in, int out)
{
    static char text[WORDS][LENGTH];
    static char *words[WORDS + 1];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read_argument_words(text, words) > 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
        dup2(out, 2) == 2)
        (void)execv(words[0], words);
    (void)dprintf(out, "%s: %s\n", NEST_BENCH_ARGUMENTS, strerror(errno));
    _exit(127);
}

/* Returns 0 at the end of the input, or if nobody takes the output. */
static int
pass_on(int from, int to)
{
    char bytes[512];
    ssize_t n = read(from, bytes, sizeof(bytes));
    ssize_t done = 0;

    for (ssize_t at = 0; at < n; at += done) {
        done = write(to, bytes + at, (size_t)(n - at));
        if (done <= 0)
            return 0;
    }
    return n > 0;
}

/* Relays until QEMU ends. */
static void
relay(int to_guest, int from_guest)
{
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = from_guest, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents && !pass_on(0, to_guest))
            fds[0].fd = -1;
        if (fds[1].revents && !pass_on(from_guest, 1))
            return;
    }
}

void
nest_bench_carry(void)
{
    int to_guest[2];
    int from_guest[2];
    int status = 0;
    pid_t qemu = 0;
    char reason[64];

    nest_bench_load(NEST_BENCH_KVM);
    if (access("/dev/kvm", R_OK | W_OK) < 0)
        nest_bench_fail("there is no KVM in L1", strerror(errno));
    if (pipe(to_guest) < 0 || pipe(from_guest) < 0)
        nest_bench_fail("pipe", strerror(errno));
    qemu = fork();
    if (qemu == 0)
        run_qemu(to_guest[0], from_guest[1]);
    (void)close(to_guest[0]);
    (void)close(from_guest[1]);
    relay(to_guest[1], from_guest[0]);
    (void)waitpid(qemu, &status, 0);
    (void)snprintf(reason, sizeof(reason), "status %d", status);
    nest_bench_fail("the QEMU in L1 has ended", reason);
}
