/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exposed domains: untagged domains that also get the nested feature once nesting is on, because nesting is a property
 * of the whole host. */
#pragma once

#include "host/kvm_plan.h"

/**
 * nest_exposed_read: find the domains whose definitions let the host's feature through.
 * @vendor: the host's
 *
 * These are KVM domains without our tag whose CPU is host-passthrough, maximum or host-model and does not
 * switch the feature off. They are read from libvirt's own files in /etc/libvirt/qemu, because the hook
 * must not ask libvirt; libvirt writes these files at each define (facts.md, "Definitions").
 *
 * Returns: (transfer full)(element-type utf8) names, sorted.
 */
GPtrArray *nest_exposed_read(const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_exposed_text: the names for a message.
 *
 * Returns: (transfer full)(nullable) "web1, web2 and 7 more"; NULL where there are none.
 */
gchar *nest_exposed_text(const GPtrArray *names) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_exposed_log: log which domains gain the feature, if nesting was turned on a moment ago.
 * @vendor: the host's
 * @done: what nest_kvm_reload() has done to turn it on; NEST_KVM_DO_NOTHING logs nothing
 */
void nest_exposed_log(const NestCpuVendor *vendor, NestKvmAction done);
