/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line's options for the tag's attributes: --cpu=, --migration=, --required=. */
#include "tag_options.h"

#include "base/error.h"
#include "base/spelling.h"

#include <string.h>

NestTagOptions
nest_tag_options_new(const GOptionEntry *others)
{
    NestTagOptions options = {0};
    gsize more = 0;

    while (nest_tag_attribute(options.n))
        options.n++;
    while (others[more].long_name)
        more++;
    options.entries = g_new0(GOptionEntry, options.n + more + 1);
    memcpy(options.entries + options.n, others, more * sizeof(*others));
    options.values = g_new0(gchar *, options.n);
    for (gsize i = 0; i < options.n; i++) {
        const NestTagAttribute *attribute = nest_tag_attribute(i);
        g_autofree gchar *values = nest_tag_list_values(attribute);

        options.entries[i] = (GOptionEntry){.long_name = attribute->name,
                                            .arg = G_OPTION_ARG_FILENAME,
                                            .arg_data = &options.values[i],
                                            .arg_description = "VALUE"};
        options.entries[i].description = g_strdup_printf("%s: %s", attribute->help, values);
    }
    return options;
}

void
nest_tag_options_clear(NestTagOptions *options)
{
    for (gsize i = 0; i < options->n; i++) {
        g_free((gpointer)options->entries[i].description);
        g_free(options->values[i]);
    }
    g_free(options->entries);
    g_free(options->values);
}

const char *
nest_tag_options_given(const NestTagOptions *options)
{
    for (gsize i = 0; i < options->n; i++)
        if (options->values[i])
            return nest_tag_attribute(i)->name;
    return NULL;
}

/* Names the option: there is no tag yet that could have a mistake. */
static gboolean
refuse_option(const NestTagAttribute *attribute, const char *value, GError **error)
{
    g_autofree gchar *values = nest_tag_list_values(attribute);
    g_autofree gchar *hint = nest_spelling_hint(value, attribute->values);

    g_set_error(error, NEST_ERROR, NEST_ERROR_USAGE, "--%s does not take '%s': use one of %s%s",
                attribute->name, value, values, hint);
    return FALSE;
}

gboolean
nest_tag_options_set(const NestTagOptions *options, NestTag *tag, GError **error)
{
    for (gsize i = 0; i < options->n; i++) {
        const NestTagAttribute *attribute = nest_tag_attribute(i);

        if (options->values[i] && !nest_tag_set(tag, attribute->name, options->values[i], NULL))
            return refuse_option(attribute, options->values[i], error);
    }
    return TRUE;
}
