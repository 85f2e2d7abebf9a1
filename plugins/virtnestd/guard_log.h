/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is logged of a domain's guard: that it was armed or disarmed, and its problems. */
#pragma once

#include "virtnestd/domain.h"

/* Each problem once: nest_domain_log_problem(). */
void nest_guard_log_problem(NestDomain *domain, NestDomainLogKind kind, const GError *error);

/* @job: has armed it, or tried to; @domain's own state is still that of before */
void nest_guard_log_armed(const NestDomain *domain, const NestGuardJob *job);

/* It was disarmed. */
void nest_guard_log_disarmed(const NestDomain *domain);

/* Logs the error of @job if the domain left by the very migration or save that @job was to abort. */
void nest_guard_log_lost(const NestGuardJob *job);
