/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the vCPUs of a guest that runs may have VMX or SVM, whatever its tag is. */
#pragma once

#include "connection.h"
#include "domain/qemu_cpu.h"

/**
 * nest_leave_cpu_may_nest: whether nested guests are possible in a running guest.
 * @xml: of the running domain
 * @command: the command line of its QEMU, which is what QEMU was really given; empty if it could not be read
 *
 * Returns: FALSE only where that is certain: the host's KVM has nesting off, or the feature is forbidden, or libvirt's
 * table of CPUs and what libvirt has asked of QEMU leave it out.
 */
gboolean nest_leave_cpu_may_nest(const NestConnection *connection, const NestDomainXml *xml,
                                 const NestQemuCpu *command);
