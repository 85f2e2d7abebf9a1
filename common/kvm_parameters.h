/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parameters of the KVM module that is loaded: those that decide nested speed, and all of them. */
#pragma once

#include "cpu_vendor.h"

/**
 * NestKvmParameter: one that decides how fast nested guests are.
 */
typedef struct {
    const char *name;    /* as below /sys/module/MODULE/parameters */
    gchar *value;        /* as the kernel says it: "Y", "N", "1" */
    const char *meaning; /* a word on what this value means for nested guests */
    gboolean slow;       /* the value makes them slow or keeps them from running */
} NestKvmParameter;

/**
 * nest_kvm_parameters_read: those of a loaded module that this kernel has.
 *
 * Returns: (transfer full)(element-type NestKvmParameter) in the order of the table; empty where the module
 * is not loaded.
 */
GPtrArray *nest_kvm_parameters_read(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_parameters_text: all parameters of a loaded module but `nested`.
 *
 * Left out is what the kernel says but does not take back, as vmentry_l1d_flush's "not required": a value
 * that is not one plain word.
 *
 * Returns: (transfer full) "avic=N npt=Y ...", by name; "" where there are none.
 */
gchar *nest_kvm_parameters_text(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_parameters_lost: what was set by hand, and is not any more after the module was loaded anew.
 * @before: from nest_kvm_parameters_text()
 *
 * Only this is to be loaded with again: some parameters taint the kernel as soon as they are given at all
 * (force_avic; module_param_unsafe).
 *
 * Returns: (transfer full) those of @before that the module has with another value now.
 */
gchar *nest_kvm_parameters_lost(const NestCpuVendor *vendor,
                                const char *before) G_GNUC_WARN_UNUSED_RESULT;
