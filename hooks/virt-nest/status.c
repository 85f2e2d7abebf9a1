/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest status: which domains are tagged, which of them have what they ask for, and why not. */
#include "base/error.h"
#include "base/log.h"
#include "domain/exposed.h"
#include "live.h"
#include "output.h"
#include "rates.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

#define GAP 2             /* spaces between two columns of the table */
#define INDENT 4          /* of what stands below a row */
#define COLUMNS 7         /* without the problem */
#define BETWEEN_US 250000 /* from one sample to the other */

static const char *const headers[COLUMNS + 1] = {"NAME",    "STATE",  "TAG",   "CPU",
                                                 "APPLIED", "NESTED", "GUARD", NULL};

/* What is listed. */
typedef struct {
    GPtrArray *reports; /* of NestReport */
    double *rates;      /* of each: entries a second, or NEST_RATES_UNKNOWN */
} Listing;

/* A row's cells, fit to be printed. */
static gchar **
new_cells(const NestReport *report)
{
    const char *tag = report->valid ? "yes" : "invalid";
    const char *applied = report->applied ? "yes" : "no";
    const char *const cells[COLUMNS + 1] = {report->name,
                                            report->state,
                                            report->tagged ? tag : "-",
                                            report->cpu,
                                            report->tagged ? applied : "-",
                                            nest_live_verdict(report->live),
                                            nest_live_guard(report->live),
                                            NULL};
    gchar **row = g_new0(gchar *, COLUMNS + 1);

    for (int c = 0; c < COLUMNS; c++)
        row[c] = nest_error_escape(cells[c]);
    return row;
}

static void
print_below(const char *text)
{
    nest_output_spaces(INDENT);
    nest_output_wrap(text, INDENT);
    (void)putchar('\n');
}

/* Prints the problem beside the row if it fits there, else below it. No line ends with spaces: a
 * cell is padded only when something follows to its right. */
static void
print_status_row(const gsize widths[COLUMNS], gchar **row, const char *problem)
{
    g_autofree gchar *escaped = nest_error_escape(problem ? problem : "");
    gsize column = 0;
    gsize fill = 0;

    for (int c = 0; c < COLUMNS; c++) {
        nest_output_spaces(fill);
        (void)fputs(row[c], stdout);
        column += widths[c] + GAP;
        fill = widths[c] - nest_output_width(row[c]) + GAP;
    }
    if (problem && column + nest_output_width(escaped) <= NEST_OUTPUT_WIDTH) {
        nest_output_spaces(fill);
        (void)puts(escaped);
        return;
    }
    (void)putchar('\n');
    if (problem)
        print_below(problem);
}

static void
print_status_table(const Listing *listing)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    gsize widths[COLUMNS] = {0};

    g_ptr_array_add(rows, g_strdupv((gchar **)headers));
    for (guint i = 0; i < listing->reports->len; i++)
        g_ptr_array_add(rows, new_cells(g_ptr_array_index(listing->reports, i)));
    for (guint i = 0; i < rows->len; i++)
        for (int c = 0; c < COLUMNS; c++)
            widths[c] = MAX(widths[c], nest_output_width(((gchar **)rows->pdata[i])[c]));
    print_status_row(widths, g_ptr_array_index(rows, 0), "PROBLEM");
    for (guint i = 0; i < listing->reports->len; i++) {
        const NestReport *report = g_ptr_array_index(listing->reports, i);
        g_autoptr(GPtrArray) lines = nest_live_text(report->live, listing->rates[i]);

        print_status_row(widths, g_ptr_array_index(rows, i + 1), report->problem);
        for (guint l = 0; l < lines->len; l++)
            print_below(g_ptr_array_index(lines, l));
    }
}

/* Nesting cannot be turned on for one domain alone, so the others that gain it are printed. */
static void
print_exposed_below(const NestConnection *connection)
{
    const NestCpuVendor *vendor = connection->host.vendor;
    gboolean can_nest = nest_connection_can_nest(connection);
    g_autoptr(GPtrArray) names = can_nest ? nest_exposed_read(vendor) : g_ptr_array_new();
    g_autofree gchar *words = nest_exposed_text(names);
    g_autofree gchar *text = NULL;

    if (!words)
        return;
    text =
        g_strdup_printf("nesting is on for the whole host: without a tag these have %s as well: %s",
                        vendor->feature, words);
    (void)putchar('\n');
    print_below(text);
}

