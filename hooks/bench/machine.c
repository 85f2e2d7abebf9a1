/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the first process of a guest does with its machine: it loads the kernel's modules, and powers off. */
#include "machine.h"
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

void
nest_bench_fail(const char *what, const char *reason)
{
    (void)dprintf(1, "\n" NEST_BENCH_LINE "fails %s: %s\n", what, reason);
    (void)tcdrain(1);
    (void)reboot(RB_POWER_OFF);
    for (;;)
        (void)pause();
}

void
nest_bench_load(const char *directory)
{
    char path[512];
    char name[256];
    FILE *order = NULL;
    int file = -1;

    (void)snprintf(path, sizeof(path), "%s/" NEST_BENCH_ORDER, directory);
    order = fopen(path, "re");
    while (order && fscanf(order, "%255s", name) == 1) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            (void)syscall(SYS_finit_module, file, "", 0);
            (void)close(file);
        }
    }
    if (order)
        (void)fclose(order);
}
