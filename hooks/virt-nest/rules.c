/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest rules: lists and checks the host's rules, and says which of them decides about a domain. */
#include "command.h"
#include "visit.h"

#include "base/error.h"
#include "domain/rule_explain.h"
#include "rules_json.h"

#include <stdio.h>
#include <string.h>

/* What the command line asks for. */
typedef struct {
    gboolean json;
    gboolean check; /* only mistakes are told */
    gchar *domain;  /* whose rules are explained; NULL: none */
    gchar *xml;     /* ... or the file with its XML; "-" is standard input */
} Request;

static void
rules_request_clear(Request *request)
{
    g_free(request->domain);
    g_free(request->xml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, rules_request_clear)

G_GNUC_PRINTF(1, 2)
static void
print_line(const char *format, ...)
{
    g_autofree gchar *line = NULL;
    g_autofree gchar *escaped = NULL;
    va_list arguments;

    va_start(arguments, format);
    line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    escaped = nest_error_escape(line);
    (void)printf("%s\n", escaped);
}

/* (transfer full) What a rule gives, as the tag would say it: "enable cpu='keep'". */
static gchar *
gives_text(const NestRule *rule)
{
    g_autofree gchar *element = nest_tag_format(&rule->tag);

    if (rule->gives == NEST_RULE_DISABLE)
        return g_strdup("disable");
    return g_strndup(element + 1, strlen(element) - strlen("</>"));
}

/* --- listing */

static void
list_rule(const NestRule *rule, const Request *request)
{
    g_autofree gchar *place = nest_rule_place(rule);
    g_autofree gchar *gives = gives_text(rule);

    if (rule->mistake)
        (void)nest_command_fail(g_error_copy(rule->mistake));
    else if (!request->check)
        print_line("%s: %s where %s", place, gives, rule->expression);
}

static void
list_rules(const NestRules *rules, const Request *request)
{
    guint length = nest_rules_length(rules);

    for (guint i = 0; i < length; i++)
        list_rule(nest_rules_get(rules, i), request);
    if (length == 0)
        print_line("there are no rules in " NEST_RULES_DIRECTORY ": see virt-nest-rules(5)");
    else if (request->check && !nest_rules_mistake(rules))
        print_line("%u rule%s: no mistake was found", length, length == 1 ? "" : "s");
}

/* --- explaining */

/* Prints for each rule, up to the one that decides or is mistaken, what follows from it. */
static void
explain_rules(const NestRulesAnswer *answer)
{
    const NestRulesVerdict *verdict = answer->verdict;

    for (guint i = 0; i < nest_rules_length(answer->rules); i++) {
        const NestRule *rule = nest_rules_get(answer->rules, i);
        gboolean is_last = rule == verdict->rule;
        g_autofree gchar *place = nest_rule_place(rule);
        g_autofree gchar *reason = is_last ? NULL : nest_rule_explain(rule, answer->xml);

        if (!is_last)
            print_line("%s does not match: %s", place, reason);
        else if (verdict->outcome == NEST_RULES_DECIDED)
            print_line("%s matches", place);
        else
            print_line("mistaken: %s", verdict->mistake->message);
        if (is_last)
            return;
    }
}

/* What comes of the rules and of the policy. */
static void
conclude(const NestRulesAnswer *answer)
{
    const char *name = nest_domain_xml_value(answer->xml, "name");
    const NestRulesVerdict *verdict = answer->verdict;
    const NestWish *wish = answer->wish;
    g_autofree gchar *place = verdict->rule ? nest_rule_place(verdict->rule) : NULL;
    g_autofree gchar *gives = verdict->rule ? gives_text(verdict->rule) : NULL;

    if (verdict->outcome == NEST_RULES_SILENT)
        print_line("%s: no rule matches%s%s", name,
                   wish->kind == NEST_WISH_DISABLE ? ", so it is disabled by " : "",
                   wish->kind == NEST_WISH_DISABLE ? nest_wish_by_text(wish) : "");
    else if (verdict->outcome == NEST_RULES_DECIDED)
        print_line("%s: %s, by %s", name, gives, place);
    else
        print_line("%s: undecided, as %s is mistaken: its definition stays as it is%s", name, place,
                   wish->may_be_disable ? ", and a start with VMX or SVM is refused" : "");
}

static void
print_rules_answer(const NestRulesAnswer *answer)
{
    if (answer->wish->by == NEST_WISH_BY_TAG) {
        print_line("%s: its tag decides, and no rule is asked",
                   nest_domain_xml_value(answer->xml, "name"));
        return;
    }
    explain_rules(answer);
    conclude(answer);
}

/* Returns: the exit status. */
static int
explain_domain_text(const Request *request, const char *text, gsize length, GError **error)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, length, error);
    g_autoptr(NestPolicy) policy = xml ? nest_policy_load(error) : NULL;
    g_auto(NestRulesVerdict) verdict = {0};
    NestWish wish = NEST_WISH_NONE;
    const NestRulesAnswer answer = {xml, policy ? policy->rules : NULL, &wish, &verdict};

    if (!policy || !nest_wish_read(xml, policy, &wish, error))
        return NEST_EXIT_FAILED;
    if (wish.by != NEST_WISH_BY_TAG)
        nest_rules_judge(policy->rules, xml, &verdict);
    if (request->json)
        nest_rules_json_print_answer(&answer);
    else
        print_rules_answer(&answer);
    return verdict.outcome == NEST_RULES_UNDECIDED ? NEST_EXIT_FAILED : NEST_EXIT_DONE;
}

