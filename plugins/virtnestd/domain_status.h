/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a domain's guard: its state, and its live status. */
#pragma once

#include "virtnestd/domain.h"

/* Whether the administrator wants no guard for now. */
gboolean nest_domain_is_lifted(const NestDomain *domain);

/* Whether nested guests run, or may run. */
gboolean nest_domain_runs_nested(const NestDomain *domain);

/* Whether this virtnestd or an earlier one may have armed it. */
gboolean nest_domain_may_be_armed(const NestDomain *domain);

/* Whether an armed domain without nested guests stays armed for now, because it keeps changing its mind. */
gboolean nest_domain_is_held(const NestDomain *domain);

/* Why a QEMU is not asked for the sake of others. */
#define NEST_DOMAIN_UNASKED                                                                        \
    "its QEMU is not asked, because too many others do not answer: until they do, or are stopped " \
    "(virsh domcontrol says which), its guard stays as it is"

/* The state of its guard. */
NestGuardState nest_domain_guard_state(const NestDomain *domain);

/* (nullable) What keeps it from being armed, or from being looked after at all. */
const char *nest_domain_guard_problem(const NestDomain *domain);

/**
 * nest_domain_update_status: work out the live status anew.
 *
 * Returns: whether it has changed. A reason alone may be out of date for some seconds.
 */
gboolean nest_domain_update_status(NestDomain *domain);
