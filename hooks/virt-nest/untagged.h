/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A quick report on a domain that does not mention virt-nest. */
#pragma once

#include "report.h"

/**
 * nest_report_untagged: the same for a domain that does not mention virt-nest, with as few calls as possible.
 *
 * Returns: (transfer full)(nullable) NULL where it mentions virt-nest, or cannot be read in this way.
 */
NestReport *nest_report_untagged(const NestConnection *connection,
                                 virDomainPtr domain) G_GNUC_WARN_UNUSED_RESULT;
