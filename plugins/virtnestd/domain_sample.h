/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The samples of a domain: whether its QEMU is asked, and how a sample enters the verdict. */
#pragma once

#include "virtnestd/domain.h"

/**
 * nest_domain_sample_here: take the part of a sample that does not need QEMU.
 *
 * If the domain can be watched, the watch begins first, so that no entry is missed if this sample is the last one.
 *
 * Returns: (nullable) the plugin that gave the count.
 */
const char *nest_domain_sample_here(NestDomain *domain, NestEvidence *evidence);

/**
 * nest_domain_sample_limit: whether QEMU is asked for the rest of a sample.
 * @evidence: the sample so far
 *
 * Returns: NestJob.most for the job that asks QEMU; 0: QEMU is not asked.
 */
guint nest_domain_sample_limit(NestDomain *domain, const NestEvidence *evidence);

/* Whether a sample should read the bit as well. A KVM guest has a counter, and reading its registers taints the domain. So
 * its bit is read only if the verdict needs it, or if several samples in a row were incomplete. */
gboolean nest_domain_sample_wants_bit(const NestDomain *domain);

/* Whether the guest uses the processor, no count is known, and its QEMU is not asked because too many others do not answer.
 * An idle guest does not matter: it starts no nested guest. */
gboolean nest_domain_sample_is_kept_out(const NestDomain *domain, const NestEvidence *evidence);

/* To be called after QEMU was asked. @error: (nullable) why the sample is incomplete */
void nest_domain_sample_answered(NestDomain *domain, const GError *error);

/**
 * nest_domain_sample_add: put a sample into the verdict.
 * @probe: (nullable) the plugin whose evidence the sample has
 * @time: when it was taken, CLOCK_MONOTONIC's milliseconds
 */
void nest_domain_sample_add(NestDomain *domain, const NestEvidence *evidence, const char *probe,
                            gint64 time);
