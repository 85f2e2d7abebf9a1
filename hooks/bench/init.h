/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the program that is the first process in the guests of virt-nest bench, and where its files are. */
#pragma once

/* Our lines begin with this; the kernel and QEMU print on the same console. */
#define NEST_BENCH_LINE "bench: "

#define NEST_BENCH_MODULES "/bench/modules"   /* the virtio drivers */
#define NEST_BENCH_KVM "/bench/kvm"           /* KVM's modules; only in a guest that runs L2 */
#define NEST_BENCH_PROGRAMS "/bench/programs" /* fio and sysbench, where the host has them */
#define NEST_BENCH_ORDER "order" /* beside the modules: their names, in the order of loading */
#define NEST_BENCH_ARGUMENTS                                                                       \
    "/bench/arguments" /* QEMU's command line, a word a line; only in a guest that runs L2 */

/* Runs QEMU, whose guest then has the console. Never returns: when QEMU ends, nest_bench_fail() powers off. */
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
