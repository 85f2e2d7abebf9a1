/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: their order, their conditions, and what a mistaken one leaves undecided. */
#include "check.h"
#include "domain/rule_explain.h"

#define BELOW_ROOT "etc/virt-nest/rules.d/"
#define NOVA "http://openstack.org/xmlns/libvirt/nova/1.1"
#define RULE(match) "[a rule]\nns.nova=" NOVA "\nmatch=" match "\ntag=enable\n"

/* Each element, with a condition that is evaluated for each. */
#define ALL(condition) "//*[count(" condition ") >= 0]"

/* A domain with something of each kind that a condition may ask for. */
static const char lab[] =
    "<domain type='kvm'><name>lab-1</name><title>Ada's lab</title>"
    "<metadata><nova:instance xmlns:nova='" NOVA "'><nova:flavor name='m1.nested'/></nova:instance>"
    "<nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>"
    "<os><type arch='x86_64'>hvm</type></os><cpu mode='host-model'/><vcpu>2</vcpu></domain>";

static const struct {
    const char *match;
    gboolean matches;
} conditions[] = {
    {"name='lab-1'", TRUE},
    {"/domain/name='lab-1'", TRUE},
    {"name='lab-2'", FALSE},
    {"  name = \"lab-1\"  ", TRUE},
    {"starts-with(name, 'lab-')", TRUE},
    {"contains(title, \"Ada's\")", TRUE},
    {"title[starts-with(., 'Bob')] or vcpu > 1", TRUE},
    {"not(title) and vcpu > 1", FALSE},
    {"metadata/nova:instance/nova:flavor/@name = 'm1.nested'", TRUE},
    {"metadata/nova:instance/nova:flavor[@name='m1.small']", FALSE},
    {"metadata/nova:instance/nova:*", TRUE},
    {"metadata/*[namespace-uri()='" NOVA "']", TRUE},
    {"child::name", TRUE},
    {"os/type[attribute::arch = 'x86_64']", TRUE},
    {"count(*) mod 2 = 0 and (vcpu)", FALSE},
    {"name != '$HOME' and name != 'x:y'", TRUE},
    {"true()", TRUE},
    {"xml:lang or name", TRUE},
    /* What virt-nest writes does not exist for a rule. */
    {"*[@mode]", FALSE},
    {"//*[local-name()='enable']", FALSE},
    {"@cpu", FALSE},
    {"vcpu/@cpu", FALSE},
};

