/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans what is to be done with the host's KVM module, and tells whether that is safe now. */
#pragma once

#include "host/kvm_module.h"

typedef enum {
    NEST_KVM_DO_NOTHING, /* it is as wanted */
    NEST_KVM_DO_LOAD,    /* load it */
    NEST_KVM_DO_RELOAD,  /* unload it and load it again */
    NEST_KVM_DO_REFUSE,  /* not now, or not at all */
} NestKvmAction;

/**
 * nest_kvm_plan: plan how to turn nesting on or off.
 * @module: from nest_kvm_module_read()
 * @nested: whether nesting is wanted
 * @force: also where modprobe's configuration says nested=0, or prevents loading the module
 *
 * Returns: NEST_KVM_DO_REFUSE with a NEST_ERROR_HOST_* that says why (who uses the module, who set
 * nested=0) and what to do; else what nest_kvm_reload() will do.
 */
NestKvmAction nest_kvm_plan(const NestKvmModule *module, gboolean nested, gboolean force,
                            GError **error);

/**
 * nest_kvm_plan_text: a plan for a person.
 * @reason: (nullable) why, for NEST_KVM_DO_REFUSE
 *
 * Returns: (transfer full) words such as "unload kvm_amd and load it with nesting on".
 */
gchar *nest_kvm_plan_text(const NestKvmModule *module, NestKvmAction action, gboolean nested,
                          const GError *reason) G_GNUC_WARN_UNUSED_RESULT;
