/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest bench has measured, in a table with a plot, and as JSON. */
#include "bench_report.h"

#include "output.h"

#include <stdio.h>
#include <string.h>

enum { BAR = 10, LABEL = 20 };

#define UNIXBENCH "20-24 (UnixBench)"
#define FIO "50 (fio)"

const NestBenchWork nest_bench_works[NEST_WORKS] = {
    [NEST_WORK_CPU] = {"computing", "M numbers/s", 1e6, "10 or more (GCE)"},
    [NEST_WORK_MEMORY] = {"copying memory", "MB/s", 1e6, NULL},
    [NEST_WORK_FAULTS] = {"page faults", "1000/s", 1e3, NULL},
    [NEST_WORK_CALLS] = {"system calls", "1000/s", 1e3, UNIXBENCH},
    [NEST_WORK_SWITCHES] = {"switches by pipes", "1000/s", 1e3, UNIXBENCH},
    [NEST_WORK_PROCESSES] = {"new processes", "/s", 1, UNIXBENCH},
    [NEST_WORK_READ] = {"reading", "MB/s", 1e6, FIO},
    [NEST_WORK_READ_RANDOM] = {"random reads", "/s", 1, FIO},
    [NEST_WORK_WRITE] = {"writing", "MB/s", 1e6, FIO},
    [NEST_WORK_WRITE_RANDOM] = {"random writes", "/s", 1, FIO},
    [NEST_WORK_NETWORK] = {"network round trips", "/s", 1, NULL},
    [NEST_WORK_EXITS] = {"exits (CPUID)", "1000/s", 1e3, NULL},
    [NEST_WORK_FIO_READ] = {"fio: random reads", "/s", 1, FIO},
    [NEST_WORK_FIO_WRITE] = {"fio: random writes", "/s", 1, FIO},
    [NEST_WORK_SYSBENCH_CPU] = {"sysbench: cpu", "events/s", 1, "10 or more (GCE)"},
    [NEST_WORK_SYSBENCH_MEMORY] = {"sysbench: memory", "MiB/s", 1, NULL},
};

static void
fact_free(gpointer data)
{
    NestBenchFact *fact = data;

    g_free(fact->text);
    g_free(fact);
}

NestBenchReport *
nest_bench_report_new(void)
{
    NestBenchReport *report = g_new0(NestBenchReport, 1);

    report->facts = g_ptr_array_new_with_free_func(fact_free);
    for (guint guest = 0; guest < 2; guest++)
        for (guint i = 0; i < NEST_WORKS; i++)
            report->rates[guest][i] = g_array_new(FALSE, FALSE, sizeof(double));
    return report;
}

void
nest_bench_report_free(NestBenchReport *report)
{
    if (!report)
        return;
    for (guint i = 0; i < NEST_WORKS; i++) {
        g_array_unref(report->rates[0][i]);
        g_array_unref(report->rates[1][i]);
        g_free(report->lacks[i]);
    }
    g_ptr_array_unref(report->facts);
    g_free(report->kernel);
    g_free(report->no_meaning);
    g_free(report);
}

void
nest_bench_report_add_fact(NestBenchReport *report, const char *name, gchar *text)
{
    NestBenchFact *fact = g_new0(NestBenchFact, 1);

    fact->name = name;
    fact->text = text;
    g_ptr_array_add(report->facts, fact);
}

gboolean
nest_bench_report_has(const NestBenchReport *report, NestWork work)
{
    return !report->lacks[work] && report->rates[0][work]->len > 0 &&
           report->rates[1][work]->len > 0;
}

NestBenchFigures
nest_bench_report_figures(const NestBenchReport *report, guint guest, NestWork work)
{
    NestBenchFigures figures = nest_bench_figures(report->rates[guest][work]);
    double scale = nest_bench_works[work].scale;

    figures.median /= scale;
    figures.least /= scale;
    figures.most /= scale;
    return figures;
}

NestBenchLoss
nest_bench_report_loss(const NestBenchReport *report, NestWork work)
{
    NestBenchFigures first = nest_bench_report_figures(report, 0, work);
    NestBenchFigures second = nest_bench_report_figures(report, 1, work);

    return nest_bench_loss(&first, &second);
}

/* --- for a person */

gchar *
nest_bench_report_bar(double loss, guint width, gboolean utf8)
{
    GString *bar = g_string_new(NULL);
    guint filled = (guint)(CLAMP(loss, 0, 1) * width + 0.5);

    for (guint i = 0; i < width; i++)
        g_string_append(bar, i >= filled ? (utf8 ? "·" : ".") : (utf8 ? "█" : "#"));
    return g_string_free(bar, FALSE);
}

/* Three significant digits; digits before the point are never cut. */
static gchar *
amount_text(double amount)
{
    return g_strdup_printf("%.*f", amount < 10 ? 2 : amount < 100 ? 1 : 0, amount);
}

static void
print_work(const NestBenchReport *report, NestWork work, gboolean utf8)
{
    const NestBenchWork *shown = &nest_bench_works[work];
    NestBenchLoss loss = nest_bench_report_loss(report, work);
    g_autofree gchar *first = amount_text(nest_bench_report_figures(report, 0, work).median);
    g_autofree gchar *second = amount_text(nest_bench_report_figures(report, 1, work).median);
    g_autofree gchar *spread = g_strdup_printf("%.0f to %.0f", loss.least * 100, loss.most * 100);
    g_autofree gchar *bar = nest_bench_report_bar(loss.loss, BAR, utf8);

    (void)printf("%-19s %8s %8s %-11s %5.1f%s %-12s %s%s%s\n", shown->title, first, second,
                 shown->unit, loss.loss * 100, loss.shown ? " " : "~", spread, bar,
                 shown->published ? "  " : "", shown->published ? shown->published : "");
}