static const struct {
    const char *sentence, *text, *says;
} mistakes[] = {
    {"no expression", RULE("name="), "50.conf:3: [a rule] match: |XPath 1.0|correct it"},
    {"an expression that goes on", RULE("name = 'a' 'b'"), "50.conf:3|before 'b'"},
    {"quotes that are not closed", RULE("name='lab"), "50.conf:3|XPath 1.0"},
    {"an undeclared prefix", RULE("metadata/one:vm"), "50.conf:3|one:vm is not declared|ns.one=URI"},
    {"an undeclared prefix of an attribute", RULE("x[@a:b]"), "a:b is not declared"},
    {"an unknown function", RULE("ends-with(name, 'x')"), "ends-with()|starts-with()"},
    {"a misspelled function", RULE("contain(name, 'x')"), "contain()|did you mean 'contains'?"},
    {"a function of a namespace", RULE("nova:f(name)"), "nova:f()"},
    {"a variable", RULE("name=$x"), "50.conf:3|'$'"},
    {"the CPU", RULE("cpu/@mode='host-model'"), "50.conf:3|<cpu>|metadata"},
    {"the CPU in a condition of a path", RULE("/domain[cpu]"), "<cpu>"},
    {"no match", "[a]\ntag=enable\n", "50.conf:1: [a]: match= is missing"},
    {"an empty match", "[a]\ntag=enable\nmatch= \n", "50.conf:3: [a] match: match= is missing"},
    {"no tag", "# x\n\n[a]\nmatch=name\n", "50.conf:3: [a]: tag= is missing"},
    {"an unknown tag", "[a]\nmatch=name\ntag=enabled\n", "50.conf:3: [a] tag: 'enabled'|did you mean 'enable'?"},
    {"an unknown key", "[a]\nmatch=name\ntag=enable\nmtach=x\n", "50.conf:4: [a] mtach|did you mean 'match'?|virt-nest-rules(5)"},
    {"an unknown value of an attribute", "[a]\nmatch=name\ntag=enable\n cpu = host\n", "50.conf:4: [a] cpu|host-passthrough"},
    {"an attribute of disable", "[a]\nmatch=name\ntag=disable\ncpu=keep\n", "50.conf:4: [a] cpu|only tag=enable"},
    {"a namespace without a URI", "[a]\nmatch=name\ntag=enable\nns.x=\n", "50.conf:4: [a] ns.x|ns.PREFIX=URI"},
    {"a namespace without a prefix", "[a]\nmatch=name\ntag=enable\nns.=x\n", "50.conf:4: [a] ns.|ns.PREFIX=URI"},
    {"a value that is not UTF-8", "[a]\ntag=enable\nmatch=name='\xe4'\n", "50.conf:3: [a] match|UTF-8"},
    {"a line that is no key", "[a]\nmatch=name\ntag=enable\nname\n", "50.conf:4: the line|KEY=VALUE"},
    {"a key before a group", "\nmatch=name\n", "50.conf:2: the line"},
    {"a group that is not closed", "[a]\nmatch=name\ntag=enable\n[b\n", "50.conf:4: the line"},
    {"a key twice", "[a]\nmatch=name\ntag=enable\nmatch=x\n", "50.conf:4: [a] has match= twice"},
    {"a group twice", "[a]\nmatch=name\ntag=enable\n\n[a]\n", "50.conf:5: [a] is there twice"},
};

/* Rules in two files, and what they say of the domain above. */
static const struct {
    const char *sentence;
    const char *first, *second; /* NULL: no such file */
    NestRulesOutcome outcome;
    const char *decides; /* the name of the rule; NULL: there is none */
    int may;             /* where UNDECIDED */
} orders[] = {
    {"no files", NULL, NULL, NEST_RULES_SILENT, NULL, 0},
    {"empty files", "", "# nothing\n", NEST_RULES_SILENT, NULL, 0},
    {"none matches", "[a]\nmatch=x\ntag=enable\n", "[b]\nmatch=y\ntag=disable\n", NEST_RULES_SILENT, NULL, 0},
    {"the first of a file", "[a]\nmatch=name\ntag=enable\n[b]\nmatch=name\ntag=disable\n", NULL, NEST_RULES_DECIDED, "a", 0},
    {"the second of a file", "[b]\nmatch=x\ntag=enable\n[a]\nmatch=name\ntag=disable\n", NULL, NEST_RULES_DECIDED, "a", 0},
    {"the first file", "[b]\nmatch=name\ntag=disable\n", "[a]\nmatch=name\ntag=enable\n", NEST_RULES_DECIDED, "b", 0},
    {"the second file", "[b]\nmatch=x\ntag=disable\n", "[a]\nmatch=name\ntag=enable\n", NEST_RULES_DECIDED, "a", 0},
    {"a mistake after the one that decides", "[a]\nmatch=name\ntag=enable\n[b]\nmatch=(\ntag=enable\n", "x\n",
     NEST_RULES_DECIDED, "a", 0},
    {"a mistaken enable alone", "[a]\nmatch=(\ntag=enable\n", NULL, NEST_RULES_UNDECIDED, "a",
     NEST_RULES_MAY_ENABLE | NEST_RULES_MAY_BE_SILENT},
    {"a mistaken disable alone", "[a]\nmatch=(\ntag=disable\n", NULL, NEST_RULES_UNDECIDED, "a",
     NEST_RULES_MAY_DISABLE | NEST_RULES_MAY_BE_SILENT},
    {"a mistaken enable before a disable", "[a]\nmatch=(\ntag=enable\n", "[b]\nmatch=name\ntag=disable\n",
     NEST_RULES_UNDECIDED, "a", NEST_RULES_MAY_ENABLE | NEST_RULES_MAY_DISABLE},
    {"a mistaken enable before an enable, and what follows does not matter", "[a]\nmatch=(\ntag=enable\n",
     "[b]\nmatch=name\ntag=enable\n[c]\nmatch=name\ntag=disable\n", NEST_RULES_UNDECIDED, "a", NEST_RULES_MAY_ENABLE},
    {"a mistaken tag", "[a]\nmatch=name\ntag=on\n", NULL, NEST_RULES_UNDECIDED, "a",
     NEST_RULES_MAY_ENABLE | NEST_RULES_MAY_DISABLE | NEST_RULES_MAY_BE_SILENT},
    {"a mistaken file", "x\n", "[b]\nmatch=name\ntag=enable\n", NEST_RULES_UNDECIDED, NULL,
     NEST_RULES_MAY_ENABLE | NEST_RULES_MAY_DISABLE},
    {"a mistaken file after one that decides", "[b]\nmatch=name\ntag=enable\n", "x\n", NEST_RULES_DECIDED, "b", 0},
    {"a condition that takes too many steps for this domain",
     "[a]\nmatch=" ALL(ALL(ALL(ALL(ALL(ALL(ALL(ALL("x")))))))) "\ntag=disable\n", NULL,
     NEST_RULES_UNDECIDED, "a", NEST_RULES_MAY_DISABLE | NEST_RULES_MAY_BE_SILENT},
};

