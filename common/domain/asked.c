/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a manager of virtual machines asks for a machine in its own words (such as KubeVirt's annotations), and how the
 * domain's XML is rewritten for it. */
#include "domain/asked.h"

#include "base/error.h"
#include "base/spelling.h"
#include "domain/cpu_rewrite.h"
#include "domain/tag_put.h"
#include "domain/wish.h"

#include <string.h>

static const char *const enable_values[] = {"true", "false", NULL};

NestAsked *
nest_asked_new(const NestAskedWords *words)
{
    NestAsked *asked = g_new0(NestAsked, 1);

    asked->words = words;
    asked->attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return asked;
}

void
nest_asked_free(NestAsked *asked)
{
    if (!asked)
        return;
    g_hash_table_unref(asked->attributes);
    g_free(asked->enable);
    g_free(asked);
}

/* @values: the allowed values. @allowed: the same as one text. */
static gboolean
refuse_asked_value(const NestAsked *asked, const char *name, const char *value,
                   const char *const *values, const char *allowed, GError **error)
{
    g_autofree gchar *hint = value ? nest_spelling_hint(value, values) : g_strdup("");
    g_autofree gchar *what =
        value ? g_strdup_printf("has the value '%s'", value) : g_strdup("has no text as its value");

    g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_VALUE, "the %s %s %s: use one of %s%s",
                asked->words->kind, name, what, allowed, hint);
    return FALSE;
}

static gboolean
add_attribute(NestAsked *asked, const char *name, const NestTagAttribute *attribute,
              const char *value, GError **error)
{
    g_autofree gchar *allowed = nest_tag_list_values(attribute);

    if (!value || !g_strv_contains(attribute->values, value))
        return refuse_asked_value(asked, name, value, attribute->values, allowed, error);
    g_hash_table_insert(asked->attributes, g_strdup(attribute->name), g_strdup(value));
    return TRUE;
}

/* (transfer full) All words of the manager. */
static GPtrArray *
list_words(const NestAskedWords *words)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(list, g_strdup(words->enable));
    for (gsize i = 0; nest_tag_attribute(i); i++)
        g_ptr_array_add(list, g_strconcat(words->prefix, nest_tag_attribute(i)->name, NULL));
    g_ptr_array_add(list, NULL);
    return list;
}

static gboolean
refuse_name(const NestAsked *asked, const char *name, GError **error)
{
    g_autoptr(GPtrArray) words = list_words(asked->words);
    g_autofree gchar *list = g_strjoinv(", ", (gchar **)words->pdata);
    g_autofree gchar *hint = nest_spelling_hint(name, (const char *const *)words->pdata);

    g_set_error(error, NEST_ERROR, NEST_ERROR_TAG_ATTRIBUTE, "there is no %s %s: use one of %s%s",
                asked->words->kind, name, list, hint);
    return FALSE;
}

gboolean
nest_asked_add(NestAsked *asked, const char *name, const char *value, GError **error)
{
    const char *prefix = asked->words->prefix;

    if (g_str_equal(name, asked->words->enable)) {
        if (!value || !g_strv_contains(enable_values, value))
            return refuse_asked_value(asked, name, value, enable_values, "true, false", error);
        g_free(asked->enable);
        asked->enable = g_strdup(value);
        return TRUE;
    }
    if (!g_str_has_prefix(name, prefix))
        return TRUE;
    for (gsize i = 0; nest_tag_attribute(i); i++)
        if (g_str_equal(name + strlen(prefix), nest_tag_attribute(i)->name))
            return add_attribute(asked, name, nest_tag_attribute(i), value, error);
    return refuse_name(asked, name, error);
}

gboolean
nest_asked_is_enabled(const NestAsked *asked, gboolean *ret_enabled, GError **error)
{
    const NestAskedWords *words = asked->words;
    GHashTableIter i;
    gpointer name = NULL;

    g_hash_table_iter_init(&i, asked->attributes);
    if (!asked->enable && g_hash_table_iter_next(&i, &name, NULL)) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_TAG_ATTRIBUTE,
            "the %s %s%s has no effect without %s, which is missing: add %s with the value true, or false",
            words->kind, words->prefix, (const char *)name, words->enable, words->enable);
        return FALSE;
    }
    *ret_enabled = g_strcmp0(asked->enable, "true") == 0;
    return TRUE;
}

/* The values are known to be allowed. */
static gboolean
set_asked_attributes(NestTag *tag, gconstpointer data, GError **error)
{
    const NestAsked *asked = data;
    GHashTableIter i;
    gpointer name = NULL;
    gpointer value = NULL;

    g_hash_table_iter_init(&i, asked->attributes);
    while (g_hash_table_iter_next(&i, &name, &value))
        if (!nest_tag_set(tag, name, value, error))
            return FALSE;
    return TRUE;
}

gchar *
nest_asked_rewrite(const NestAsked *asked, const char *text, NestAskedCheck check,
                   GPtrArray *changes, GError **ret_problem, GError **error)
{
    g_autofree gchar *tagged =
        nest_tag_put_into(text, strlen(text), set_asked_attributes, asked, error);
    g_autoptr(NestDomainXml) xml =
        tagged ? nest_domain_xml_parse(tagged, strlen(tagged), error) : NULL;
    g_autoptr(GError) problem = NULL;
    const NestCpuVendor *host = NULL;
    NestWish wish = NEST_WISH_NONE;

    if (!xml || !nest_wish_read(xml, NULL, &wish, error))
        return NULL;
    if ((!check || check(xml, &problem)) && nest_cpu_rewrite_find_host(xml, &host, &problem) &&
        nest_cpu_rewrite(xml, &wish.tag, host, changes, &problem))
        return nest_domain_xml_text(xml);
    g_propagate_error(wish.tag.required ? error : ret_problem, g_steal_pointer(&problem));
    return wish.tag.required ? NULL : g_strdup(text);
}
