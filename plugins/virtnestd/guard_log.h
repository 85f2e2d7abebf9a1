/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log lines about a domain's guard: armed, disarmed, and problems. */
#pragma once

#include "virtnestd/domain.h"

/* Logs each problem once, by nest_domain_log_problem(). */
void nest_guard_log_problem(NestDomain *domain, NestDomainLogKind kind, const GError *error);

/* To be called after @job has armed the domain, or tried to, and before the state of @domain is updated. */
void nest_guard_log_armed(const NestDomain *domain, const NestGuardJob *job);

/* To be called when the domain was disarmed. */
void nest_guard_log_disarmed(const NestDomain *domain);

/* Logs the error of @job if the migration or save that @job was to abort has taken the domain away. */
void nest_guard_log_lost(const NestGuardJob *job);