/* Why the domain above is not matched. */
static const struct {
    const char *match, *says;
} reasons[] = {
    {"name = 'web'", "name = 'web' is not so: name is 'lab-1'"},
    {"starts-with(name, 'web')", "starts-with(name, 'web') is not so: name is 'lab-1'"},
    {"description", "there is no description"},
    {"contains(description, 'lab')", "contains(description, 'lab') is not so: there is no description"},
    {"name and description", "there is no description"},
    {"name='web' or description", "name='web' is not so: name is 'lab-1'; there is no description"},
    {"title = 'a or b'", "title = 'a or b' is not so: title is 'Ada's lab'"},
    {"metadata/nova:instance/nova:owner", "there is <nova:instance xmlns:nova=\"" NOVA "\">, but not metadata/nova:instance/nova:owner"},
    {"metadata/nova:instance/nova:flavor[@name = 'm1/x']",
     "there is <nova:flavor name=\"m1.nested\"/>, but not metadata/nova:instance/nova:flavor[@name = 'm1/x']"},
    {"metadata/nova:instance/nova:flavor/@name = 'm1.small'",
     "metadata/nova:instance/nova:flavor/@name = 'm1.small' is not so: metadata/nova:instance/nova:flavor/@name is 'm1.nested'"},
    {"/domain/devices/disk", "there is <domain type=\"kvm\">, but not /domain/devices"},
    {"vcpu > 2", "vcpu > 2 is not so: vcpu is '2'"},
    {"2 < count(//disk)", "2 < count(//disk) is not so: there is no //disk"},
    {"not(name)", "not(name) is not so: name is 'lab-1'"},
    {"false()", "false() is not so"},
    {"(name and title) and (vcpu = 3)", "(vcpu = 3) is not so"},
    {"ordinary", "there is no ordinary"},
};

