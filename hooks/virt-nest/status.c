/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest status: which domains are tagged, which of them have what they ask for, and why not. */
#include "base/error.h"
#include "blocker-node.h"
#include "daemon.h"
#include "domain/exposed.h"
#include "live.h"
#include "output.h"
#include "rates.h"
#include "report.h"
#include "visit.h"
#include "wish_json.h"

#include <stdio.h>
#include <string.h>

#define GAP 2    /* spaces between two columns of the table */
#define INDENT 4 /* of what stands below a row */
#define COLUMNS 7
#define BETWEEN_US 250000 /* from one sample to the other */

static const char *const headers[COLUMNS + 1] = {"NAME",    "STATE",  "TAG",   "CPU",
                                                 "APPLIED", "NESTED", "GUARD", NULL};

/* What is listed. */
typedef struct {
    GPtrArray *reports; /* of NestReport */
    double *rates;      /* of each: entries a second, or NEST_RATES_UNKNOWN */
    gboolean watched;   /* a virtnestd runs, which arms guards */
    gboolean exposed;   /* the guests that have the feature were determined */
    gboolean named;     /* domains were named on the command line */
} Listing;

/* Which domains the command line asks for, and how. */
typedef struct {
    gboolean json;
    gboolean check; /* the exit status says whether there is a problem */
    gboolean tagged;
    gboolean running;
    gboolean exposed;
    gboolean problems;
    gboolean named; /* domains are named */
} Request;

/* What shall become of the guest. Parentheses: no tag says so. */
static const char *
tag_in_a_word(const NestReport *report)
{
    static const char *const words[][2] = {
        [NEST_WISH_LEAVE] = {"-", "-"},
        [NEST_WISH_ENABLE] = {"(yes)", "yes"},
        [NEST_WISH_DISABLE] = {"(off)", "off"},
        [NEST_WISH_UNDECIDED] = {"?", "?"},
    };

    return report->valid ? words[report->wish.kind][report->wish.by == NEST_WISH_BY_TAG]
                         : "invalid";
}

