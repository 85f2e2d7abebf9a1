/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns nesting on or off in the host's KVM module by loading and unloading it, where no guest can be hurt. */
#pragma once

#include "host/kvm_plan.h"

/**
 * nest_kvm_reload: carry out nest_kvm_plan(); on a host only one reload runs at a time.
 * @nested: whether nesting is wanted
 * @force: see nest_kvm_plan()
 * @ret_module: (out) the host as it was read last, also on failure
 * @ret_done: (out) what was done: NEST_KVM_DO_NOTHING where it was as wanted already, and on failure
 *
 * If another program is changing the module, waits some seconds at most for it to finish, and then
 * plans again. Removal is never forced: the kernel's own reference count keeps the module of a running
 * guest. Nothing is unloaded that would not be loaded again, and no install command is run. If the
 * kernel does not load the module as wanted, the module is loaded as it was, with its former parameters,
 * or without any if the kernel refuses these. If this fails too, the error is NEST_ERROR_HOST_LOST.
 * Returns when /dev/kvm has its previous owner, mode and ACL again. Logs what it is about to do.
 *
 * Returns: FALSE with a NEST_ERROR_HOST_* that says why and what to do, or with NEST_ERROR_IO where the lock's file
 * cannot be opened.
 */
gboolean nest_kvm_reload(gboolean nested, gboolean force, NestKvmModule *ret_module,
                         NestKvmAction *ret_done, GError **error) G_GNUC_WARN_UNUSED_RESULT;
