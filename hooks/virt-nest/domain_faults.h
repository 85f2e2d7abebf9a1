/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps a domain from having the CPU that its tag, a rule or the policy asks for, and what to do about it. */
#pragma once

#include "domain_query.h"

#define NEST_DOMAIN_NOT_CORRECTED "not corrected yet: virt-nest apply"

/* (transfer full)(nullable) The first fault, and its remedy; NULL: what @query's wish asks for is in effect. */
gchar *nest_domain_faults_find(const NestDomainQuery *query);

/* (transfer full)(nullable) The same of the running guest, or of its managed save, alone. */
gchar *nest_domain_faults_of_guest(const NestDomainQuery *query);
