/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remarks on a tagged domain's CPU that is no error: it has no effect, or makes nested guests slow. */
#pragma once

#include "domain/cpu.h"

/**
 * nest_cpu_remarks_slow: say what the CPU of a domain lacks beside the feature.
 * @xml: the domain, with the feature in its CPU
 * @vendor: from nest_cpu_feature_vendor()
 *
 * A -cpu in <qemu:commandline> counts in place of <cpu>.
 *
 * Returns: (transfer full)(nullable) a sentence with the remedy; NULL where nothing is known to be missing.
 */
gchar *nest_cpu_remarks_slow(const NestDomainXml *xml,
                             const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_remarks: get all remarks.
 * @xml: the domain, after its rewrite
 * @vendor: from nest_cpu_feature_vendor()
 *
 * Returns: (transfer full)(element-type utf8) sentences, parts of which come from the document; none if all is well.
 */
GPtrArray *nest_cpu_remarks(const NestDomainXml *xml,
                            const NestCpuVendor *vendor) G_GNUC_WARN_UNUSED_RESULT;
