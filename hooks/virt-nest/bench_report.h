/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest bench has measured, and how it is shown: as a table with a plot, as JSON, and as a picture (bench_svg.h). */
#pragma once

#include "../bench/works.h"
#include "bench_stats.h"

/**
 * NestBenchWork: how a work is shown.
 */
typedef struct {
    const char *title; /* in at most 20 characters */
    const char *unit;  /* of what is shown */
    double scale;      /* what a guest does in a second is divided by this */
    const char
        *published; /* (nullable) losses that others have published (virt-nest(1), "bench") */
} NestBenchWork;

/* Why a work was not done for which this host has no program. */
#define NEST_BENCH_NOT_INSTALLED "this host has no such program that a guest can run"

extern const NestBenchWork nest_bench_works[NEST_WORKS];

/**
 * NestBenchFact: a property of this host that decides the loss.
 */
typedef struct {
    const char *name; /* in at most 19 characters */
    gchar *text;      /* what it is, and what that means */
} NestBenchFact;

/**
 * NestBenchReport: all of it.
 */
typedef struct {
    guint levels[2];              /* of the two guests */
    guint rounds;                 /* that count */
    guint ms;                     /* that a work took in a round */
    const char *cpu;              /* as asked for */
    const char *module;           /* the host's KVM module; NULL: L1 is emulated */
    gchar *kernel;                /* the release that the guests run */
    gchar *no_meaning;            /* (nullable) why the figures mean nothing */
    GPtrArray *facts;             /* (element-type NestBenchFact) what decides the loss */
    GArray *rates[2][NEST_WORKS]; /* (element-type double) of each guest and work, a round each */
    gchar *lacks[NEST_WORKS];     /* (nullable) why the work was not done */
} NestBenchReport;

NestBenchReport *nest_bench_report_new(void);
void nest_bench_report_free(NestBenchReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestBenchReport, nest_bench_report_free)

/* Adds a fact; @text is (transfer full). */
void nest_bench_report_add_fact(NestBenchReport *report, const char *name, gchar *text);

/* Whether a work was done in both guests. */
gboolean nest_bench_report_has(const NestBenchReport *report, NestWork work);

/* The figures of a guest, 0 or 1, in the work's unit. */
NestBenchFigures nest_bench_report_figures(const NestBenchReport *report, guint guest,
                                           NestWork work);

NestBenchLoss nest_bench_report_loss(const NestBenchReport *report, NestWork work);

/**
 * nest_bench_report_bar: a loss as a bar, from 0 to 100 %.
 * @utf8: by block characters, else by #
 *
 * Returns: (transfer full) @width columns; a gain is empty.
 */
gchar *nest_bench_report_bar(double loss, guint width, gboolean utf8) G_GNUC_WARN_UNUSED_RESULT;

/* Prints it for a person, and for a program. */
void nest_bench_report_print(const NestBenchReport *report);
void nest_bench_report_print_json(const NestBenchReport *report);
