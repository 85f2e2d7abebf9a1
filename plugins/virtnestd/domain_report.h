/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a domain's live status is published, and when it is reported that its QEMU is not asked. */
#pragma once

#include "virtnestd/domain.h"

/* To be called when the live status may have changed. It is published only if it is known whether the domain is armed. */
void nest_domain_report_status(NestDomain *domain);

/**
 * nest_domain_report_settled: from now on the live status can be written.
 * @anew: TRUE: work it out again, unless the domain may be armed and its QEMU has not said whether it is; FALSE: write what
 *   the guard decided last, if anything
 */
void nest_domain_report_settled(NestDomain *domain, gboolean anew);

/* To be called when QEMU should be asked but is not, because too many others do not answer. The log says so at once, and
 * the live status if it lasts. */
void nest_domain_report_unasked(NestDomain *domain);

/* To be called when QEMU was asked, or there is nothing to ask. */
void nest_domain_report_asked(NestDomain *domain);
