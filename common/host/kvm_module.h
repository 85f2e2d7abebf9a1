/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's KVM module: whether KVM guests of this host can have nested guests, and if not, why. */
#pragma once

#include "host/cpu_vendor.h"

/* The kernel argument that decides on Arm (the kernel's Documentation/admin-guide/kernel-parameters.txt). */
#define NEST_KVM_ARM_MODE "kvm-arm.mode"

/* The command that overrides what a line of modprobe.d says. */
#define NEST_KVM_ENABLE_FORCE "virt-nest host enable --force"

/* The states of a host's module; "virt-nest host" shows their names. */
typedef enum {
    NEST_KVM_NO_HARDWARE, /* no VMX or SVM, or switched off in the firmware */
    NEST_KVM_ABSENT,      /* the module is not loaded */
    NEST_KVM_BAD_VALUE,   /* not loaded, and the kernel refuses the value that is set for it */
    NEST_KVM_ON,          /* loaded, nesting on */
    NEST_KVM_OFF_IDLE,    /* loaded, nesting off, nobody uses it */
    NEST_KVM_OFF_BUSY,    /* loaded, nesting off, in use */
    NEST_KVM_BUILTIN_OFF, /* built into the kernel, nesting off */
} NestKvmState;

/**
 * NestKvmModule: what was read of the host.
 */
typedef struct {
    const NestCpuVendor *vendor; /* NULL for a vendor that is not in the table */
    NestKvmState state;          /* of the vendor's module */
    gboolean locked;             /* where NO_HARDWARE: the CPU has it, the firmware locked it off */
    gboolean cleared;            /* where NO_HARDWARE: a kernel argument, clearcpuid=, hides it */
    gboolean available;          /* if not loaded: the kernel has the module, so it can be loaded */
    gboolean builtin;            /* the module is part of the kernel, whatever its state */
    gboolean busy;               /* the module is in use, whatever its state */
    gboolean device;             /* /dev/kvm is there */
} NestKvmModule;

/**
 * nest_kvm_state_name: a state as programs read it.
 *
 * Returns: one of no-hardware, absent, bad-value, on, off-idle, off-busy, builtin-off.
 */
const char *nest_kvm_state_name(NestKvmState state);

/**
 * nest_kvm_module_check_settings: whether somebody's settings let the module be loaded with nesting on.
 * @force: only settings that nobody can override count
 *
 * To be called before a message names a command that turns nesting on, so that the named command is not refused.
 *
 * Returns: FALSE with NEST_ERROR_HOST_KEPT_OFF or NEST_ERROR_HOST_VALUE, naming the setting and what to do.
 */
gboolean nest_kvm_module_check_settings(const NestKvmModule *module, gboolean force,
                                        GError **error);

/**
 * nest_kvm_module_command: the command that turns nesting on.
 * @force: it overrides somebody's settings
 *
 * If virt-nest can write no line that would help at the next boot, this is the command for now only, because the command
 * for now and the next boot would fail.
 */
const char *nest_kvm_module_command(const NestKvmModule *module, gboolean force);

/* Whether the module is in the kernel, built in or loaded. */
gboolean nest_kvm_module_is_loaded(const NestKvmModule *module);

/**
 * nest_kvm_module_read: read the state of the host, changing nothing.
 *
 * The sources are /proc/cpuinfo, CPUID itself, /sys/module and /dev/kvm. If the firmware has locked VMX off, the kernel
 * removes vmx from /proc/cpuinfo (for svm, before Linux 6.7 only kvm_amd knows of the lock); the firmware cannot change
 * CPUID. This takes less than a millisecond, unless the module is absent: then libkmod searches /lib/modules for it, and
 * modprobe's configuration is searched for a value that the kernel refuses.
 */
NestKvmModule nest_kvm_module_read(void);

/**
 * nest_kvm_module_can_nest: whether a KVM guest that starts now can have nested guests.
 *
 * Costs nothing. It is for callers that do not need the reason: finding the reason may mean a walk
 * over all processes.
 */
gboolean nest_kvm_module_can_nest(const NestKvmModule *module);

/**
 * nest_kvm_module_check: whether a KVM guest that starts now can have nested guests.
 * @module: from nest_kvm_module_read()
 *
 * Returns: FALSE with a NEST_ERROR_HOST_* that says why not and what to do.
 */
gboolean nest_kvm_module_check(const NestKvmModule *module, GError **error);

/* The same for somebody who would use --force. */
gboolean nest_kvm_module_check_forced(const NestKvmModule *module, GError **error);
