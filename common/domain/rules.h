/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's rules: which domains without a tag have nesting, or must not have it. */
#pragma once

#include "base/rules_peek.h"
#include "domain/rule_match.h"
#include "domain/rule_needles.h"
#include "domain/tag.h"

/* What a rule gives the domains that it matches. */
typedef enum {
    NEST_RULE_ENABLE,
    NEST_RULE_DISABLE,
    NEST_RULE_MISTAKEN_TAG, /* unknown, because its tag= is missing or wrong */
} NestRuleTag;

/**
 * NestRule: one group of a file; or a file that could not be read, as one mistaken rule.
 */
typedef struct {
    gchar *file;          /* its path, without $VIRT_NEST_ROOT */
    guint line;           /* of the group's name; 0 for a whole file */
    gchar *name;          /* the group's; NULL for a whole file */
    gchar *expression;    /* (nullable) match= as it was written */
    NestRuleTag gives;    /* tag= */
    NestTag tag;          /* where it is ENABLE, its attributes */
    NestRuleMatch *match; /* NULL if the rule is mistaken */
    NestRuleNeedles
        *needles;    /* words of each domain that it matches; NULL if the rule is mistaken */
    GError *mistake; /* NEST_ERROR_RULE, with file and line; NULL if the rule is right */
} NestRule;

/**
 * NestRules: all rules, in their order: by the files' names, compared byte by byte, then as they stand in a file.
 * May be used by several threads.
 */
typedef struct NestRules NestRules;

/**
 * nest_rules_load: read all rules.
 *
 * Never fails: a file or group that cannot be read becomes a mistaken rule in its place.
 *
 * Returns: (transfer full) the rules; none if the directory does not exist.
 */
NestRules *nest_rules_load(void) G_GNUC_WARN_UNUSED_RESULT;

NestRules *nest_rules_ref(NestRules *rules);
void nest_rules_unref(NestRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestRules, nest_rules_unref)

guint nest_rules_length(const NestRules *rules);

const NestRule *nest_rules_get(const NestRules *rules, guint i);

/* (nullable) What is wrong with the first mistaken rule. */
const GError *nest_rules_mistake(const NestRules *rules);

/* What the rules say of a domain. */
typedef enum {
    NEST_RULES_SILENT,    /* no rule matches */
    NEST_RULES_DECIDED,   /* the first that matches decides */
    NEST_RULES_UNDECIDED, /* a mistaken rule comes before: it may have matched */
} NestRulesOutcome;

/* What an undecided domain may have been given: bits. */
enum {
    NEST_RULES_MAY_ENABLE = 1 << 0,
    NEST_RULES_MAY_DISABLE = 1 << 1,
    NEST_RULES_MAY_BE_SILENT = 1 << 2,
};

/**
 * NestRulesVerdict: what the rules say of one domain.
 */
typedef struct {
    NestRulesOutcome outcome;
    const NestRule *rule; /* that decides, or the first mistaken one; NULL where SILENT; @rules' */
    int may;         /* UNDECIDED: what the mistaken rule, and then those after it, may have said */
    GError *mistake; /* UNDECIDED: what is wrong with @rule */
} NestRulesVerdict;

void nest_rules_verdict_clear(NestRulesVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NestRulesVerdict, nest_rules_verdict_clear)

/**
 * nest_rules_judge: what the rules say of a domain. The domain's tag is not looked at.
 *
 * Theory of operation: the first rule that matches decides. A mistaken rule may have been meant for any domain, to enable
 * or to disable. So a domain that no rule before it matches is undecided; the mistaken rule and those after it show what may
 * have been decided (@may). The same holds for a rule whose evaluation takes too long for this domain.
 */
void nest_rules_judge(NestRules *rules, const NestDomainXml *xml, NestRulesVerdict *ret_verdict);

/**
 * nest_rules_may_match: whether any rule may match a domain, by the XML's text. Takes a tenth of the time of parsing it.
 * @text: its XML
 */
gboolean nest_rules_may_match(const NestRules *rules, const char *text);

/* (transfer full) Where a rule stands, as "/etc/virt-nest/rules.d/50-lab.conf:3 [labs]". */
gchar *nest_rule_place(const NestRule *rule) G_GNUC_WARN_UNUSED_RESULT;
