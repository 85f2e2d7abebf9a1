/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish: what shall become of a domain's CPU. This is the one place that decides it, for the hook, virtnestd and the
 * commands. */
#include "domain/wish.h"

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
wish_of_policy(const NestPolicy *policy, NestWish *wish)
{
    if (policy->untagged != NEST_UNTAGGED_DISABLE)
        return;
    wish->kind = NEST_WISH_DISABLE;
    wish->by = NEST_WISH_BY_POLICY;
}

gboolean
nest_wish_read(const NestDomainXml *xml, const NestPolicy *policy, NestWish *ret_wish,
               GError **error)
{
    NestWish wish = NEST_WISH_NONE;

    if (!wish_of_tag(xml, &wish, error))
        return FALSE;
    if (wish.by == NEST_WISH_BY_NOBODY && policy)
        wish_of_policy(policy, &wish);
    *ret_wish = wish;
    return TRUE;
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
