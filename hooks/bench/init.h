/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the program that is the first process in the guests of virt-nest bench, and where its files are. */
#pragma once

/* Begins our lines, because the kernel and QEMU print on the same console. */
#define NEST_BENCH_LINE "bench: "

#define NEST_BENCH_MODULES "/bench/modules"   /* the virtio drivers */
#define NEST_BENCH_KVM "/bench/kvm"           /* the hypervisor's, where a guest runs in this one */
#define NEST_BENCH_PROGRAMS "/bench/programs" /* those of others, where the host has them */
#define NEST_BENCH_ORDER "order" /* in both: the files in the order in which they are loaded */
#define NEST_BENCH_ARGUMENTS                                                                       \
    "/bench/arguments" /* QEMU's command line, a word a line; only where a guest runs in this one */

/* Runs QEMU, whose guest then uses the console; returns when QEMU has ended. */
void nest_bench_carry(void);

/**
 * nest_bench_measure: do a work for some time.
 * @name: as in nest_work_names
 * @ms: for how many milliseconds at least
 * @ret_rate: how much was done in a second
 *
 * Returns: 0, or -errno.
 */
int nest_bench_measure(const char *name, unsigned int ms, double *ret_rate);
