/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns the result of virt-nest top into the lines of its screen. */
#include "top_view.h"

#include "base/error.h"
#include "live.h"
#include "output.h"

#include <string.h>

#define LEAST_NAME 12  /* columns that a long name gets in any case */
#define LEAST_GRAPH 12 /* columns; if there are fewer, no graph is shown */

/* One domain. */
typedef struct {
    NestLiveDomain *live;
    NestRate rate;
} Row;

static void
row_free(gpointer data)
{
    Row *row = data;

    nest_live_domain_unref(row->live);
    g_free(row);
}

NestTopView *
nest_top_view_new(void)
{
    NestTopView *view = g_new0(NestTopView, 1);

    view->rows = g_ptr_array_new_with_free_func(row_free);
    return view;
}

void
nest_top_view_free(NestTopView *view)
{
    if (!view)
        return;
    g_ptr_array_unref(view->rows);
    g_clear_error(&view->error);
    g_free(view->empty);
    g_free(view);
}

static gint
compare_rows_by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Row *const *)a)->live->guest.name, (*(Row *const *)b)->live->guest.name);
}

void
nest_top_view_add(NestTopView *view, NestLiveDomain *live, const NestRate *rate)
{
    Row *row = g_new0(Row, 1);

    row->live = nest_live_domain_ref(live);
    row->rate = *rate;
    g_ptr_array_add(view->rows, row);
}

void
nest_top_view_sort(NestTopView *view)
{
    g_ptr_array_sort(view->rows, compare_rows_by_name);
}

static guint
count_guards(const NestTopView *view, NestGuardState state)
{
    const char *wanted = nest_guard_state_name(state);
    guint n = 0;

    for (guint i = 0; i < view->rows->len; i++) {
        const Row *row = g_ptr_array_index(view->rows, i);

        n += g_str_equal(nest_live_guard(row->live, view->watched), wanted);
    }
    return n;
}

static guint
count_running(const NestTopView *view)
{
    guint n = 0;

    for (guint i = 0; i < view->rows->len; i++) {
        const Row *row = g_ptr_array_index(view->rows, i);

        n += g_str_equal(nest_live_verdict(row->live), "running");
    }
    return n;
}

static gchar *
describe(const NestTopView *view, const NestTopStyle *style)
{
    if (style->late)
        return g_strdup("libvirt does not answer");
    if (!view)
        return g_strdup("looking ...");
    if (view->error)
        return g_strdup_printf("libvirt is away: %s", view->error->message);
    if (view->rows->len == 0)
        return g_strdup(view->empty ? view->empty : "no tagged domain runs");
    return g_strdup_printf("%u running, %u with nested guests, %u armed, %u failed",
                           view->rows->len, count_running(view),
                           count_guards(view, NEST_GUARD_ARMED),
                           count_guards(view, NEST_GUARD_FAILED));
}

/* The text as far as the terminal can show it: other characters could have any width. */
static gchar *
showable(const NestTopStyle *style, const char *text)
{
    g_autofree gchar *escaped = nest_error_escape(text);

    return style->utf8 ? g_steal_pointer(&escaped) : g_str_to_ascii(escaped, "C");
}

/* A line's cells; the last is the graph. */
static gchar *
join(const char *name, gsize name_width, const char *verdict, const char *guard, const char *rate,
     const char *graph)
{
    g_autofree gchar *fit = nest_output_fit(name, name_width);

    return g_strdup_printf("%s  %-7s  %-6s  %9s  %s", fit, verdict, guard, rate, graph);
}
#define BESIDE_NAME (2 + 7 + 2 + 6 + 2 + 9 + 2) /* columns without name and graph */

static gchar *
row_line(const NestTopView *view, const NestTopStyle *style, const Row *row, gsize name_width,
         guint columns)
{
    gsize taken = name_width + BESIDE_NAME;
    guint width = columns >= taken + LEAST_GRAPH ? (guint)MIN(columns - taken, NEST_RATES_KEPT) : 0;
    g_autofree gchar *name = showable(style, row->live->guest.name);
    double last = nest_rates_last(&row->rate);
    g_autofree gchar *rate = last < 0 ? g_strdup("-") : g_strdup_printf("%.0f", last);
    g_autofree gchar *graph = nest_rates_graph(&row->rate, width, style->utf8);

    return join(name, name_width, nest_live_verdict(row->live),
                nest_live_guard(row->live, view->watched), rate, graph);
}

/* The width of the longest name, as far as the graph still gets its least width. */
static gsize
measure_names(const NestTopView *view, const NestTopStyle *style, guint columns)
{
    const gsize others = BESIDE_NAME + LEAST_GRAPH;
    gsize width = strlen("NAME");

    for (guint i = 0; i < view->rows->len; i++) {
        const Row *row = g_ptr_array_index(view->rows, i);
        g_autofree gchar *name = showable(style, row->live->guest.name);

        width = MAX(width, nest_output_width(name));
    }
    return MIN(width, MAX(columns, others + LEAST_NAME) - others);
}

/* Adds a line, cut to the terminal's width. */
static void
add_view_line(GPtrArray *lines, const NestTopStyle *style, guint columns, gchar *line)
{
    g_autofree gchar *owned = line;
    g_autofree gchar *shown = showable(style, line);
    gchar *fit = nest_output_fit(shown, columns);

    g_ptr_array_add(lines, g_strchomp(fit));
}

GPtrArray *
nest_top_view_lines(const NestTopView *view, const NestTopStyle *style, guint columns, guint rows)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree gchar *time = g_date_time_format(now, "%T");
    g_autofree gchar *found = describe(view, style);
    guint n = view ? view->rows->len : 0;
    guint fitting = rows == 0 || n + 2 <= rows ? n : MAX(rows, 3) - 3;
    gsize width = n > 0 ? measure_names(view, style, columns) : 0;

    add_view_line(lines, style, columns,
                  g_strdup_printf("%s  %s  %s", g_get_host_name(), time, found));
    if (n > 0)
        add_view_line(lines, style, columns,
                      join("NAME", width, "NESTED", "GUARD", "ENTRIES/S", ""));
    for (guint i = 0; i < fitting; i++)
        add_view_line(lines, style, columns,
                      row_line(view, style, g_ptr_array_index(view->rows, i), width, columns));
    if (fitting < n)
        add_view_line(lines, style, columns, g_strdup_printf("%u more", n - fitting));
    return lines;
}
