/* virt-nest status: which domains are tagged, which of them have what they ask for, and why not. */
#include "gainers.h"
#include "report.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#define SCREEN 80 /* columns of the table */
#define GAP 2     /* between two of them */
#define INDENT 4  /* of a problem that has lines of its own */
#define COLUMNS 5 /* without the problem */

static const char *const headers[COLUMNS] = {"NAME", "STATE", "TAG", "CPU", "APPLIED"};

/* How many columns of a terminal a character takes. */
static gsize
char_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

static gsize
text_width(const char *text)
{
    gsize width = 0;

    for (; *text; text = g_utf8_next_char(text))
        width += char_width(g_utf8_get_char(text));
    return width;
}

/* A name may hold what moves a terminal's cursor. */
static void
print_char(const char *c)
{
    if (g_unichar_iscntrl(g_utf8_get_char(c)))
        (void)putchar('?');
    else
        (void)fwrite(c, 1, (gsize)(g_utf8_next_char(c) - c), stdout);
}

static void
print_text(const char *text)
{
    for (; *text; text = g_utf8_next_char(text))
        print_char(text);
}

static void
print_spaces(gsize n)
{
    (void)printf("%*s", (int)n, "");
}

static const char *
tag_cell(const NestReport *report)
{
    if (!report->tagged)
        return "-";
    return report->valid ? "yes" : "invalid";
}

static const char *
applied_cell(const NestReport *report)
{
    if (!report->tagged)
        return "-";
    return nest_report_applied(report) ? "yes" : "no";
}

static const char *
cell(const NestReport *report, int column)
{
    const char *const cells[COLUMNS] = {report->name, report->state, tag_cell(report), report->cpu,
                                        applied_cell(report)};

    return cells[column];
}

static void
measure(const GPtrArray *reports, gsize widths[COLUMNS])
{
    for (int c = 0; c < COLUMNS; c++) {
        widths[c] = text_width(headers[c]);
        for (guint i = 0; i < reports->len; i++)
            widths[c] = MAX(widths[c], text_width(cell(g_ptr_array_index(reports, i), c)));
    }
}

/* Words in lines of at most the screen's width. */
static void
print_wrapped(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    gsize column = SCREEN;

    for (gsize i = 0; words[i]; i++) {
        gsize width = text_width(words[i]);

        if (column + 1 + width > SCREEN) {
            (void)printf("\n%*s", INDENT, "");
            column = INDENT;
        } else {
            (void)putchar(' ');
            column++;
        }
        print_text(words[i]);
        column += width;
    }
}

/* The problem stands beside the row if it fits there, else below it. No spaces at a line's end: a cell
 * is filled up only once there is something to its right. */
static void
print_row(const gsize widths[COLUMNS], const NestReport *report, const char *problem)
{
    gsize column = 0;
    gsize fill = 0;

    for (int c = 0; c < COLUMNS; c++) {
        const char *text = report ? cell(report, c) : headers[c];

        print_spaces(fill);
        print_text(text);
        column += widths[c] + (c ? GAP : 0);
        fill = widths[c] - text_width(text) + GAP;
    }
    if (problem && column + GAP + text_width(problem) <= SCREEN) {
        print_spaces(fill);
        print_text(problem);
    } else if (problem) {
        print_wrapped(problem);
    }
    (void)putchar('\n');
}

static void
print_table(const GPtrArray *reports)
{
    gsize widths[COLUMNS];

    measure(reports, widths);
    print_row(widths, NULL, "PROBLEM");
    for (guint i = 0; i < reports->len; i++) {
        const NestReport *report = g_ptr_array_index(reports, i);

        print_row(widths, report, report->problem);
    }
}

/* Nesting cannot be had for one domain alone. */
static void
print_gainers(const NestConnection *connection)
{
    const NestPlatform *platform = connection->host.platform;
    gboolean can_nest = nest_connection_can_nest(connection);
    g_autoptr(GPtrArray) names = can_nest ? nest_gainers_read(platform) : g_ptr_array_new();
    g_autofree gchar *words = nest_gainers_words(names);
    g_autofree gchar *text = NULL;

    if (!words)
        return;
    text =
        g_strdup_printf("nesting is on for the whole host: without a tag these have %s as well: %s",
                        platform->feature, words);
    print_wrapped(text);
    (void)putchar('\n');
}

static void
build_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    if (value)
        json_builder_add_string_value(builder, value);
    else
        json_builder_add_null_value(builder);
}

/* A tag that is not well formed says nothing: null, and the problem tells why. */
static void
build_tag(JsonBuilder *builder, const NestReport *report)
{
    const char *name = NULL;
    const char *value = NULL;

    json_builder_set_member_name(builder, "tag");
    if (!report->tagged || !report->valid) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    for (gsize i = 0; (name = nest_tag_attribute(&report->tag, i, &value)); i++)
        build_string(builder, name, value);
    json_builder_end_object(builder);
}

static void
build_report(JsonBuilder *builder, const NestReport *report)
{
    json_builder_begin_object(builder);
    build_string(builder, "name", report->name);
    build_string(builder, "uuid", report->uuid);
    build_string(builder, "state", report->state);
    build_tag(builder, report);
    build_string(builder, "cpu", report->cpu);
    json_builder_set_member_name(builder, "applied");
    json_builder_add_boolean_value(builder, nest_report_applied(report));
    build_string(builder, "problem", report->problem);
    json_builder_end_object(builder);
}

static void
print_json(const GPtrArray *reports)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *text = NULL;

    json_builder_begin_array(builder);
    for (guint i = 0; i < reports->len; i++)
        build_report(builder, g_ptr_array_index(reports, i));
    json_builder_end_array(builder);
    root = json_builder_get_root(builder);
    text = json_to_string(root, TRUE);
    (void)puts(text);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(NestReport *const *)a)->name, (*(NestReport *const *)b)->name);
}

static gboolean
look_at(const NestConnection *connection, virDomainPtr domain, gpointer reports, GError **error)
{
    NestReport *report = nest_report_new(connection, domain, error);

    if (report)
        g_ptr_array_add(reports, report);
    return report != NULL;
}

int
nest_status(NestCall *call)
{
    g_autoptr(NestConnection) connection = NULL;
    g_autoptr(GPtrArray) reports = g_ptr_array_new_with_free_func((GDestroyNotify)nest_report_free);
    GError *error = NULL;
    gboolean json = FALSE;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "for programs: an array of objects", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    connection = nest_connection_open(call->uri, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        return nest_command_fail(error);
    status = nest_connection_visit(connection, call->arguments, look_at, reports);
    g_ptr_array_sort(reports, compare_names);
    if (json)
        print_json(reports);
    else if (reports->len > 0 || status == NEST_EXIT_DONE)
        print_table(reports);
    if (!json && !*call->arguments)
        print_gainers(connection);
    return status;
}
