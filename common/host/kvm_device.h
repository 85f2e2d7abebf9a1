/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/kvm, which goes and comes back with the KVM module: udev gives it its owner, mode and ACL a moment later. */
#pragma once

#include <glib.h>

typedef struct NestKvmDevice NestKvmDevice;

/**
 * nest_kvm_device_read: read its present owner, group, mode and ACL, or that it does not exist.
 *
 * Returns: (transfer full) never NULL.
 */
NestKvmDevice *nest_kvm_device_read(void) G_GNUC_WARN_UNUSED_RESULT;

void nest_kvm_device_free(NestKvmDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestKvmDevice, nest_kvm_device_free)

/**
 * nest_kvm_device_wait: wait until /dev/kvm is as it was.
 * @before: what it was before the module was unloaded
 *
 * If it did not exist before, the wait ends when it exists and udev has no events left. The wait takes some
 * seconds at most; after that, virt-nest itself restores owner, mode and ACL, and the log says so.
 *
 * Returns: FALSE with NEST_ERROR_HOST_DEVICE where it does not come back at all.
 */
gboolean nest_kvm_device_wait(const NestKvmDevice *before,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
