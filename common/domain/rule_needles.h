/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the text of a domain's XML has if a rule matches: most domains are known by it not to match, and are not parsed. */
#pragma once

#include <glib.h>

/**
 * NestRuleNeedles: words, without one of which the condition of a rule is false.
 *
 * A condition may have several ways to be true (or), and each way needs all of its words: the URI of each namespace in its
 * paths; and the text with which an attribute, or <name>, <uuid>, <title> or <description>, is compared. Of a condition that is
 * put in another way no word is needed, so that it is always evaluated.
 */
typedef struct NestRuleNeedles NestRuleNeedles;

/* (transfer full) @namespaces: (element-type utf8 utf8) prefix to URI */
NestRuleNeedles *nest_rule_needles_new(const char *expression,
                                       GHashTable *namespaces) G_GNUC_WARN_UNUSED_RESULT;

void nest_rule_needles_free(NestRuleNeedles *needles);

/**
 * nest_rule_needles_are_in: whether the condition may be true.
 * @text: a domain's XML that nest_rule_needles_are_plain() allows
 */
gboolean nest_rule_needles_are_in(const NestRuleNeedles *needles, const char *text);

/* Whether each word of a domain's XML stands in its text as it is: nothing is written as a number (&#97;), and no comment or
 * CDATA section may interrupt it. libvirt writes no XML of another kind, but for the metadata of others. */
gboolean nest_rule_needles_are_plain(const char *text);
