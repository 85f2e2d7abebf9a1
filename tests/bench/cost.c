/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long an entry into an L2 and the way back take: cost LABEL SECONDS, in an emulated host in which an instruction takes a
 * nanosecond. "LABEL PICOSECONDS", of this host's clock for each entry that KVM counts meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define COUNTER "/sys/kernel/debug/kvm/nested_run"

static uint64_t
entries(void)
{
    FILE *file = fopen(COUNTER, "re");
    uint64_t n = 0;

    if (!file || fscanf(file, "%" SCNu64, &n) != 1) {
        (void)fprintf(stderr, "cost: cannot read %s\n", COUNTER);
        exit(2);
    }
    (void)fclose(file);
    return n;
}

static uint64_t
now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int
main(int argc, char **argv)
{
    uint64_t begin = 0;
    uint64_t before = 0;
    uint64_t n = 0;

    if (argc != 3)
        return 2;
    before = entries();
    begin = now();
    (void)sleep((unsigned)atoi(argv[2]));
    n = entries() - before;
    if (n == 0)
        return 1;
    (void)printf("%s %" PRIu64 "\n", argv[1], (now() - begin) * 1000 / n);
    return 0;
}