static void
print_head(const NestBenchReport *report)
{
    g_autofree gchar *first = g_strdup_printf("L%u", report->levels[0]);
    g_autofree gchar *second = g_strdup_printf("L%u", report->levels[1]);

    (void)printf("Linux %s, %s, L1's CPU %s; %u rounds of %u ms\n\n", report->kernel,
                 report->module ? report->module : "QEMU's emulation", report->cpu, report->rounds,
                 report->ms);
    (void)printf("%-19s %8s %8s %-11s %6s %-12s %-*s  %s\n", "", first, second, "", "loss, %",
                 "spread, %", BAR, "0 to 100 %", "published, %");
}

static void
print_bench_paragraph(const char *text)
{
    (void)putchar('\n');
    nest_output_wrap(text, 0);
    (void)putchar('\n');
}

static void
print_lacks(const NestBenchReport *report)
{
    for (guint i = 0; i < NEST_WORKS; i++)
        if (report->lacks[i] && !g_str_equal(report->lacks[i], NEST_BENCH_NOT_INSTALLED)) {
            g_autofree gchar *line = g_strdup_printf("%s was not measured: %s",
                                                     nest_bench_works[i].title, report->lacks[i]);

            print_bench_paragraph(line);
        }
}

/* Once for all that are not installed. */
static void
print_not_installed(const NestBenchReport *report)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < NEST_WORKS; i++) {
        const char *name = nest_work_programs[i];

        if (name && g_strcmp0(report->lacks[i], NEST_BENCH_NOT_INSTALLED) == 0 &&
            !strstr(text->str, name))
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", name);
    }
    if (!text->len)
        return;
    g_string_append(
        text,
        ": not run, as this host does not have them installed, or not as programs that a guest can "
        "run");
    print_bench_paragraph(text->str);
}

static void
print_facts(const NestBenchReport *report)
{
    (void)putchar('\n');
    for (guint i = 0; i < report->facts->len; i++) {
        const NestBenchFact *fact = g_ptr_array_index(report->facts, i);

        (void)printf("%-*s", LABEL, fact->name);
        nest_output_wrap(fact->text, LABEL);
        (void)putchar('\n');
    }
}

void
nest_bench_report_print(const NestBenchReport *report)
{
    gboolean utf8 = g_get_charset(NULL);

    print_head(report);
    for (guint i = 0; i < NEST_WORKS; i++)
        if (nest_bench_report_has(report, i))
            print_work(report, i, utf8);
    print_lacks(report);
    print_not_installed(report);
    print_bench_paragraph(
        "The loss compares the medians. The spread is the range of the losses that single rounds show; ~ marks "
        "a spread that includes 0. The published figures are of other hosts and other "
        "programs (virt-nest(1), \"bench\").");
    print_facts(report);
    if (report->no_meaning)
        print_bench_paragraph(report->no_meaning);
}

/* --- for a program */

static void
add_number(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, value);
}

static void
add_guest(JsonBuilder *builder, const NestBenchReport *report, guint guest, NestWork work)
{
    NestBenchFigures figures = nest_bench_figures(report->rates[guest][work]);

    json_builder_set_member_name(builder, guest == 0 ? "first" : "second");
    json_builder_begin_object(builder);
    add_number(builder, "median", figures.median);
    add_number(builder, "least", figures.least);
    add_number(builder, "most", figures.most);
    json_builder_end_object(builder);
}

static void
add_work(JsonBuilder *builder, const NestBenchReport *report, NestWork work)
{
    NestBenchLoss loss = nest_bench_report_loss(report, work);

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "name", nest_work_names[work]);
    if (!nest_bench_report_has(report, work)) {
        nest_output_json_string(builder, "lacks", report->lacks[work]);
    } else {
        add_guest(builder, report, 0, work);
        add_guest(builder, report, 1, work);
        add_number(builder, "loss", loss.loss);
        add_number(builder, "loss-least", loss.least);
        add_number(builder, "loss-most", loss.most);
        nest_output_json_boolean(builder, "shown", loss.shown);
    }
    json_builder_end_object(builder);
}

static void
add_facts(JsonBuilder *builder, const NestBenchReport *report)
{
    json_builder_set_member_name(builder, "facts");
    json_builder_begin_array(builder);
    for (guint i = 0; i < report->facts->len; i++) {
        const NestBenchFact *fact = g_ptr_array_index(report->facts, i);

        json_builder_begin_object(builder);
        nest_output_json_string(builder, "name", fact->name);
        nest_output_json_string(builder, "text", fact->text);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

void
nest_bench_report_print_json(const NestBenchReport *report)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nest_output_json_string(builder, "kernel", report->kernel);
    nest_output_json_string(builder, "module", report->module);
    nest_output_json_string(builder, "cpu", report->cpu);
    nest_output_json_string(builder, "no-meaning", report->no_meaning);
    json_builder_set_member_name(builder, "levels");
    json_builder_begin_array(builder);
    json_builder_add_int_value(builder, report->levels[0]);
    json_builder_add_int_value(builder, report->levels[1]);
    json_builder_end_array(builder);
    add_facts(builder, report);
    nest_output_json_number(builder, "rounds", report->rounds);
    nest_output_json_number(builder, "milliseconds", report->ms);
    json_builder_set_member_name(builder, "works");
    json_builder_begin_array(builder);
    for (guint i = 0; i < NEST_WORKS; i++)
        add_work(builder, report, i);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nest_output_json_print(builder);
}
