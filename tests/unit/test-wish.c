/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wish: who decides what shall become of a domain's CPU, for each tag and each policy. */
#include "base/error.h"
#include "check.h"
#include "domain/wish.h"

#define NS "xmlns:nest='urn:virt-nest:1'"
#define MISTAKEN (-1)

static const struct {
    const char *sentence, *metadata;
    NestUntagged untagged;
    int kind; /* or MISTAKEN */
    NestWishBy by;
} cases[] = {
    {"no tag", "", NEST_UNTAGGED_LEAVE, NEST_WISH_LEAVE, NEST_WISH_BY_NOBODY},
    {"enable", "<nest:enable " NS "/>", NEST_UNTAGGED_LEAVE, NEST_WISH_ENABLE, NEST_WISH_BY_TAG},
    {"disable", "<nest:disable " NS "/>", NEST_UNTAGGED_LEAVE, NEST_WISH_DISABLE, NEST_WISH_BY_TAG},
    {"disable says the same as the policy", "<nest:disable " NS "/>", NEST_UNTAGGED_DISABLE, NEST_WISH_DISABLE,
     NEST_WISH_BY_TAG},
    {"other people's metadata", "<x:enable xmlns:x='urn:x'/>", NEST_UNTAGGED_LEAVE, NEST_WISH_LEAVE,
     NEST_WISH_BY_NOBODY},
    {"no tag, and the policy is off", "", NEST_UNTAGGED_DISABLE, NEST_WISH_DISABLE, NEST_WISH_BY_POLICY},
    {"enable wins over the policy", "<nest:enable " NS "/>", NEST_UNTAGGED_DISABLE, NEST_WISH_ENABLE,
     NEST_WISH_BY_TAG},
    {"a mistaken tag is nobody's wish, whatever the policy", "<nest:enable " NS " cpu='x'/>",
     NEST_UNTAGGED_DISABLE, MISTAKEN, NEST_WISH_BY_NOBODY},
    {"both tags are a mistake", "<nest:enable " NS "/><nest:disable " NS "/>", NEST_UNTAGGED_LEAVE, MISTAKEN,
     NEST_WISH_BY_NOBODY},
};

static NestPolicy *
policy_of(NestUntagged untagged)
{
    NestConfig config = NEST_CONFIG_DEFAULT;

    config.untagged = untagged;
    return nest_policy_new(&config);
}

static NestDomainXml *
domain_of(const char *metadata)
{
    g_autofree gchar *text =
        g_strdup_printf("<domain type='kvm'><name>a</name><metadata>%s</metadata></domain>", metadata);

    return check_parse(text);
}

static void
test_case(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(NestDomainXml) xml = domain_of(cases[i].metadata);
    g_autoptr(NestPolicy) policy = policy_of(cases[i].untagged);
    g_autoptr(GError) error = NULL;
    NestWish wish = {.kind = 42, .by = 42};

    g_assert_true(nest_wish_read(xml, policy, &wish, &error) == (cases[i].kind != MISTAKEN));
    g_assert_true((error != NULL) == (cases[i].kind == MISTAKEN));
    g_assert_cmpint(wish.kind, ==, error ? 42 : cases[i].kind);
    g_assert_cmpint(wish.by, ==, error ? 42 : cases[i].by);
}

/* Without a policy, or before the settings are read, only the tag counts. */
static void
test_no_policy(void)
{
    g_autoptr(NestDomainXml) untagged = domain_of("");
    g_autoptr(NestDomainXml) tagged = domain_of("<nest:enable " NS " cpu='keep'/>");
    NestWish wish = NEST_WISH_NONE;

    g_assert_true(nest_wish_read(untagged, NULL, &wish, NULL));
    g_assert_cmpint(wish.kind, ==, NEST_WISH_LEAVE);
    g_assert_true(nest_wish_read(tagged, NULL, &wish, NULL));
    g_assert_cmpint(wish.kind, ==, NEST_WISH_ENABLE);
    g_assert_cmpint(wish.tag.cpu, ==, NEST_CPU_KEEP);
    g_assert_false(nest_policy_concerns_all(NULL));
}

/* Only a policy that may concern a domain which does not mention virt-nest makes every domain be read. */
static void
test_concerns_all(void)
{
    g_autoptr(NestPolicy) leave = policy_of(NEST_UNTAGGED_LEAVE);
    g_autoptr(NestPolicy) disable = policy_of(NEST_UNTAGGED_DISABLE);

    g_assert_false(nest_policy_concerns_all(leave));
    g_assert_true(nest_policy_concerns_all(disable));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_add_row("wish", cases[i].sentence, GSIZE_TO_POINTER(i), test_case);
    g_test_add_func("/wish/without a policy only the tag counts", test_no_policy);
    g_test_add_func("/wish/only a policy other than leave concerns every domain", test_concerns_all);
    return g_test_run();
}
