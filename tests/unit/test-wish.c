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

#define RULE(match, tag) "[a]\nmatch=" match "\ntag=" tag "\n"

static const struct {
    const char *sentence, *rules, *metadata;
    NestUntagged untagged;
    NestWishKind kind;
    NestWishBy by;
    gboolean may_be_disable;
} ruled[] = {
    {"a rule enables", RULE("name='a'", "enable"), "", NEST_UNTAGGED_LEAVE, NEST_WISH_ENABLE, NEST_WISH_BY_RULE, FALSE},
    {"a rule disables", RULE("name='a'", "disable"), "", NEST_UNTAGGED_LEAVE, NEST_WISH_DISABLE, NEST_WISH_BY_RULE, FALSE},
    {"a rule that does not match", RULE("name='b'", "enable"), "", NEST_UNTAGGED_LEAVE, NEST_WISH_LEAVE,
     NEST_WISH_BY_NOBODY, FALSE},
    {"a rule wins over the policy", RULE("name='a'", "enable"), "", NEST_UNTAGGED_DISABLE, NEST_WISH_ENABLE,
     NEST_WISH_BY_RULE, FALSE},
    {"where no rule matches, the policy decides", RULE("name='b'", "enable"), "", NEST_UNTAGGED_DISABLE, NEST_WISH_DISABLE,
     NEST_WISH_BY_POLICY, FALSE},
    {"the tag wins over a rule", RULE("name='a'", "disable"), "<nest:enable " NS "/>", NEST_UNTAGGED_LEAVE,
     NEST_WISH_ENABLE, NEST_WISH_BY_TAG, FALSE},
    {"the tag wins over a mistaken rule", RULE("(", "disable"), "<nest:enable " NS "/>", NEST_UNTAGGED_LEAVE,
     NEST_WISH_ENABLE, NEST_WISH_BY_TAG, FALSE},
    {"a mistaken enable", RULE("(", "enable"), "", NEST_UNTAGGED_LEAVE, NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, FALSE},
    {"a mistaken enable, where the policy disables", RULE("(", "enable"), "", NEST_UNTAGGED_DISABLE,
     NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, TRUE},
    {"a mistaken disable", RULE("(", "disable"), "", NEST_UNTAGGED_LEAVE, NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, TRUE},
    {"a mistaken enable before a disable", RULE("(", "enable") "[b]\nmatch=name\ntag=disable\n", "",
     NEST_UNTAGGED_LEAVE, NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, TRUE},
    {"a mistaken enable before an enable, whatever the policy", RULE("(", "enable") "[b]\nmatch=name\ntag=enable\n", "",
     NEST_UNTAGGED_DISABLE, NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, FALSE},
    {"a mistaken file", "x\n", "", NEST_UNTAGGED_LEAVE, NEST_WISH_UNDECIDED, NEST_WISH_BY_RULE, TRUE},
};

static void
test_ruled(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestDomainXml) xml = domain_of(ruled[i].metadata);
    g_autofree gchar *text = nest_xml_dump(nest_domain_xml_root(xml));
    g_autoptr(NestPolicy) policy = NULL;
    NestWish wish = NEST_WISH_NONE;

    check_root_write("etc/virt-nest/rules.d/50.conf", ruled[i].rules);
    policy = policy_of(ruled[i].untagged);
    g_assert_true(nest_policy_concerns_all(policy));
    g_assert_true(nest_wish_read(xml, policy, &wish, NULL));
    g_assert_cmpint(wish.kind, ==, ruled[i].kind);
    g_assert_cmpint(wish.by, ==, ruled[i].by);
    g_assert_cmpint(wish.may_be_disable, ==, ruled[i].may_be_disable);
    g_assert_cmpint(nest_wish_may_concern(text, policy), ==,
                    *ruled[i].metadata || wish.kind == NEST_WISH_ENABLE || wish.kind == NEST_WISH_DISABLE);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(ruled); i++)
        check_add_row("ruled", ruled[i].sentence, GSIZE_TO_POINTER(i), test_ruled);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_add_row("wish", cases[i].sentence, GSIZE_TO_POINTER(i), test_case);
    g_test_add_func("/wish/without a policy only the tag counts", test_no_policy);
    g_test_add_func("/wish/only a policy other than leave concerns every domain", test_concerns_all);
    return g_test_run();
}
