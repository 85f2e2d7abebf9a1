/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of vmx and svm a running guest's vCPUs really have: QEMU is asked.
 *
 * Theory of operation: QEMU's object of the first vCPU has the CPUID registers as the guest reads them, in the
 * property "feature-words" (QEMU qapi/machine-target.json, X86CPUFeatureWordInfo). All processors of a domain are
 * alike. */
#include "shown.h"

#include "monitor.h"
#include "virt/virt.h"

/* Where CPUID has the features (AMD64 APM 3, appendix E; Intel SDM 2A, CPUID). */
static const struct {
    const char *feature;
    gint64 leaf;
    gint64 bit;
} places[] = {{"vmx", 1, 5}, {"svm", 0x80000001, 2}};

/* (transfer full)(nullable) */
static gchar *
first_processor(virDomainPtr domain)
{
    g_autoptr(JsonNode) answer = nest_monitor_call(domain, "query-cpus-fast", NULL, NULL);
    JsonArray *all = answer && JSON_NODE_HOLDS_ARRAY(answer) ? json_node_get_array(answer) : NULL;
    JsonNode *first = all && json_array_get_length(all) ? json_array_get_element(all, 0) : NULL;

    return first && JSON_NODE_HOLDS_OBJECT(first)
               ? g_strdup(json_object_get_string_member_with_default(json_node_get_object(first),
                                                                     "qom-path", NULL))
               : NULL;
}

/* (transfer full)(nullable) */
static JsonNode *
read_status_words(virDomainPtr domain)
{
    g_autofree gchar *path = first_processor(domain);
    JsonObject *arguments = path ? json_object_new() : NULL;
    JsonNode *node = NULL;

    if (!arguments)
        return NULL;
    json_object_set_string_member(arguments, "path", path);
    json_object_set_string_member(arguments, "property", "feature-words");
    node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, arguments);
    return nest_monitor_call(domain, "qom-get", node, NULL);
}

/* (nullable) The feature that this word has. */
static const char *
feature_of(JsonObject *word)
{
    gint64 leaf = json_object_get_int_member_with_default(word, "cpuid-input-eax", -1);
    gint64 bits = json_object_get_int_member_with_default(word, "features", 0);
    const char *word_register =
        json_object_get_string_member_with_default(word, "cpuid-register", "");

    for (gsize i = 0; g_str_equal(word_register, "ECX") && i < G_N_ELEMENTS(places); i++)
        if (leaf == places[i].leaf && (bits >> places[i].bit & 1))
            return places[i].feature;
    return NULL;
}

gboolean
nest_shown_ask(virDomainPtr domain, const char **ret_feature)
{
    g_autoptr(JsonNode) answer = nest_virt_unanswered_ms(domain) ? NULL : read_status_words(domain);
    JsonArray *words = answer && JSON_NODE_HOLDS_ARRAY(answer) ? json_node_get_array(answer) : NULL;
    const char *feature = NULL;

    if (!words)
        return FALSE;
    for (guint i = 0; i < json_array_get_length(words) && !feature; i++) {
        JsonNode *word = json_array_get_element(words, i);

        feature = JSON_NODE_HOLDS_OBJECT(word) ? feature_of(json_node_get_object(word)) : NULL;
    }
    *ret_feature = feature;
    return TRUE;
}
