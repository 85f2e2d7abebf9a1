/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a rule does not match a domain, in words. */
#pragma once

#include "domain/rules.h"

/**
 * nest_rule_explain: why a rule does not match.
 * @rule: a rule that has no mistake, and does not match
 * @xml: the domain
 *
 * For conditions that are joined by "and", the text names the first that does not hold. For a path, it says how far the path
 * leads; for a comparison or a function, what its paths find.
 *
 * Returns: (transfer full) half a sentence, such as "there is no metadata/one:vm".
 */
gchar *nest_rule_explain(const NestRule *rule, const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;
