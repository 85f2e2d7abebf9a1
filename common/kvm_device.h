/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/kvm, which goes and comes back with the KVM module: udev gives it its owner, mode and ACL a moment later. */
#pragma once

#include <glib.h>

typedef struct NestKvmDevice NestKvmDevice;

/**
 * nest_kvm_device_read: what it is now: its owner, group, mode and ACL, or that it is not there.
 *
 * Returns: (transfer full) never NULL.
 */
NestKvmDevice *nest_kvm_device_read(void) G_GNUC_WARN_UNUSED_RESULT;

void nest_kvm_device_free(NestKvmDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestKvmDevice, nest_kvm_device_free)

/**
 * nest_kvm_device_wait: wait until it is as it was.
 * @before: from before the module was unloaded
 *
 * Where it was not there before, until it is, and udev has nothing left to do. Some seconds at most: then it
 * is made as it was, and the log says so.
 *
 * Returns: FALSE with NEST_ERROR_HOST_DEVICE where it does not come back at all.
 */
gboolean nest_kvm_device_wait(const NestKvmDevice *before,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