/* The examples that are shipped, and the corpus. */
static const struct {
    const char *example, *rule, *document;
    gboolean matches;
} examples[] = {
    {"nova", "nova extra spec", "nova-32-extra-specs", TRUE},
    {"nova", "nova extra spec", "nova-27-host-model", FALSE},
    {"nova", "nova image property", "nova-32-extra-specs", TRUE},
    {"nova", "nova image property", "nova-27-host-model", FALSE},
    {"nova", "nova flavor name", "nova-32-extra-specs", TRUE},
    {"nova", "nova flavor name", "nova-27-host-model", FALSE},
    {"nova", "nova flavor name", "opennebula-6.6-raw", FALSE},
    {"cloudstack", "cloudstack account", "cloudstack-4.19-account", TRUE},
    {"cloudstack", "cloudstack account", "cloudstack-4.19-agent", FALSE},
    {"cloudstack", "cloudstack system", "cloudstack-4.19-account", FALSE},
    {"ovirt", "ovirt nest=on", "ovirt-4.5-custom-property", TRUE},
    {"ovirt", "ovirt nest=on", "ovirt-4.5-cascadelake", FALSE},
    {"ovirt", "ovirt nest=off", "ovirt-4.5-custom-property", FALSE},
    {"opennebula", "opennebula name", "opennebula-6.6-named", TRUE},
    {"opennebula", "opennebula name", "opennebula-6.6-raw", FALSE},
    {"names", "payroll", "virt-manager-4.1-windows11", FALSE},
    {"names", "labs", "virt-manager-4.1-windows11", FALSE},
    {"names", "windows 11", "virt-manager-4.1-windows11", TRUE},
    {"names", "windows 11", "virt-v2v-2.2-windows", FALSE},
};

static NestRules *
load(const char *first, const char *second)
{
    if (first)
        check_root_write(BELOW_ROOT "50.conf", first);
    if (second)
        check_root_write(BELOW_ROOT "60.conf", second);
    return nest_rules_load();
}

/* What of the domain above is told by its text not to match. */
static const struct {
    const char *match;
    gboolean may_match;
} needles[] = {
    {"name='lab-1'", TRUE},
    {"name='web'", FALSE},
    {"/domain/name = 'web'", FALSE},
    {"name != 'web'", TRUE},
    {"starts-with(title, 'web')", FALSE},
    {"starts-with(title, 'Ada')", TRUE},
    {"contains(title, '&')", TRUE},
    {"contains(title, '')", TRUE},
    {"contains(metadata, 'web')", TRUE}, /* may be put together of several elements */
    {"metadata/nova:instance/nova:flavor[@name='m1.large']", FALSE},
    {"metadata/nova:instance/nova:flavor[@name='m1.nested']", TRUE},
    {"metadata/nova:instance/nova:flavor[@name='m1.large' or .]", TRUE},
    {"metadata/nova:instance/nova:flavor[not(@name='m1.large')]", TRUE},
    {"metadata/other:x", FALSE},
    {"metadata/other:x or name='lab-1'", TRUE},
    {"metadata/other:x or name='web'", FALSE},
    {"not(metadata/other:x)", TRUE},
    {"count(metadata/other:x) = 0", TRUE},
    {"metadata/other:x | name", TRUE},
    {"(name='web' or title) and name='lab-1'", TRUE},
    {"name='web' and title", FALSE},
    {"true()", TRUE},
};

static void
test_needles(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *text = g_strdup_printf(
        "[a rule]\nns.nova=" NOVA "\nns.other=urn:other\nmatch=%s\ntag=enable\n", needles[i].match);
    g_autoptr(NestRules) rules = load(text, NULL);

    g_assert_no_error(nest_rules_mistake(rules));
    g_assert_cmpint(nest_rules_may_match(rules, lab), ==, needles[i].may_match);
    check_root_free(root);
}

