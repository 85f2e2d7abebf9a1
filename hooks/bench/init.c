/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first program in the guests of virt-nest bench. It reads commands from the serial console, one in a line, and answers
 * there:
 *
 *   work NAME MS    does a work for MS milliseconds; the answer is "bench: result NAME RATE" or "bench: lacks NAME REASON"
 *   end             powers off
 *
 * In the guest that runs L2, it only starts L2, and relays between the consoles. */
#include "init.h"
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE "/dev/ttyS0"

static void
mount_all(void)
{
    static const char *const kinds[] = {"proc", "sysfs", "devtmpfs"};
    static const char *const places[] = {"/proc", "/sys", "/dev"};

    for (int i = 0; i < 3; i++) {
        (void)mkdir(places[i], 0755);
        (void)mount(kinds[i], places[i], kinds[i], 0, NULL);
    }
}

/* Makes the console all standard streams, so that it changes no byte and echoes none. */
static void
take_console(void)
{
    struct termios mode;
    int console = open(CONSOLE, O_RDWR | O_NOCTTY);

    if (console < 0 || tcgetattr(console, &mode) < 0)
        return;
    cfmakeraw(&mode);
    (void)tcsetattr(console, TCSANOW, &mode);
    for (int i = 0; i <= 2; i++)
        (void)dup2(console, i);
    if (console > 2)
        (void)close(console);
}

static void
obey_work(const char *name, unsigned int ms)
{
    double rate = 0;
    int problem = nest_bench_measure(name, ms, &rate);

    if (problem < 0)
        (void)printf(NEST_BENCH_LINE "lacks %s %s\n", name, strerror(-problem));
    else
        (void)printf(NEST_BENCH_LINE "result %s %.3f\n", name, rate);
    (void)fflush(stdout);
}

static void
converse(void)
{
    char line[256];
    char name[64];
    unsigned int ms = 0;

    (void)printf("\n" NEST_BENCH_LINE "ready\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "work %63s %u", name, &ms) == 2) /* NOLINT(cert-err34-c): 0 is refused */
            obey_work(name, ms);
        else if (strncmp(line, "end", 3) == 0)
            return;
    }
}

int
main(void)
{
    mount_all();
    take_console();
    (void)signal(SIGPIPE, SIG_IGN);
    nest_bench_load(NEST_BENCH_MODULES);
    if (access(NEST_BENCH_ARGUMENTS, R_OK) == 0)
        nest_bench_carry();
    converse();
    (void)reboot(RB_POWER_OFF);
    return 1;
}
