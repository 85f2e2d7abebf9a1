/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's rules: which domains without a tag have nesting, or must not have it. */
#include "domain/rules.h"

#include "base/error.h"
#include "base/root.h"
#include "base/sort.h"
#include "domain/rule_file.h"

#include <string.h>

/* The most rules. If each of so many takes its limit of steps, the start of a domain takes some seconds. */
#define MAX_RULES 256

struct NestRules {
    GPtrArray *list;   /* of NestRule, in order */
    GMutex evaluation; /* held while a condition is evaluated, as that changes it (NestRuleMatch) */
};

/* (transfer full) The names of the files, in order. */
static GPtrArray *
list_files(GDir *directory)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *name = NULL;

    while ((name = g_dir_read_name(directory)))
        if (nest_rules_peek_is_file(name))
            g_ptr_array_add(names, g_strdup(name));
    nest_sort_texts(names);
    return names;
}

static void
read_files(GDir *directory, GPtrArray *rules)
{
    g_autoptr(GPtrArray) names = list_files(directory);

    for (guint i = 0; i < names->len; i++) {
        g_autofree gchar *path =
            g_build_filename(NEST_RULES_DIRECTORY, g_ptr_array_index(names, i), NULL);
        guint before = rules->len;

        nest_rule_file_read(path, rules);
        if (rules->len <= MAX_RULES)
            continue;
        g_ptr_array_set_size(rules, (gint)before);
        g_ptr_array_add(rules,
                        nest_rule_file_mistaken(
                            path, 0,
                            "with this file there are more than 256 rules, and it is left out: "
                            "write fewer rules, each with more conditions (or)"));
        return;
    }
}

NestRules *
nest_rules_load(void)
{
    g_autofree gchar *path = nest_root_path(NEST_RULES_DIRECTORY);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GDir) directory = g_dir_open(path, 0, &problem);
    NestRules *rules = g_atomic_rc_box_new0(NestRules);

    g_mutex_init(&rules->evaluation);
    rules->list = g_ptr_array_new_with_free_func((GDestroyNotify)nest_rule_free);
    if (directory)
        read_files(directory, rules->list);
    else if (!g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_autofree gchar *message = g_strdup_printf(
            "the directory cannot be read (%s): make it readable", problem->message);

        g_ptr_array_add(rules->list, nest_rule_file_mistaken(NEST_RULES_DIRECTORY, 0, message));
    }
    return rules;
}

NestRules *
nest_rules_ref(NestRules *rules)
{
    return g_atomic_rc_box_acquire(rules);
}

static void
rules_clear(gpointer data)
{
    NestRules *rules = data;

    g_ptr_array_unref(rules->list);
    g_mutex_clear(&rules->evaluation);
}

void
nest_rules_unref(NestRules *rules)
{
    if (rules)
        g_atomic_rc_box_release_full(rules, rules_clear);
}

guint
nest_rules_length(const NestRules *rules)
{
    return rules->list->len;
}

const NestRule *
nest_rules_get(const NestRules *rules, guint i)
{
    return g_ptr_array_index(rules->list, i);
}

const GError *
nest_rules_mistake(const NestRules *rules)
{
    for (guint i = 0; i < rules->list->len; i++)
        if (nest_rules_get(rules, i)->mistake)
            return nest_rules_get(rules, i)->mistake;
    return NULL;
}

void
nest_rules_verdict_clear(NestRulesVerdict *verdict)
{
    g_clear_error(&verdict->mistake);
}

/* What a rule gives, as bits. */
static int
bits_of(const NestRule *rule)
{
    static const int bits[] = {
        [NEST_RULE_ENABLE] = NEST_RULES_MAY_ENABLE,
        [NEST_RULE_DISABLE] = NEST_RULES_MAY_DISABLE,
        [NEST_RULE_MISTAKEN_TAG] = NEST_RULES_MAY_ENABLE | NEST_RULES_MAY_DISABLE,
    };

    return bits[rule->gives];
}

/* Whether a rule matches. FALSE with an error if this cannot be found out. */
static gboolean
rule_test(const NestRule *rule, xmlNode *root, gboolean *ret_matches, GError **error)
{
    g_autofree gchar *place = NULL;

    if (!rule->match) {
        g_propagate_error(error, g_error_copy(rule->mistake));
        return FALSE;
    }
    if (nest_rule_match_test(rule->match, root, ret_matches, error))
        return TRUE;
    place = nest_rule_place(rule);
    g_prefix_error(error, "%s match: ", place);
    return FALSE;
}

/* The first rule that matches decides, unless one before it is mistaken. */
static void
judge_root(const NestRules *rules, xmlNode *root, NestRulesVerdict *verdict)
{
    for (guint i = 0; i < rules->list->len; i++) {
        const NestRule *rule = nest_rules_get(rules, i);
        gboolean matches = FALSE;

        if (!rule_test(rule, root, &matches, verdict->mistake ? NULL : &verdict->mistake)) {
            verdict->rule = verdict->rule ? verdict->rule : rule;
            verdict->outcome = NEST_RULES_UNDECIDED;
            verdict->may |= bits_of(rule);
        } else if (matches) {
            verdict->rule = verdict->rule ? verdict->rule : rule;
            verdict->outcome = verdict->mistake ? NEST_RULES_UNDECIDED : NEST_RULES_DECIDED;
            verdict->may |= bits_of(rule);
            return;
        }
    }
    verdict->may |= NEST_RULES_MAY_BE_SILENT;
}

void
nest_rules_judge(NestRules *rules, const NestDomainXml *xml, NestRulesVerdict *ret_verdict)
{
    NestRulesVerdict verdict = {.outcome = NEST_RULES_SILENT};

    if (rules->list->len > 0) {
        g_autoptr(NestRuleView) view G_GNUC_UNUSED = nest_rule_view_begin(xml);

        g_mutex_lock(&rules->evaluation);
        judge_root(rules, nest_domain_xml_root(xml), &verdict);
        g_mutex_unlock(&rules->evaluation);
    }
    *ret_verdict = verdict;
}

gboolean
nest_rules_may_match(const NestRules *rules, const char *text)
{
    if (!nest_rule_needles_are_plain(text))
        return TRUE;
    for (guint i = 0; i < rules->list->len; i++) {
        const NestRule *rule = nest_rules_get(rules, i);

        if (rule->needles && nest_rule_needles_are_in(rule->needles, text))
            return TRUE;
    }
    return FALSE;
}

gchar *
nest_rule_place(const NestRule *rule)
{
    if (!rule->name)
        return g_strdup(rule->file);
    return g_strdup_printf("%s:%u [%s]", rule->file, rule->line, rule->name);
}
