/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns nesting on or off in the host's KVM module by loading and unloading it, where no guest can be hurt. */
#pragma once

#include "kvm_module.h"

/**
 * nest_kvm_reload: carry out nest_kvm_plan(); on a host only one reload runs at a time.
 * @nested: whether nesting is wanted
 * @force: see nest_kvm_plan()
 * @ret_module: (out) the host as it was read last, also on failure
 *
 * If another program is changing the module, waits some seconds at most for it to finish, and then finds
 * the work done. Removal is never forced: the kernel's own reference count keeps the module of a running
 * guest. Nothing is unloaded that would not be loaded again, and no install command is run. If anything
 * fails, the module comes back as it was, with the parameters that it had. Returns when /dev/kvm has its
 * previous owner, mode and ACL again. Logs what it does, and which untagged domains gain the feature.
 *
 * Returns: FALSE with a NEST_ERROR_HOST_* that says why and what to do.
 */
gboolean nest_kvm_reload(gboolean nested, gboolean force, NestKvmModule *ret_module,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_reload_inhibit: keep nesting from being turned off here, as a domain that needs it starts.
 * @uuid: the domain's
 *
 * This holds until the domain's flag (NEST_RUNTIME_FLAG_STARTING) is removed or a minute has passed; by then its
 * QEMU has the module. A reload that is under way has ended when this returns, if it takes some seconds at most.
 * Never fails, so the caller must read the state of the host afterwards.
 */
void nest_kvm_reload_inhibit(const char *uuid);

/**
 * nest_kvm_reload_happened: whether the module was unloaded for a moment, so that a use of it may have
 * failed.
 * @since: g_get_real_time() from before that use
 *
 * Waits until a reload that is under way has ended.
 */
gboolean nest_kvm_reload_happened(gint64 since);
