/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The features of a CPU by name, as libvirt's table of CPUs and the hypervisor give them. */
#pragma once

#include "domain/domain_xml.h"
#include "virt/virt.h"

/**
 * NestMachine: what libvirt must know about a domain to say which CPUs it can have.
 */
typedef struct {
    gchar *emulator; /* (nullable) the path of QEMU; NULL: libvirt's choice */
    gchar *arch;     /* (nullable) as "x86_64" */
    gchar *type;     /* (nullable) the machine type, as "pc-q35-7.2" */
    gchar *virt;     /* "kvm" or "qemu" */
} NestMachine;

/* Reads it from a domain; to be cleared. */
NestMachine nest_machine_of_domain(const NestDomainXml *xml);
void nest_machine_clear(NestMachine *machine);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestMachine, nest_machine_clear)

/* (transfer full)(nullable) The domain capabilities that a libvirt gives for such a machine, below a root element of ours;
 * NULL: libvirt's last error says why there are none. */
NestDomainXml *nest_machine_read_offer(virConnectPtr libvirt,
                                       const NestMachine *machine) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_features_read: the features that a CPU with a model has.
 * @libvirt: may be read-only, and may be that of another host
 * @cpu: a <cpu> with a <model>, of a running domain or of a host
 *
 * libvirt takes the model's features from its table of CPUs, and adds and removes what @cpu says. For a running domain's XML
 * the result is what the guest has: libvirt has asked QEMU, and written the differences into the XML (check='full').
 *
 * Returns: (transfer full)(element-type utf8) a set of names, or NULL with NEST_ERROR_LIBVIRT.
 */
GHashTable *nest_cpu_features_read(virConnectPtr libvirt, const NestMachine *machine, xmlNode *cpu,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
