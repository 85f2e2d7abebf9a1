/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest of virt-nest bench: a transient domain, which libvirt destroys when our connection ends, and the console
 * through which the guest gets its orders. */
#pragma once

#include "virt/virt.h"

typedef struct NestBenchGuest NestBenchGuest;

/**
 * NestBenchMachine: the properties of both guests, so that only their levels differ.
 */
typedef struct {
    gchar *directory;      /* of the files, which QEMU may read; NULL before they are made */
    gchar *kernel;         /* the same */
    const char *release;   /* of the kernel, as `uname -r` has it */
    const char *arguments; /* the kernel's */
    gchar *emulator;       /* QEMU */
    const char *type;      /* of the machine, as "pc" */
    const char *cpu;       /* (nullable) host-passthrough, host-model, or a model */
    GHashTable *programs;  /* of others, each by its name: the path; NULL: there is none */
    gboolean kvm;          /* else QEMU emulates L1 */
    guint memory;          /* in MiB, of the guest that works */
    guint disk;            /* the same of its disk */
} NestBenchMachine;

/* The names of two files in the machine's directory: the initramfs of the guest that works, and the one with QEMU in
 * it. */
#define NEST_BENCH_SMALL "initramfs"
#define NEST_BENCH_LARGE "initramfs-with-qemu"

/**
 * nest_bench_guest_start: start a guest, and wait until it takes orders.
 * @level: 1, or 2: then the domain runs QEMU itself, and its guest takes the orders
 * @number: of this guest, for its name
 *
 * Returns: (transfer full) the guest, or NULL with an error.
 */
NestBenchGuest *nest_bench_guest_start(virConnectPtr libvirt, const NestBenchMachine *machine,
                                       guint level, guint number,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Destroys its domain. */
void nest_bench_guest_free(NestBenchGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestBenchGuest, nest_bench_guest_free)

/* How much memory, in MiB, the domain of a guest of this level gets. */
guint nest_bench_guest_memory(const NestBenchMachine *machine, guint level);

/**
 * nest_bench_guest_work: let a guest do a work.
 * @name: of the work
 * @ms: for how long
 * @ret_rate: how much it did in a second
 * @ret_lacks: (transfer full) or why it cannot
 *
 * Returns: FALSE with an error if it does not answer.
 */
gboolean nest_bench_guest_work(NestBenchGuest *guest, const char *name, guint ms, double *ret_rate,
                               gchar **ret_lacks, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* From here on the signals that end a program only end the waiting for guests, so that they are destroyed. */
void nest_bench_guest_catch_signals(void);

/* Whether such a signal has come; sets an error then. */
gboolean nest_bench_guest_is_interrupted(GError **error);