/* A row's cells, fit to be printed. */
static gchar **
new_cells(const NestReport *report, gboolean watched)
{
    const char *applied = report->applied ? "yes" : "no";
    const char *const cells[COLUMNS + 1] = {report->name,
                                            report->state,
                                            tag_in_a_word(report),
                                            report->cpu,
                                            report->wish.kind != NEST_WISH_LEAVE ? applied : "-",
                                            nest_live_verdict(report->live),
                                            nest_live_guard(report->live, watched),
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

/* No line ends with spaces: a cell is padded only when something follows to its right. */
static void
print_status_row(const gsize widths[COLUMNS], gchar **row)
{
    gsize fill = 0;

    for (int c = 0; c < COLUMNS; c++) {
        nest_output_spaces(fill);
        (void)fputs(row[c], stdout);
        fill = widths[c] - nest_output_width(row[c]) + GAP;
    }
    (void)putchar('\n');
}

static void
print_shown(const NestReport *report)
{
    g_autofree gchar *text =
        report->shown ? g_strdup_printf("its guest has %s (%s)", report->shown,
                                        report->asked ? "by QEMU's word"
                                                      : "by QEMU's command line, or libvirt's XML")
                      : NULL;

    if (text)
        print_below(text);
}

/* Prints the lines below a domain's row. That no virtnestd runs is printed once, above the table. */
static void
print_details(const Listing *listing, guint i)
{
    const NestReport *report = g_ptr_array_index(listing->reports, i);
    const NestLiveStatus *status = nest_live_status_of(report->live);
    g_autoptr(GPtrArray) lines = nest_live_text(report->live, listing->rates[i]);

    if (report->problem && !report->by_daemon)
        print_below(report->problem);
    print_shown(report);
    for (guint l = 0; l < lines->len; l++)
        print_below(g_ptr_array_index(lines, l));
    /* If a domain was named and QEMU refuses to migrate it, names the manual page about that. */
    if (listing->named && status && nest_live_status_guard_is(status, NEST_GUARD_ARMED))
        print_below("QEMU refuses migration and save: man " NEST_BLOCKER_NODE);
}

static void
print_status_table(const Listing *listing)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    gsize widths[COLUMNS] = {0};

    g_ptr_array_add(rows, g_strdupv((gchar **)headers));
    for (guint i = 0; i < listing->reports->len; i++)
        g_ptr_array_add(rows, new_cells(g_ptr_array_index(listing->reports, i), listing->watched));
    for (guint i = 0; i < rows->len; i++)
        for (int c = 0; c < COLUMNS; c++)
            widths[c] = MAX(widths[c], nest_output_width(((gchar **)rows->pdata[i])[c]));
    print_status_row(widths, g_ptr_array_index(rows, 0));
    for (guint i = 0; i < listing->reports->len; i++) {
        print_status_row(widths, g_ptr_array_index(rows, i + 1));
        print_details(listing, i);
    }
}

static void
print_status_paragraph(const char *text)
{
    nest_output_wrap(text, 0);
    (void)putchar('\n');
}

/* What is wrong with the host, and not with one domain. */
typedef struct {
    gchar *daemon; /* (nullable) with virtnestd */
    gchar *hook;   /* (nullable) with the hook */
} Problems;

static void
problems_clear(Problems *problems)
{
    g_free(problems->daemon);
    g_free(problems->hook);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Problems, problems_clear)

/* Only the system's libvirt has a virtnestd, and a hook that tells of its calls. */
static Problems
find_problems(const NestConnection *connection)
{
    Problems problems = {0};

    if (nest_connection_is_system(connection)) {
        problems.daemon = nest_daemon_problem(nest_command_sudo());
        problems.hook = nest_daemon_hook_problem(nest_command_sudo());
    }
    return problems;
}

/* Above the table: which libvirt this is, unless it is the system's, and what is wrong with the host. */
static void
print_above(const NestConnection *connection, const Problems *problems)
{
    if (!nest_connection_is_system(connection) && connection->uri)
        (void)printf("domains of %s\n", connection->uri);
    if (problems->daemon)
        print_status_paragraph(problems->daemon);
    if (problems->hook)
        print_status_paragraph(problems->hook);
}

/* Says that no domain is listed, which libvirt was asked, and what to do. */
static void
print_nothing(const NestConnection *connection, const Request *request)
{
    gboolean chosen = request->tagged || request->running || request->problems || request->exposed;
    g_autofree gchar *where = nest_connection_where(connection);
    g_autofree gchar *elsewhere = nest_connection_elsewhere(connection);
    g_autofree gchar *text = g_strdup_printf(
        "no%s%s domain%s%s%s%s%s", request->tagged ? " tagged" : "",
        request->running ? " running" : "", request->exposed ? " has vmx or svm" : "",
        request->problems ? " with a problem" : "", where,
        chosen ? "" : ": virt-install or virsh define makes one, virt-nest enable NAME tags it",
        elsewhere);

    print_status_paragraph(text);
}

/* Nesting is on for the whole host, so the untagged domains that gain it are printed. */
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

static void
build_report(JsonBuilder *builder, const NestReport *report, gboolean exposed, double rate)
{
    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", report->name);
    nest_output_json_string(builder, "uuid", report->uuid);
    nest_output_json_string(builder, "state", report->state);
    nest_wish_json_add_tag(builder, report->tagged && report->valid ? &report->tag : NULL);
    nest_wish_json_add(builder, report->valid ? &report->wish : NULL);
    nest_output_json_string(builder, "cpu", report->cpu);
    nest_output_json_boolean(builder, "applied", report->applied);
    nest_output_json_string(builder, "problem", report->problem);
    if (exposed) {
        nest_output_json_string(builder, "has", report->shown);
        nest_output_json_boolean(builder, "asked", report->asked);
    }
    nest_live_build(builder, report->live, rate);
    json_builder_end_object(builder);
}

static void
print_status_json(const Listing *listing)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < listing->reports->len; i++)
        build_report(builder, g_ptr_array_index(listing->reports, i), listing->exposed,
                     listing->rates[i]);
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

/* What to look for, and what was found. */
typedef struct {
    const Request *request;
    GPtrArray *reports; /* NestReport *, those to be listed */
    guint tagged;       /* how many of the domains looked at are tagged */
    guint running;      /* ... and how many of these run */
} Search;