static void
test_not_plain(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = load("[a]\nmatch=name='web'\ntag=enable\n", NULL);
    static const char *const texts[] = {
        "<domain><name>w&#101;b</name></domain>",
        "<domain><name>w<!-- -->eb</name></domain>",
        "<domain><name>w<![CDATA[eb]]></name></domain>",
        "<domain><name>w<?x?>eb</name></domain>",
    };
    const char plain[] = "<?xml version='1.0'?><!-- x --><domain><name>w</name></domain>";

    g_test_summary("a text in which a word may be written in another way is always asked");
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_true(nest_rules_may_match(rules, texts[i]));
    g_assert_false(nest_rules_may_match(rules, plain));
    check_root_free(root);
}

static void
test_condition(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *text =
        g_strdup_printf("[a rule]\nns.nova=" NOVA "\nmatch=%s\ntag=enable\n", conditions[i].match);
    g_autoptr(NestRules) rules = load(text, NULL);
    g_autoptr(NestDomainXml) xml = check_parse(lab);
    g_auto(NestRulesVerdict) verdict = {0};

    g_assert_no_error(nest_rules_mistake(rules));
    nest_rules_judge(rules, xml, &verdict);
    g_assert_cmpint(verdict.outcome, ==, conditions[i].matches ? NEST_RULES_DECIDED : NEST_RULES_SILENT);
    check_root_free(root);
}

static void
test_mistake(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = load(mistakes[i].text, NULL);

    g_assert_cmpuint(nest_rules_length(rules), ==, 1);
    g_assert_error(nest_rules_mistake(rules), NEST_ERROR, NEST_ERROR_RULE);
    check_says(nest_rules_mistake(rules)->message, mistakes[i].says);
    check_says(nest_rules_mistake(rules)->message, NEST_RULES_DIRECTORY "/50.conf:");
    check_root_free(root);
}

static void
test_reason(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *text = g_strdup_printf("[a rule]\nns.nova=" NOVA "\nmatch=%s\ntag=enable\n", reasons[i].match);
    g_autoptr(NestRules) rules = load(text, NULL);
    g_autoptr(NestDomainXml) xml = check_parse(lab);
    g_autofree gchar *reason = NULL;

    g_assert_no_error(nest_rules_mistake(rules));
    reason = nest_rule_explain(nest_rules_get(rules, 0), xml);
    g_assert_cmpstr(reason, ==, reasons[i].says);
    check_root_free(root);
}

