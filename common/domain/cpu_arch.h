/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's architecture, which decides whose feature its guest needs, and Arm's EL2, which is no part of <cpu>. */
#pragma once

#include "domain/domain_xml.h"
#include "domain/qemu_cpu.h"

/* (transfer full) The architecture in <os><type arch=...>. Without one: that for which virt-nest was compiled, because libvirt
 * then takes the host's. */
gchar *nest_cpu_arch(const NestDomainXml *xml);

/**
 * nest_cpu_arch_vendor: get the vendor whose feature a guest of this architecture is to see.
 * @kvm: whether it runs under KVM
 * @host: (nullable) the vendor of the host, used for KVM, which runs only guests of the host's architecture
 *
 * Returns: (nullable) NULL with NEST_ERROR_CPU_ARCH, or with NEST_ERROR_HOST_VENDOR if @host is NULL and needed.
 */
const NestCpuVendor *nest_cpu_arch_vendor(const NestDomainXml *xml, gboolean kvm,
                                          const NestCpuVendor *host,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether libvirt is asked for EL2, by <virtualization/> in <features>. */
gboolean nest_cpu_arch_asks_for_el2(const NestDomainXml *xml);

/* Whether a guest started from this XML sees EL2. @qemu: what its <qemu:commandline> says; this wins over <features> */
gboolean nest_cpu_arch_shows_el2(const NestDomainXml *xml, const NestQemuCpu *qemu);

/* Sets NEST_ERROR_CPU_ARCH: the guest has no EL2, virt-nest cannot add it, and what to write. Returns: FALSE. */
gboolean nest_cpu_arch_refuse_el2(const NestDomainXml *xml, GError **error);
