/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words that the text of a domain's XML must have if a rule matches. For most domains they are missing, so that the XML need
 * not be parsed. */
#pragma once

#include <glib.h>

/**
 * NestRuleNeedles: the words that a condition needs to be true.
 *
 * A condition may be true in several ways (or). Each way needs all of its words: the URI of each namespace in its paths, and
 * the text with which an attribute, or <name>, <uuid>, <title> or <description>, is compared. A condition of another form
 * needs no word, so it is always evaluated.
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

/* Whether each word of a domain's XML is literally in its text: no character is written as a number (&#97;), and no comment or
 * CDATA section can interrupt a word. All XML from libvirt is such, except for the metadata of others. */
gboolean nest_rule_needles_are_plain(const char *text);