static gchar *
read_source(const char *directory, const char *name, const char *suffix)
{
    g_autofree gchar *file = g_strconcat(directory, "/", name, suffix, NULL);
    g_autofree gchar *path = check_source_path(file);
    gchar *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void
test_example(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *text = read_source("install/config/rules.d-examples", examples[i].example, ".conf");
    g_autofree gchar *document = read_source("tests/corpus", examples[i].document, ".xml");
    g_autoptr(NestRules) rules = load(text, NULL);
    g_autoptr(NestDomainXml) xml = check_parse(document);
    g_autoptr(NestRuleView) view G_GNUC_UNUSED = nest_rule_view_begin(xml);
    guint found = 0;

    g_assert_no_error(nest_rules_mistake(rules));
    for (guint r = 0; r < nest_rules_length(rules); r++) {
        const NestRule *rule = nest_rules_get(rules, r);
        gboolean matches = FALSE;

        if (!g_str_equal(rule->name, examples[i].rule))
            continue;
        g_assert_true(nest_rule_match_test(rule->match, nest_domain_xml_root(xml), &matches, NULL));
        g_assert_cmpint(matches, ==, examples[i].matches);
        found++;
    }
    g_assert_cmpuint(found, ==, 1);
    check_root_free(root);
}

static void
test_order(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = load(orders[i].first, orders[i].second);
    g_autoptr(NestDomainXml) xml = check_parse(lab);
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(rules, xml, &verdict);
    g_assert_cmpint(verdict.outcome, ==, orders[i].outcome);
    g_assert_cmpstr(verdict.rule ? verdict.rule->name : NULL, ==, orders[i].decides);
    if (verdict.outcome == NEST_RULES_UNDECIDED) {
        g_assert_cmpint(verdict.may, ==, orders[i].may);
        g_assert_error(verdict.mistake, NEST_ERROR, NEST_ERROR_RULE);
        check_says(verdict.mistake->message, NEST_RULES_DIRECTORY "/50.conf");
    } else {
        g_assert_no_error(verdict.mistake);
    }
    check_root_free(root);
}

static void
test_rule(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules =
        load("# x\r\n\r\n[labs]\r\n match = name \r\n# y\r\ntag = enable\r\ncpu=keep\r\nrequired=no\r\n", "[off]\nmatch=x\ntag=disable");
    const NestRule *labs = nest_rules_get(rules, 0);
    const NestRule *off = nest_rules_get(rules, 1);
    g_autofree gchar *place = nest_rule_place(labs);

    g_test_summary("a rule has its place, its condition and its tag");
    g_assert_cmpuint(nest_rules_length(rules), ==, 2);
    g_assert_no_error(nest_rules_mistake(rules));
    g_assert_cmpstr(place, ==, NEST_RULES_DIRECTORY "/50.conf:3 [labs]");
    g_assert_cmpstr(labs->expression, ==, "name");
    g_assert_cmpint(labs->gives, ==, NEST_RULE_ENABLE);
    g_assert_cmpint(labs->tag.cpu, ==, NEST_CPU_KEEP);
    g_assert_cmpint(labs->tag.migration, ==, NEST_MIGRATION_REFUSE);
    g_assert_false(labs->tag.required);
    g_assert_cmpint(off->gives, ==, NEST_RULE_DISABLE);
    g_assert_cmpuint(off->line, ==, 1);
    check_root_free(root);
}

static void
test_untouched(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = load("[a]\nmatch=//*[.='x']\ntag=enable\n", NULL);
    g_autoptr(NestDomainXml) xml = check_parse(lab);
    g_autofree gchar *before = nest_xml_dump(nest_domain_xml_root(xml));
    g_autofree gchar *after = NULL;
    g_auto(NestRulesVerdict) verdict = {0};

    g_test_summary("a domain is after the judgement what it was before");
    nest_rules_judge(rules, xml, &verdict);
    after = nest_xml_dump(nest_domain_xml_root(xml));
    g_assert_cmpstr(after, ==, before);
    g_assert_nonnull(nest_domain_xml_metadata_element(xml, NEST_TAG_NAMESPACE));
    check_root_free(root);
}

static void
test_only_ours(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = load("[a]\nmatch=not(metadata)\ntag=enable\n", NULL);
    g_autoptr(NestDomainXml) xml =
        check_parse("<domain><metadata>\n <s:domain xmlns:s='urn:virt-nest:state:1'/>\n</metadata><name>a</name></domain>");
    g_auto(NestRulesVerdict) verdict = {0};

    g_test_summary("metadata that virt-nest alone wrote does not exist for a rule");
    nest_rules_judge(rules, xml, &verdict);
    g_assert_cmpint(verdict.outcome, ==, NEST_RULES_DECIDED);
    check_root_free(root);
}

static void
test_peek(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = g_build_filename(root, NEST_RULES_DIRECTORY, NULL);
    g_autofree gchar *hidden = g_strnfill(200, 'x');

    g_test_summary("whether there are rules is seen without reading them");
    g_assert_false(nest_rules_peek(path));
    check_root_write(BELOW_ROOT "readme", "");
    check_root_write(BELOW_ROOT ".conf", "");
    check_root_write(BELOW_ROOT ".x.conf", "");
    for (int i = 0; i < 100; i++) { /* more than one call of the kernel lists */
        g_autofree gchar *name = g_strdup_printf(BELOW_ROOT "%s%d", hidden, i);

        check_root_write(name, "");
    }
    g_assert_false(nest_rules_peek(path));
    check_root_write(BELOW_ROOT "x.conf", "");
    g_assert_true(nest_rules_peek(path));
    check_root_free(root);
}

static void
test_files(void)
{
    gchar *root = check_root_new();
    g_autoptr(NestRules) rules = NULL;
    static const char *const names[] = {"9.conf", "10.conf", "a.conf", "B.conf", ".hidden.conf", "9.conf~", "readme", "x.conf.orig"};
    static const char order[] = "10.conf 9.conf B.conf a.conf ";
    g_autoptr(GString) found = g_string_new(NULL);

    g_test_summary("files are taken by their names' bytes, and no others");
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *path = g_strconcat(BELOW_ROOT, names[i], NULL);

        check_root_write(path, "[a]\nmatch=x\ntag=enable\n");
    }
    rules = nest_rules_load();
    for (guint i = 0; i < nest_rules_length(rules); i++)
        g_string_append_printf(found, "%s ", strrchr(nest_rules_get(rules, i)->file, '/') + 1);
    g_assert_cmpstr(found->str, ==, order);
    check_root_free(root);
}

