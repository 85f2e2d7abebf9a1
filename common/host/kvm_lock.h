/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock for programs that change the host's KVM module, /run/virt-nest/host.lock. The file also holds the
 * module's parameters while the module is unloaded. */
#pragma once

#include <glib.h>

/**
 * nest_kvm_lock_take: become the only program that changes the module.
 *
 * If another program is changing it, waits some seconds at most for that to finish.
 *
 * Returns: a descriptor, whose close() releases the lock; -1 with NEST_ERROR_IO or NEST_ERROR_HOST_LOCK.
 */
int nest_kvm_lock_take(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The parameters that a program saved before it was killed with the module unloaded; "" where there
 * are none. */
gchar *nest_kvm_lock_read(int lock);

/* Saves the module's parameters; "" once it is loaded again. */
void nest_kvm_lock_write(int lock, const char *parameters);

/**
 * nest_kvm_lock_inhibit_unload: keep nesting from being turned off here, because a domain that needs it starts.
 * @uuid: the domain's
 *
 * The effect lasts until the domain's flag (NEST_RUNTIME_FLAG_STARTING) is removed or a minute has passed; by then
 * the domain's QEMU uses the module. If a reload is under way, this waits for its end, but only some seconds. A
 * failure is only logged, so the caller must read the state of the host afterwards.
 */
void nest_kvm_lock_inhibit_unload(const char *uuid);

/**
 * nest_kvm_lock_reloaded_since: whether the module was unloaded for a moment, so that a use of it may have
 * failed.
 * @since: g_get_real_time() from before that use
 *
 * Waits until a reload that is under way has ended.
 */
gboolean nest_kvm_lock_reloaded_since(gint64 since);
