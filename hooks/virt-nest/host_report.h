/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports on the host: its KVM module, what decides nesting there, and what virt-nest would do about it. */
#pragma once

#include "host/kvm_module.h"
#include "host/modprobe_conf.h"

/**
 * nest_host_report_print: look at the host and print it, changing nothing.
 * @json: one object for programs instead of a table for a person
 */
void nest_host_report_print(gboolean json);

/**
 * nest_host_report_next_boot: whether nesting is on when the module is loaded next, and who says so.
 * @module: of a vendor that is known
 * @conf: of the same vendor
 *
 * Returns: (transfer full) for example "on: /etc/modprobe.d/virt-nest.conf:2 says nested=1".
 */
gchar *nest_host_report_next_boot(const NestKvmModule *module,
                                  const NestModprobeConf *conf) G_GNUC_WARN_UNUSED_RESULT;

/* Whether somebody's setting keeps the module, or nesting, off then. */
gboolean nest_host_report_is_off_next(const NestKvmModule *module, const NestModprobeConf *conf);
