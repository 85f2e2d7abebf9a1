/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checks of a migration's destination, and the answer that follows from all of them. */
#include "preflight_check.h"

#include "base/sort.h"

#include <string.h>

static const struct {
    const char *name;
    const char *answer;
    int status;
} results[] = {
    [NEST_PREFLIGHT_NOTE] = {"note", "unknown", 2},
    [NEST_PREFLIGHT_GOOD] = {"good", "lives", 0},
    [NEST_PREFLIGHT_UNKNOWN] = {"unknown", "unknown", 2},
    [NEST_PREFLIGHT_BREAKS] = {"breaks", "would-not-live", 1},
};

/* The parts of SVM that a guest's hypervisor sees in CPUID leaf 0x8000000A, by libvirt's names. */
static const char *const svm_parts[] = {
    "npt",         "lbrv",          "svm-lock",      "nrip-save",   "tsc-scale", "vmcb-clean",
    "flushbyasid", "decodeassists", "pause-filter",  "pfthreshold", "avic",      "v-vmsave-vmload",
    "vgif",        "vnmi",          "svme-addr-chk", NULL};

static gboolean
is_whole(const char *feature)
{
    return g_str_equal(feature, "vmx") || g_str_equal(feature, "svm");
}

static gboolean
is_part_of_feature(const char *feature)
{
    return g_str_has_prefix(feature, "vmx-") || g_strv_contains(svm_parts, feature);
}

static gboolean
is_mentioned_elsewhere(const char *feature)
{
    return !is_whole(feature) && !is_part_of_feature(feature);
}

/* What is lost with each kind of feature. */
static const struct {
    gboolean (*is)(const char *feature);
    const char *breaks;
} kinds[] = {
    {is_whole, "without it no guest nests there, and one that does is lost with its nested guests"},
    {is_part_of_feature,
     "its hypervisor has seen it and may use it, so its nested guests may be lost"},
    {is_mentioned_elsewhere, "programs in the guest that use it would end"},
};

static void
check_free(gpointer data)
{
    NestPreflightCheck *check = data;

    g_free(check->text);
    g_free(check);
}

GPtrArray *
nest_preflight_checks_new(void)
{
    return g_ptr_array_new_with_free_func(check_free);
}

void
nest_preflight_add(GPtrArray *checks, const char *name, NestPreflightResult result, gchar *text)
{
    NestPreflightCheck *check = g_new0(NestPreflightCheck, 1);

    check->name = name;
    check->result = result;
    check->text = text;
    g_ptr_array_add(checks, check);
}

NestPreflightResult
nest_preflight_answer(const GPtrArray *checks)
{
    NestPreflightResult worst = NEST_PREFLIGHT_NOTE;

    for (guint i = 0; i < checks->len; i++) {
        const NestPreflightCheck *check = g_ptr_array_index(checks, i);

        worst = MAX(worst, check->result);
    }
    return worst == NEST_PREFLIGHT_NOTE ? NEST_PREFLIGHT_UNKNOWN : worst;
}

int
nest_preflight_status(NestPreflightResult answer)
{
    return results[answer].status;
}

const char *
nest_preflight_result_name(NestPreflightResult result)
{
    return results[result].name;
}

const char *
nest_preflight_answer_name(NestPreflightResult answer)
{
    return results[answer].answer;
}

gboolean
nest_preflight_is_nested(const char *feature)
{
    return !is_mentioned_elsewhere(feature);
}

GPtrArray *
nest_preflight_missing(GHashTable *wanted, GHashTable *offered, gboolean nested)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter iter;
    gpointer name = NULL;

    g_hash_table_iter_init(&iter, wanted);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (!g_hash_table_contains(offered, name) && (!nested || nest_preflight_is_nested(name)))
            g_ptr_array_add(names, name);
    nest_sort_texts(names);
    return names;
}

gchar *
nest_preflight_missing_text(const GPtrArray *names)
{
    GString *text = g_string_new(NULL);

    for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
        g_autoptr(GString) list = g_string_new(NULL);

        for (guint i = 0; i < names->len; i++)
            if (kinds[k].is(g_ptr_array_index(names, i)))
                g_string_append_printf(list, "%s%s", list->len ? ", " : "",
                                       (const char *)g_ptr_array_index(names, i));
        if (list->len)
            g_string_append_printf(text, "%s%s: %s", text->len ? "; " : "", list->str,
                                   kinds[k].breaks);
    }
    return g_string_free(text, FALSE);
}
