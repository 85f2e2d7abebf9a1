/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of a domain's guard, and when: its live status, and that its QEMU is not asked. */
#pragma once

#include "virtnestd/domain.h"

/* Its live status may have changed; told once it is known whether the domain is armed. */
void nest_domain_report_status(NestDomain *domain);

/**
 * nest_domain_report_settled: from now on its live status can be written.
 * @anew: as it is now, unless the domain may be armed and its QEMU has not said whether it is; else with what the guard said
 *   last, if it has said anything
 */
void nest_domain_report_settled(NestDomain *domain, gboolean anew);

/* Its QEMU should be asked, and is not for the sake of others: the log tells it at once, and the live status if it lasts. */
void nest_domain_report_unasked(NestDomain *domain);

/* It was asked, or there is nothing to ask it. */
void nest_domain_report_asked(NestDomain *domain);
