/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest-kvm@.service: changes the host's KVM module for a virtnestd that may not do that itself. */
#pragma once

#include <gio/gio.h>

/* Whether the unit must change the module: systemd runs here, and this process may not load modules. */
gboolean nest_kvm_unit_is_needed(void);

/**
 * nest_kvm_unit_start: have the unit turn nesting on, and wait until it has ended.
 * @cancellable: ends the wait at once, from any thread; the unit goes on
 *
 * Blocks, so it is not called from the main thread.
 *
 * Returns: FALSE with the error of nest_kvm_reload() in the unit; with NEST_ERROR_HOST_LOAD if the unit could not be
 * started or has not said why it failed; or with G_IO_ERROR_CANCELLED.
 */
gboolean nest_kvm_unit_start(GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;