static void
check_file_is_mistaken(const char *says)
{
    g_autoptr(NestRules) rules = nest_rules_load();

    g_assert_error(nest_rules_mistake(rules), NEST_ERROR, NEST_ERROR_RULE);
    check_says(nest_rules_mistake(rules)->message, says);
}

static void
test_unreadable(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *long_text = g_strnfill(64 * 1024, '#');
    g_autofree gchar *too_long = g_strconcat(long_text, "#", NULL);
    GString *many = g_string_new(NULL);

    g_test_summary("what cannot be read is a mistake, and not the same as no rule");
    check_root_write(BELOW_ROOT "50.conf/x", "");
    check_file_is_mistaken("50.conf: it is not a file");
    check_root_free(root);
    root = check_root_new();
    check_root_write(BELOW_ROOT "50.conf", too_long);
    check_file_is_mistaken("50.conf: it is longer than 64 KiB");
    for (int i = 0; i < 257; i++)
        g_string_append_printf(many, "[%d]\nmatch=x\ntag=enable\n", i);
    check_root_write(BELOW_ROOT "50.conf", many->str);
    check_file_is_mistaken("50.conf: with this file there are more than 256 rules");
    g_string_free(many, TRUE);
    check_root_free(root);
    root = check_root_new();
    check_root_write("etc/virt-nest/rules.d", "");
    check_file_is_mistaken("/etc/virt-nest/rules.d: the directory cannot be read");
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(conditions); i++) {
        g_autofree gchar *name = g_strdup_printf("/condition/%zu", i);

        g_test_add_data_func(name, GSIZE_TO_POINTER(i), test_condition);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        g_autofree gchar *name = g_strdup_printf("/reason/%zu", i);

        g_test_add_data_func(name, GSIZE_TO_POINTER(i), test_reason);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(needles); i++) {
        g_autofree gchar *name = g_strdup_printf("/needles/%zu", i);

        g_test_add_data_func(name, GSIZE_TO_POINTER(i), test_needles);
    }
    g_test_add_func("/needles/not-plain", test_not_plain);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree gchar *name = g_strdup_printf("%s, of %s", examples[i].rule, examples[i].document);

        check_add_row("example", name, GSIZE_TO_POINTER(i), test_example);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(mistakes); i++)
        check_add_row("mistake", mistakes[i].sentence, GSIZE_TO_POINTER(i), test_mistake);
    for (gsize i = 0; i < G_N_ELEMENTS(orders); i++)
        check_add_row("order", orders[i].sentence, GSIZE_TO_POINTER(i), test_order);
    g_test_add_func("/rules/rule", test_rule);
    g_test_add_func("/rules/untouched", test_untouched);
    g_test_add_func("/rules/only-ours", test_only_ours);
    g_test_add_func("/rules/peek", test_peek);
    g_test_add_func("/rules/files", test_files);
    g_test_add_func("/rules/unreadable", test_unreadable);
    return g_test_run();
}
