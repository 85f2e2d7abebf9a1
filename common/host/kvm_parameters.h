/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loaded KVM module's parameters: those that decide nested guests' speed, and all of them. */
#pragma once

#include "host/cpu_vendor.h"

/**
 * NestKvmParameter: one that decides how fast nested guests are.
 */
typedef struct {
    const char *name;    /* as below /sys/module/MODULE/parameters */
    gchar *value;        /* as the kernel shows it: "Y", "N", "1" */
    const char *meaning; /* a word on what this value means for nested guests */
    gboolean slow;       /* the value makes nested guests slow */
} NestKvmParameter;

/**
 * nest_kvm_parameters_read: read those parameters of a loaded module that this kernel has.
 *
 * Returns: (transfer full)(element-type NestKvmParameter) in the order of the table; empty where the module
 * is not loaded.
 */
GPtrArray *nest_kvm_parameters_read(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_parameters_text: all parameters of a loaded module but `nested`.
 *
 * A value that is not one plain word is left out, because the kernel shows it but does not accept it when
 * the module is loaded, such as "not required" of vmentry_l1d_flush.
 *
 * Returns: (transfer full) "avic=N npt=Y ...", by name; "" where there are none.
 */
gchar *nest_kvm_parameters_text(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_parameters_lost: find the parameters that were set by hand and were lost by a reload.
 * @before: from nest_kvm_parameters_text()
 *
 * Only these are to be given when the module is loaded again: some parameters taint the kernel as soon as
 * they are given at all (force_avic; module_param_unsafe).
 *
 * Returns: (transfer full) those parameters of @before that have another value in the module now.
 */
gchar *nest_kvm_parameters_lost(const NestCpuVendor *vendor,
                                const char *before) G_GNUC_WARN_UNUSED_RESULT;
