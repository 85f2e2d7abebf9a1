/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU of a guest that shall have neither vmx nor svm: whether one of them is seen all the same. */
#pragma once

#include "domain/cpu.h"

/* Whether the domain's guest can have vmx or svm at all: it is x86, and runs under QEMU. */
gboolean nest_cpu_off_applies(const NestDomainXml *xml);

/**
 * nest_cpu_off_shows: which of the two features a guest started from this XML sees.
 * @host: (nullable) the host's vendor; a KVM guest sees no feature but its
 *
 * Judged by effect, and strictly: what a mode passes on counts, whatever the host's nesting is, and so does what a model has
 * by itself. Arguments in <qemu:commandline> count as in nest_cpu_exposes().
 *
 * Returns: (nullable) "vmx" or "svm"; NULL where it sees neither.
 */
const char *nest_cpu_off_shows(const NestDomainXml *xml, const NestCpuVendor *host);

/* (nullable) The same by the command line of a running QEMU, which has a -cpu. */
const char *nest_cpu_off_shows_by_command(const NestQemuCpu *qemu, gboolean kvm,
                                          const NestCpuVendor *host);

/* (transfer full)(nullable) The argument in <qemu:commandline> by which the guest sees the feature, whatever its <cpu> says:
 * correcting the definition does not help. */
gchar *nest_cpu_off_argument(const NestDomainXml *xml, const NestCpuVendor *host);

/* (transfer full) Half a sentence about that argument. @by: who forbids the feature; @edit: the command that changes it */
gchar *nest_cpu_off_argument_text(const char *argument, const char *feature, const char *by,
                                  const char *edit);
