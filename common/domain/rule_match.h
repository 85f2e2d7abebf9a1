/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The condition of a rule: an XPath 1.0 expression that is true or false for a domain. */
#pragma once

#include "domain/domain_xml.h"

#include <libxml/xpath.h>

/**
 * NestRuleMatch: a compiled expression.
 *
 * Relative paths begin at <domain>. The expression does not see what virt-nest writes: <cpu>, and the elements of its
 * namespaces. Otherwise its answer would change as soon as the domain is corrected.
 */
typedef struct NestRuleMatch NestRuleMatch;

/**
 * nest_rule_match_new: compile an expression, and check each name in it.
 * @expression: XPath 1.0
 * @namespaces: (element-type utf8 utf8) prefix to URI
 *
 * libxml2 reports an undeclared prefix, an unknown function or a variable only when the evaluation reaches it, and for most
 * domains this does not happen. So they are looked for here.
 *
 * Returns: (transfer full) the condition, or NULL with NEST_ERROR_RULE.
 */
NestRuleMatch *nest_rule_match_new(const char *expression, GHashTable *namespaces,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

void nest_rule_match_free(NestRuleMatch *match);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestRuleMatch, nest_rule_match_free)

/**
 * nest_rule_match_test: evaluate the expression. Only one thread at a time may use a @match.
 * @root: the <domain>, as nest_rule_view_begin() left it
 * @ret_matches: whether it is true
 *
 * Returns: FALSE with NEST_ERROR_RULE if it has not finished after a million steps.
 */
gboolean nest_rule_match_test(NestRuleMatch *match, xmlNode *root, gboolean *ret_matches,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full)(nullable) What another expression gives, with the namespaces of @match; NULL where it gives an error. */
xmlXPathObject *nest_rule_match_evaluate(NestRuleMatch *match, xmlNode *root,
                                         const char *expression) G_GNUC_WARN_UNUSED_RESULT;

/* What nest_rule_view_begin() has taken out of a document. */
typedef struct NestRuleView NestRuleView;

/* (transfer full) Takes what conditions must not see out of the tree. The text of the document stays as it is. */
NestRuleView *nest_rule_view_begin(const NestDomainXml *xml) G_GNUC_WARN_UNUSED_RESULT;

/* Puts it all back in its place. */
void nest_rule_view_end(NestRuleView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestRuleView, nest_rule_view_end)
