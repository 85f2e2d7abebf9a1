/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The samples of a domain: whether its QEMU is asked for one, and what comes of each. */
#pragma once

#include "virtnestd/domain.h"

/**
 * nest_domain_sample_here: take the sample that does not need its QEMU.
 *
 * Its next entry is watched from before that on, if it can be, so that none is missed if sampling stops after this sample.
 *
 * Returns: (nullable) the plugin that counted.
 */
const char *nest_domain_sample_here(NestDomain *domain, NestEvidence *evidence);

/**
 * nest_domain_sample_limit: whether its QEMU is asked for the rest of a sample.
 * @evidence: what is known without it
 *
 * Returns: NestJob.most of the job that asks it; 0: it is not asked.
 */
guint nest_domain_sample_limit(NestDomain *domain, const NestEvidence *evidence);

/* Whether a sample should read the bit as well. A KVM guest has a counter, and reading its registers taints it. So
 * the bit is read only if the verdict needs it, or if the counter stays away. */
gboolean nest_domain_sample_wants_bit(const NestDomain *domain);

/* Whether a guest of which nothing is known is at work, and its QEMU is not asked for the sake of others. An idle guest
 * starts no nested guest. */
gboolean nest_domain_sample_is_kept_out(const NestDomain *domain, const NestEvidence *evidence);

/* Its QEMU was asked. @error: (nullable) why the sample is incomplete */
void nest_domain_sample_answered(NestDomain *domain, const GError *error);

/**
 * nest_domain_sample_add: put a sample into the verdict.
 * @probe: (nullable) the plugin whose evidence counts
 * @time: when it was taken, CLOCK_MONOTONIC's milliseconds
 */
void nest_domain_sample_add(NestDomain *domain, const NestEvidence *evidence, const char *probe,
                            gint64 time);
