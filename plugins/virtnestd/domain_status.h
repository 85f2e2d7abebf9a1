/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a domain's guard, and the domain's live status. */
#pragma once

#include "virtnestd/domain.h"

/* Whether the administrator wants no guard for now. */
gboolean nest_domain_is_lifted(const NestDomain *domain);

/* Whether nested guests run, or may run. */
gboolean nest_domain_runs_nested(const NestDomain *domain);

/* Whether this virtnestd or an earlier one may have armed it. */
gboolean nest_domain_may_be_armed(const NestDomain *domain);

/* Whether an armed domain without nested guests stays armed for now, because its nested guests keep starting and ending. */
gboolean nest_domain_is_held(const NestDomain *domain);

/* The problem of a domain whose QEMU is not asked, because too many others do not answer. */
#define NEST_DOMAIN_UNASKED                                                                        \
    "its QEMU is not asked, because too many others do not answer: until they do, or are stopped " \
    "(virsh domcontrol says which), its guard stays as it is"

/* The state of its guard. */
NestGuardState nest_domain_guard_state(const NestDomain *domain);

/* (nullable) Why the domain is not armed, or why its QEMU is not asked. */
const char *nest_domain_guard_problem(const NestDomain *domain);

/**
 * nest_domain_update_status: work out the live status again.
 *
 * Returns: whether it has changed. If only the reason has changed, it may take some seconds until this is reported.
 */
gboolean nest_domain_update_status(NestDomain *domain);