static gboolean
is_report_wanted(const Request *request, const NestReport *report)
{
    gboolean tagged = report->tagged || report->wish.by == NEST_WISH_BY_TAG;

    return (!request->tagged || tagged) && (!request->exposed || report->shown) &&
           (!request->running || report->active) &&
           (!request->problems || nest_report_has_problem(report));
}

static gboolean
add_report(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Search *search = data;
    NestReport *report = nest_report_new(connection, domain, error);

    if (!report)
        return FALSE;
    nest_log(G_LOG_LEVEL_DEBUG, report->name, report->uuid, "%s, %s, CPU %s", report->state,
             report->tagged ? "tagged" : "not tagged", report->cpu);
    if (search->request->exposed)
        nest_report_ask(report, connection, domain);
    search->tagged += report->tagged;
    search->running += report->tagged && report->active;
    if (is_report_wanted(search->request, report))
        g_ptr_array_add(search->reports, report);
    else
        nest_report_free(report);
    return TRUE;
}

static void
print_status(const NestConnection *connection, const Search *search, const Problems *problems)
{
    const Request *request = search->request;
    GPtrArray *reports = search->reports;
    Listing listing = {.reports = reports,
                       .watched = nest_connection_is_watched(connection),
                       .exposed = request->exposed,
                       .named = request->named};

    g_ptr_array_sort(reports, compare_reports_by_name);
    measure_rates(connection, &listing);
    if (!request->json)
        print_above(connection, problems);
    if (request->json)
        print_status_json(&listing);
    else if (reports->len > 0)
        print_status_table(&listing);
    else if (!request->check)
        print_nothing(connection, request);
    g_free(listing.rates);
}

/* @status: of reading the domains. Returns the exit status. */
static int
print_found(const NestConnection *connection, const Search *search, const NestCall *call,
            int status)
{
    const Request *request = search->request;
    gboolean chosen = request->tagged || request->running || request->problems || request->exposed;
    g_auto(Problems) problems = find_problems(connection);
    gboolean well =
        !problems.daemon && !problems.hook && status == NEST_EXIT_DONE && search->reports->len == 0;

    if (request->json || search->reports->len > 0 || status == NEST_EXIT_DONE)
        print_status(connection, search, &problems);
    if (!request->json && !*call->arguments && !chosen)
        print_exposed_below(connection);
    if (request->check && well && !request->json)
        (void)printf("no problem: %u tagged domain%s, %u of them running\n", search->tagged,
                     NEST_LOG_S(search->tagged), search->running);
    return request->check && !well ? NEST_EXIT_FAILED : status;
}

int
nest_status(NestCall *call)
{
    g_autoptr(NestConnection) connection = NULL;
    g_autoptr(GPtrArray) reports = g_ptr_array_new_with_free_func((GDestroyNotify)nest_report_free);
    Request request = {0};
    Search search = {.request = &request, .reports = reports};
    GError *error = NULL;
    int status = NEST_EXIT_DONE;
    const GOptionEntry options[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &request.json, "for programs: an array of objects", NULL},
        {"check", 0, 0, G_OPTION_ARG_NONE, &request.check,
         "for monitoring: exit status 1 if anything is wrong, and only that is shown", NULL},
        {"tagged", 0, 0, G_OPTION_ARG_NONE, &request.tagged, "only tagged domains", NULL},
        {"running", 0, 0, G_OPTION_ARG_NONE, &request.running, "only domains that run", NULL},
        {"exposed", 0, 0, G_OPTION_ARG_NONE, &request.exposed,
         "only running guests that really have vmx or svm, tagged or not (asks QEMU)", NULL},
        {"problems", 0, 0, G_OPTION_ARG_NONE, &request.problems, "only domains with a problem",
         NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!nest_command_parse(call, options, &status))
        return status;
    request.problems |= request.check;
    request.named = *call->arguments != NULL;
    connection = nest_connection_open_for(call, NEST_CONNECTION_TO_LOOK, &error);
    if (!connection)
        return nest_command_fail(error);
    status = nest_connection_visit(connection, call->arguments, add_report, &search);
    return print_found(connection, &search, call, status);
}
