/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest rules says, for programs. */
#include "rules_json.h"

#include "domain/rule_explain.h"
#include "wish_json.h"

/* @mistake: (nullable) of the rule, or of its evaluation for one domain */
static void
add_rule(JsonBuilder *builder, const NestRule *rule, const GError *mistake)
{
    static const char *const gives[] = {
        [NEST_RULE_ENABLE] = "enable",
        [NEST_RULE_DISABLE] = "disable",
        [NEST_RULE_MISTAKEN_TAG] = NULL,
    };

    nest_output_json_string(builder, "file", rule->file);
    nest_output_json_number(builder, "line", rule->line);
    nest_output_json_string(builder, "name", rule->name);
    nest_output_json_string(builder, "match", rule->expression);
    nest_output_json_string(builder, "gives", gives[rule->gives]);
    nest_wish_json_add_tag(builder, rule->gives == NEST_RULE_ENABLE ? &rule->tag : NULL);
    nest_output_json_string(builder, "mistake", mistake ? mistake->message : NULL);
}

void
nest_rules_json_print_list(const NestRules *rules, gboolean mistaken)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < nest_rules_length(rules); i++) {
        const NestRule *rule = nest_rules_get(rules, i);

        if (mistaken && !rule->mistake)
            continue;
        json_builder_begin_object(builder);
        add_rule(builder, rule, rule->mistake);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    nest_output_json_print(builder);
}

/* Each rule up to the one that decides does not match; a mistaken one may. */
static void
add_asked(JsonBuilder *builder, const NestRulesAnswer *answer, const NestRule *rule)
{
    gboolean is_last = rule == answer->verdict->rule;
    g_autofree gchar *reason = is_last ? NULL : nest_rule_explain(rule, answer->xml);

    json_builder_begin_object(builder);
    add_rule(builder, rule, is_last ? answer->verdict->mistake : NULL);
    if (is_last && answer->verdict->outcome == NEST_RULES_UNDECIDED) {
        json_builder_set_member_name(builder, "matches");
        json_builder_add_null_value(builder);
    } else
        nest_output_json_boolean(builder, "matches", is_last);
    nest_output_json_string(builder, "reason", reason);
    json_builder_end_object(builder);
}

void
nest_rules_json_print_answer(const NestRulesAnswer *answer)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    guint length = answer->wish->by == NEST_WISH_BY_TAG ? 0 : nest_rules_length(answer->rules);
    const NestRule *last = NULL;

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", nest_domain_xml_value(answer->xml, "name"));
    nest_wish_json_add(builder, answer->wish);
    nest_wish_json_add_tag(builder,
                           answer->wish->kind == NEST_WISH_ENABLE ? &answer->wish->tag : NULL);
    json_builder_set_member_name(builder, "rules");
    json_builder_begin_array(builder);
    for (guint i = 0; i < length && (!last || last != answer->verdict->rule); i++) {
        last = nest_rules_get(answer->rules, i);
        add_asked(builder, answer, last);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}
