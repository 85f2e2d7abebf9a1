/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that each rule of any file is right or is told with its line, and that a domain is judged and left as it is.
 *
 * The input is the file. */
#include "domain/rules.h"
#include "fuzz.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static int file;

static const char domain[] =
    "<domain type='kvm'><name>lab-1</name><title>a lab</title>"
    "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:flavor name='m1'/></nova:instance>"
    "<nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>"
    "<cpu mode='host-model'/><vcpu>2</vcpu><devices><disk type='file'/></devices></domain>";

gboolean
fuzz_start(void)
{
    g_autofree gchar *world = fuzz_world();
    g_autofree gchar *directory = g_strconcat(world, NEST_RULES_DIRECTORY, NULL);
    g_autofree gchar *path = g_build_filename(directory, "50.conf", NULL);

    if (g_mkdir_with_parents(directory, 0755) < 0 || !g_setenv("VIRT_NEST_ROOT", world, TRUE))
        return FALSE;
    file = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return file >= 0;
}

/* A rule, and the number of lines of its file. */
static void
check_rule(const NestRule *rule, guint lines)
{
    PROMISE("a rule is right or mistaken", !rule->match != !rule->mistake, rule->name);
    PROMISE("a rule has the line of its group", rule->line <= lines && !rule->name == !rule->line,
            rule->name);
    if (!rule->mistake)
        return;
    fuzz_check_error(rule->mistake, NEST_ERROR_RULE, NEST_ERROR_RULE);
    PROMISE("a mistake is told with its line",
            g_str_has_prefix(rule->mistake->message, NEST_RULES_DIRECTORY "/50.conf:"),
            rule->mistake->message);
}

static void
check_verdict(const NestRulesVerdict *verdict)
{
    PROMISE("a rule decides, or none", !verdict->rule == (verdict->outcome == NEST_RULES_SILENT),
            NULL);
    PROMISE("an undecided domain has its reason",
            !verdict->mistake == (verdict->outcome != NEST_RULES_UNDECIDED), NULL);
    if (verdict->outcome == NEST_RULES_DECIDED)
        PROMISE("a mistaken rule decides nothing", !verdict->rule->mistake, verdict->rule->name);
    if (verdict->mistake)
        fuzz_check_error(verdict->mistake, NEST_ERROR_RULE, NEST_ERROR_RULE);
}

/* What is known by the text not to match does not match. */
static void
check_needles(const NestRule *rule, const NestDomainXml *xml)
{
    g_autoptr(NestRuleView) view G_GNUC_UNUSED = nest_rule_view_begin(xml);
    gboolean matches = FALSE;

    if (rule->match &&
        nest_rule_match_test(rule->match, nest_domain_xml_root(xml), &matches, NULL) && matches)
        PROMISE("a domain that is matched has what the rule needs",
                nest_rule_needles_are_in(rule->needles, domain), rule->expression);
}

static void
check_judgement(NestRules *rules)
{
    g_autoptr(NestDomainXml) xml = fuzz_parse(domain, strlen(domain));
    g_autofree gchar *before = nest_xml_dump(nest_domain_xml_root(xml));
    g_autofree gchar *after = NULL;
    g_auto(NestRulesVerdict) verdict = {0};

    nest_rules_judge(rules, xml, &verdict);
    after = nest_xml_dump(nest_domain_xml_root(xml));
    PROMISE("a domain that was judged is what it was", g_str_equal(before, after), after);
    check_verdict(&verdict);
    for (guint i = 0; i < nest_rules_length(rules); i++)
        check_needles(nest_rules_get(rules, i), xml);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(NestRules) rules = NULL;
    guint lines = 1;

    PROMISE("the file is written",
            pwrite(file, data, size, 0) == (gssize)size && ftruncate(file, (off_t)size) == 0, NULL);
    for (gsize i = 0; i < size; i++)
        lines += data[i] == '\n';
    rules = nest_rules_load();
    for (guint i = 0; i < nest_rules_length(rules); i++)
        check_rule(nest_rules_get(rules, i), lines);
    check_judgement(rules);
    return 0;
}