/* What is asked of a domain that libvirt knows, and the exit status. */
typedef struct {
    const Request *request;
    int status;
} Explanation;

static gboolean
explain_domain(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Explanation *explanation = data;
    g_autofree char *text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);

    (void)connection;
    if (!text)
        return nest_virt_error(error, "its definition cannot be read"), FALSE;
    explanation->status = explain_domain_text(explanation->request, text, strlen(text), error);
    return !error || !*error;
}

static int
explain_named(const NestCall *call, const Request *request)
{
    GError *error = NULL;
    g_autoptr(NestConnection) connection =
        nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);
    gchar *names[] = {request->domain, NULL};
    Explanation explanation = {request, NEST_EXIT_DONE};
    int visited = 0;

    if (!connection)
        return nest_command_fail(error);
    visited = nest_connection_visit(connection, names, explain_domain, &explanation);
    return visited == NEST_EXIT_DONE ? explanation.status : visited;
}

static int
explain_file(const Request *request)
{
    const char *path = request->xml;
    GError *error = NULL;
    g_autofree gchar *text = NULL;
    gsize length = 0;
    int status = NEST_EXIT_FAILED;

    if (g_file_get_contents(g_str_equal(path, "-") ? "/dev/stdin" : path, &text, &length, &error))
        status = explain_domain_text(request, text, length, &error);
    return error ? nest_command_fail(error) : status;
}

int
nest_rules(NestCall *call)
{
    g_auto(Request) request = {0};
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &request.json,
         "for programs: an array of objects, or an object with --explain or --xml", NULL},
        {"check", 0, 0, G_OPTION_ARG_NONE, &request.check,
         "tell mistakes only, by the exit status too", NULL},
        {"explain", 0, 0, G_OPTION_ARG_FILENAME, &request.domain,
         "say which rule decides about a domain, and why", "DOMAIN"},
        {"xml", 0, 0, G_OPTION_ARG_FILENAME, &request.xml,
         "the same about the domain XML of a file", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(NestRules) rules = NULL;

    if (!nest_command_parse(call, options, &status))
        return status;
    if (call->arguments[0])
        return nest_command_misused(call, "rules takes no argument: a domain follows --explain");
    if (request.check + !!request.domain + !!request.xml > 1)
        return nest_command_misused(call, "--check, --explain and --xml exclude each other");
    if (request.domain)
        return explain_named(call, &request);
    if (request.xml)
        return explain_file(&request);
    rules = nest_rules_load();
    if (request.json)
        nest_rules_json_print_list(rules, request.check);
    else
        list_rules(rules, &request);
    return nest_rules_mistake(rules) ? NEST_EXIT_FAILED : NEST_EXIT_DONE;
}
