/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU of a guest that shall have neither vmx nor svm: whether the guest sees one of them nevertheless. */
#pragma once

#include "domain/cpu.h"

/* Whether the domain's guest can have vmx or svm at all: it is x86, and runs under QEMU. */
gboolean nest_cpu_off_applies(const NestDomainXml *xml);

/**
 * nest_cpu_off_shows: which of the two features a guest started from this XML sees.
 * @host: (nullable) the host's vendor; a KVM guest sees only this vendor's feature
 *
 * This is strict: a mode that passes on the host's features counts even if the host's nesting is off, and a model that has
 * the feature by itself counts too. Arguments in <qemu:commandline> count as in nest_cpu_exposes().
 *
 * Returns: (nullable) "vmx" or "svm"; NULL where it sees neither.
 */
const char *nest_cpu_off_shows(const NestDomainXml *xml, const NestCpuVendor *host);

/* (nullable) The same by the command line of a running QEMU, which has a -cpu. */
const char *nest_cpu_off_shows_by_command(const NestQemuCpu *qemu, gboolean kvm,
                                          const NestCpuVendor *host);

/* (transfer full)(nullable) The argument in <qemu:commandline> that shows the guest the feature, whatever its <cpu> says.
 * Correcting the definition does not help then. */
gchar *nest_cpu_off_argument(const NestDomainXml *xml, const NestCpuVendor *host);

/* (transfer full) Half a sentence about that argument. @by: who forbids the feature; @edit: the command that changes it */
gchar *nest_cpu_off_argument_text(const char *argument, const char *feature, const char *by,
                                  const char *edit);
