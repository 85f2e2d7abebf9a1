/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a rule does not match a domain, in words. */
#pragma once

#include "domain/rules.h"

/**
 * nest_rule_explain: why a rule does not match.
 * @rule: one that is right, and does not match
 * @xml: the domain
 *
 * Of several conditions that are joined by "and", the first that does not hold is named; of a path, how far it leads; of
 * a comparison or a function, what its paths find.
 *
 * Returns: (transfer full) half a sentence, such as "there is no metadata/one:vm".
 */
gchar *nest_rule_explain(const NestRule *rule, const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;
