/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: text without control characters, in columns and lines, and JSON. */
#include "output.h"

#include "base/error.h"

#include <stdio.h>

static gsize
char_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

gsize
nest_output_width(const char *text)
{
    gsize width = 0;

    for (; *text; text = g_utf8_next_char(text))
        width += char_width(g_utf8_get_char(text));
    return width;
}

gchar *
nest_output_fit(const char *text, gsize width)
{
    GString *fit = g_string_new(NULL);
    gsize column = 0;

    for (; *text && column + char_width(g_utf8_get_char(text)) <= width;
         text = g_utf8_next_char(text)) {
        column += char_width(g_utf8_get_char(text));
        g_string_append_unichar(fit, g_utf8_get_char(text));
    }
    g_string_append_printf(fit, "%*s", (int)(width - column), "");
    return g_string_free(fit, FALSE);
}

void
nest_output_spaces(gsize n)
{
    (void)printf("%*s", (int)n, "");
}

GPtrArray *
nest_output_lines(const char *text, gsize width)
{
    g_autofree gchar *escaped = nest_error_escape(text);
    g_auto(GStrv) words = g_strsplit(escaped, " ", -1);
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    GString *line = g_string_new(words[0] ? words[0] : "");

    for (gsize i = 1; words[0] && words[i]; i++) {
        if (nest_output_width(line->str) + 1 + nest_output_width(words[i]) > width) {
            g_ptr_array_add(lines, g_string_free(line, FALSE));
            line = g_string_new(words[i]);
        } else {
            g_string_append_printf(line, " %s", words[i]);
        }
    }
    g_ptr_array_add(lines, g_string_free(line, FALSE));
    return lines;
}

void
nest_output_wrap(const char *text, gsize indent)
{
    g_autoptr(GPtrArray) lines = nest_output_lines(text, NEST_OUTPUT_WIDTH - indent);

    for (guint i = 0; i < lines->len; i++) {
        if (i > 0) {
            (void)putchar('\n');
            nest_output_spaces(indent);
        }
        (void)fputs(g_ptr_array_index(lines, i), stdout);
    }
}

/* Each unit in seconds, and the smaller unit that is printed after it. */
static const struct {
    gint64 seconds;
    const char *name;
    gint64 rest;
    const char *rest_name;
} units[] = {
    {86400, "d", 3600, "h"},
    {3600, "h", 60, "min"},
    {60, "min", 0, NULL},
};

gchar *
nest_output_span(gint64 seconds)
{
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        gint64 whole = seconds / units[i].seconds;
        gint64 rest = units[i].rest ? seconds % units[i].seconds / units[i].rest : 0;

        if (whole > 0 && rest > 0)
            return g_strdup_printf("%" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %s", whole,
                                   units[i].name, rest, units[i].rest_name);
        if (whole > 0)
            return g_strdup_printf("%" G_GINT64_FORMAT " %s", whole, units[i].name);
    }
    return g_strdup_printf("%" G_GINT64_FORMAT " s", MAX(seconds, 0));
}

gchar *
nest_output_iso_time(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

    return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}

/* JSON has to be UTF-8, but names of files and processes may be other bytes. */
void
nest_output_json_string(JsonBuilder *builder, const char *name, const char *value)
{
    g_autofree gchar *valid = value ? g_utf8_make_valid(value, -1) : NULL;

    json_builder_set_member_name(builder, name);
    if (valid)
        json_builder_add_string_value(builder, valid);
    else
        json_builder_add_null_value(builder);
}

void
nest_output_json_boolean(JsonBuilder *builder, const char *name, gboolean value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void
nest_output_json_number(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
nest_output_json_print(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree gchar *text = json_to_string(root, TRUE);

    (void)puts(text);
}
