/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turning nesting on in the host's KVM module, or off: loading and unloading it, where no guest can be hurt. */
#pragma once

#include "kvm_module.h"

/**
 * nest_kvm_reload: carry out nest_kvm_plan(), one at a time on a host.
 * @nested: what is wanted
 * @force: see nest_kvm_plan()
 * @ret_module: (out) the host as it was found last, also on failure
 *
 * Waits some seconds at most for another that is at it, and finds its work done then. Removal is never
 * forced: the kernel's own reference count keeps the module of a running guest. Nothing is unloaded that would not
 * be loaded again, and no install command is run. Whatever fails, the module
 * comes back as it was, with the parameters that it had. Over when /dev/kvm has the owner, mode and ACL
 * again that it had. Says in the log what it does, and which untagged domains gain the feature.
 *
 * Returns: FALSE with a NEST_ERROR_HOST_* that says why and what to do.
 */
gboolean nest_kvm_reload(gboolean nested, gboolean force, NestKvmModule *ret_module,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_reload_inhibit: from now on nesting is not turned off here, as a domain that needs it starts.
 * @uuid: the domain's
 *
 * Until its flag is taken away (NEST_RUNTIME_FLAG_STARTING) or a minute is over; its QEMU has the module then. A turn
 * that is under way is over afterwards, if that takes some seconds at most. Never fails: look at the host next.
 */
void nest_kvm_reload_inhibit(const char *uuid);

/**
 * nest_kvm_reload_happened: whether the module was away for a moment, and so what needs it may have failed.
 * @since: g_get_real_time() from before that was tried
 *
 * Waits until one that is under way is over.
 */
gboolean nest_kvm_reload_happened(gint64 since);