/* A tag that is not well formed says nothing: null, and the problem tells why. */
static void
build_tag(JsonBuilder *builder, const NestReport *report)
{
    const NestTagAttribute *attribute = NULL;

    json_builder_set_member_name(builder, "tag");
    if (!report->tagged || !report->valid) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    for (gsize i = 0; (attribute = nest_tag_attribute(i)); i++)
        nest_output_json_string(builder, attribute->name, nest_tag_get(&report->tag, attribute));
    json_builder_end_object(builder);
}

static void
build_report(JsonBuilder *builder, const NestReport *report, double rate)
{
    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", report->name);
    nest_output_json_string(builder, "uuid", report->uuid);
    nest_output_json_string(builder, "state", report->state);
    build_tag(builder, report);
    nest_output_json_string(builder, "cpu", report->cpu);
    nest_output_json_boolean(builder, "applied", report->applied);
    nest_output_json_string(builder, "problem", report->problem);
    nest_live_build(builder, report->live, rate);
    json_builder_end_object(builder);
}

static void
print_status_json(const Listing *listing)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < listing->reports->len; i++)
        build_report(builder, g_ptr_array_index(listing->reports, i), listing->rates[i]);
    json_builder_end_array(builder);
    nest_output_json_print(builder);
}

/* --- reading the domains */

/* Whether entries are to be counted. */
static gboolean
is_running(const NestReport *report)
{
    const NestLiveStatus *record = nest_live_status_of(report->live);

    return record && record->nested;
}

static void
sample_all(const NestConnection *connection, NestRates *rates, Listing *listing)
{
    for (guint i = 0; i < listing->reports->len; i++) {
        const NestReport *report = g_ptr_array_index(listing->reports, i);

        if (is_running(report))
            listing->rates[i] = nest_rates_last(
                nest_rates_sample(rates, connection->libvirt, &report->live->guest));
    }
}

/* Two samples of each domain in which nested guests run, and one wait for all. */
static void
measure_rates(const NestConnection *connection, Listing *listing)
{
    g_autoptr(NestRates) rates = NULL;
    gboolean any = FALSE;

    listing->rates = g_new(double, listing->reports->len + 1);
    for (guint i = 0; i < listing->reports->len; i++) {
        listing->rates[i] = NEST_RATES_UNKNOWN;
        any |= is_running(g_ptr_array_index(listing->reports, i));
    }
    if (!any)
        return;
    rates = nest_rates_new(NEST_PLUGINDIR);
    sample_all(connection, rates, listing);
    g_usleep(BETWEEN_US);
    sample_all(connection, rates, listing);
}

static gint
compare_reports_by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(NestReport *const *)a)->name, (*(NestReport *const *)b)->name);
}

static gboolean
add_report(const NestConnection *connection, virDomainPtr domain, gpointer reports, GError **error)
{
    NestReport *report = nest_report_new(connection, domain, error);

    if (report)
        g_ptr_array_add(reports, report);
    return report != NULL;
}

static void
print_status(const NestConnection *connection, GPtrArray *reports, gboolean json)
{
    Listing listing = {.reports = reports};

    g_ptr_array_sort(reports, compare_reports_by_name);
    measure_rates(connection, &listing);
    if (json)
        print_status_json(&listing);
    else
        print_status_table(&listing);
    g_free(listing.rates);
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
    nest_log_open("virt-nest", FALSE);
    connection = nest_connection_open(call->uri, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        return nest_command_fail(error);
    status = nest_connection_visit(connection, call->arguments, add_report, reports);
    if (json || reports->len > 0 || status == NEST_EXIT_DONE)
        print_status(connection, reports, json);
    if (!json && !*call->arguments)
        print_exposed_below(connection);
    return status;
}
