/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A picture of losses: each work has a row, with a bar for the loss and a line across the bar's end for the spread. */
#include "bench_svg.h"

#include "base/error.h"

/* In pixels. */
enum {
    ROW = 26,
    HEAD = 56,
    FOOT = 44,
    BARS = 180, /* where they begin */
    FULL = 400, /* a loss of all */
    WIDTH = BARS + FULL + 90,
};

static double
position(double loss)
{
    return BARS + CLAMP(loss, 0, 1) * FULL;
}

/* A number as SVG wants it, whatever the locale. */
static void
append_line(GString *svg, double x1, double y1, double x2, double y2, const char *colour)
{
    char numbers[4][G_ASCII_DTOSTR_BUF_SIZE];
    const double values[] = {x1, y1, x2, y2};

    for (gsize i = 0; i < G_N_ELEMENTS(values); i++)
        (void)g_ascii_formatd(numbers[i], sizeof(numbers[i]), "%.1f", values[i]);
    g_string_append_printf(svg,
                           "<line x1='%s' y1='%s' x2='%s' y2='%s' stroke='%s' stroke-width='2'/>\n",
                           numbers[0], numbers[1], numbers[2], numbers[3], colour);
}

static void
append_svg_text(GString *svg, int x, int y, const char *anchor, const char *text)
{
    g_autofree gchar *element = g_markup_printf_escaped(
        "<text x='%d' y='%d' text-anchor='%s'>%s</text>\n", x, y, anchor, text);

    g_string_append(svg, element);
}

/* @y: of the middle of the row */
static void
append_work(GString *svg, const NestBenchReport *report, NestWork work, int y)
{
    NestBenchLoss loss = nest_bench_report_loss(report, work);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree gchar *said = NULL;

    (void)g_ascii_formatd(number, sizeof(number), "%.1f", loss.loss * 100);
    said = g_strdup_printf("%s %%%s", number, loss.shown ? "" : " (~)");
    append_svg_text(svg, BARS - 8, y + 4, "end", nest_bench_works[work].title);
    g_string_append_printf(svg, "<rect x='%d' y='%d' width='%d' height='12' fill='%s'/>\n", BARS,
                           y - 6, (int)(position(loss.loss) - BARS), loss.shown ? "#356" : "#9ab");
    append_line(svg, position(loss.least), y, position(loss.most), y, "#c60");
    append_svg_text(svg, BARS + FULL + 80, y + 4, "end", said);
}

static void
append_scale(GString *svg, int bottom)
{
    for (int percent = 0; percent <= 100; percent += 25) {
        g_autofree gchar *text = g_strdup_printf("%d %%", percent);

        append_line(svg, position(percent / 100.0), HEAD - 8, position(percent / 100.0), bottom,
                    "#ddd");
        append_svg_text(svg, (int)position(percent / 100.0), bottom + 14, "middle", text);
    }
}

static void
append_head(GString *svg, const NestBenchReport *report, int height)
{
    g_autofree gchar *title = g_strdup_printf(
        "Loss from L%u to L%u%s", report->levels[0], report->levels[1],
        report->no_meaning ? ": these figures mean nothing, as the CPU is emulated" : "");
    g_autofree gchar *what =
        g_strdup_printf("Linux %s, %s, L1's CPU %s", report->kernel,
                        report->module ? report->module : "QEMU's emulation", report->cpu);

    g_string_append_printf(svg,
                           "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
                           "font-family='sans-serif' font-size='12'>\n"
                           "<rect width='100%%' height='100%%' fill='white'/>\n",
                           WIDTH, height);
    append_svg_text(svg, 10, 20, "start", title);
    append_svg_text(svg, 10, 38, "start", what);
}

gchar *
nest_bench_svg_text(const NestBenchReport *report)
{
    GString *svg = g_string_new(NULL);
    int rows = 0;

    for (guint i = 0; i < NEST_WORKS; i++)
        rows += nest_bench_report_has(report, i);
    append_head(svg, report, HEAD + rows * ROW + FOOT);
    append_scale(svg, HEAD + rows * ROW);
    rows = 0;
    for (guint i = 0; i < NEST_WORKS; i++)
        if (nest_bench_report_has(report, i))
            append_work(svg, report, i, HEAD + rows++ * ROW + ROW / 2);
    append_svg_text(
        svg, 10, HEAD + rows * ROW + 34, "start",
        "Bars are losses of the medians, lines their spread; (~): the spread includes 0");
    g_string_append(svg, "</svg>\n");
    return g_string_free(svg, FALSE);
}

gboolean
nest_bench_svg_write(const NestBenchReport *report, const char *path, GError **error)
{
    g_autofree gchar *svg = nest_bench_svg_text(report);
    g_autoptr(GError) problem = NULL;

    if (g_file_set_contents(path, svg, -1, &problem))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "cannot write the picture: %s: name another file by --svg", problem->message);
    return FALSE;
}
