/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish: what shall become of a domain's CPU. This is the one place that decides it, for the hook, virtnestd and the
 * commands. */
#include "domain/wish.h"

#include "domain/prefilter.h"

#include <string.h>

static gboolean
wish_of_tag(const NestDomainXml *xml, NestWish *wish, GError **error)
{
    static const NestWishKind kinds[] = {
        [NEST_TAG_NONE] = NEST_WISH_LEAVE,
        [NEST_TAG_ENABLE] = NEST_WISH_ENABLE,
        [NEST_TAG_DISABLE] = NEST_WISH_DISABLE,
    };
    NestTagKind kind = NEST_TAG_NONE;

    if (!nest_tag_read(xml, &kind, &wish->tag, error))
        return FALSE;
    wish->kind = kinds[kind];
    wish->by = kind == NEST_TAG_NONE ? NEST_WISH_BY_NOBODY : NEST_WISH_BY_TAG;
    return TRUE;
}

static void
wish_of_rules(const NestDomainXml *xml, const NestPolicy *policy, NestWish *wish)
{
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(policy->rules, xml, &verdict);
    if (verdict.outcome == NEST_RULES_SILENT)
        return;
    wish->by = NEST_WISH_BY_RULE;
    if (verdict.outcome == NEST_RULES_UNDECIDED) {
        /* The mistaken rule, and those after it, may have said either. */
        wish->kind = NEST_WISH_UNDECIDED;
        wish->may_be_disable =
            (verdict.may & NEST_RULES_MAY_DISABLE) ||
            (policy->untagged == NEST_UNTAGGED_DISABLE && (verdict.may & NEST_RULES_MAY_BE_SILENT));
    } else {
        wish->kind = verdict.rule->gives == NEST_RULE_ENABLE ? NEST_WISH_ENABLE : NEST_WISH_DISABLE;
        wish->tag = verdict.rule->tag;
    }
}

gboolean
nest_wish_read(const NestDomainXml *xml, const NestPolicy *policy, NestWish *ret_wish,
               GError **error)
{
    NestWish wish = NEST_WISH_NONE;

    if (!wish_of_tag(xml, &wish, error))
        return FALSE;
    if (wish.by == NEST_WISH_BY_NOBODY && policy)
        wish_of_rules(xml, policy, &wish);
    if (wish.by == NEST_WISH_BY_NOBODY && policy && policy->untagged == NEST_UNTAGGED_DISABLE) {
        wish.kind = NEST_WISH_DISABLE;
        wish.by = NEST_WISH_BY_POLICY;
    }
    *ret_wish = wish;
    return TRUE;
}

gboolean
nest_wish_may_concern(const char *text, const NestPolicy *policy)
{
    g_autoptr(NestDomainXml) xml = NULL;
    NestWish wish = NEST_WISH_NONE;

    if (nest_prefilter_matches(text, strlen(text)))
        return TRUE;
    if (!nest_policy_concerns_all(policy))
        return FALSE;
    if (policy->untagged == NEST_UNTAGGED_LEAVE && !nest_rules_may_match(policy->rules, text))
        return FALSE;
    xml = nest_domain_xml_parse(text, strlen(text), NULL);
    return !xml || !nest_wish_read(xml, policy, &wish, NULL) || wish.kind == NEST_WISH_ENABLE ||
           wish.kind == NEST_WISH_DISABLE;
}

const char *
nest_wish_by_text(const NestWish *wish)
{
    static const char *const texts[] = {
        [NEST_WISH_BY_NOBODY] = "nobody",
        [NEST_WISH_BY_TAG] = "its tag",
        [NEST_WISH_BY_RULE] = "a rule of this host",
        [NEST_WISH_BY_POLICY] = "[untagged] policy=disable in " NEST_CONFIG_FILE,
    };

    return texts[wish->by];
}
