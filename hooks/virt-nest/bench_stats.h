/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums up the rounds of a work: medians, spreads, and the loss from one guest to the other. */
#pragma once

#include <glib.h>

/**
 * NestBenchFigures: the rounds of one work in one guest, in amounts a second.
 */
typedef struct {
    double median;
    double least;
    double most;
} NestBenchFigures;

/**
 * NestBenchLoss: how much less the second guest does than the first, as parts of 1; below 0 it does more.
 */
typedef struct {
    double loss;  /* by the medians */
    double least; /* of the spread: the second's best round against the first's worst */
    double most;  /* ... and the other way round */
    gboolean
        shown; /* whether the two guests' rounds lie apart; if they overlap, no loss is shown */
} NestBenchLoss;

/**
 * nest_bench_figures: sum up the rounds.
 * @rounds: (element-type double) what each gave; may be empty, then all figures are 0
 */
NestBenchFigures nest_bench_figures(const GArray *rounds);

/* The loss from @first to @second; all 0, and not shown, where one of them has no figures. */
NestBenchLoss nest_bench_loss(const NestBenchFigures *first, const NestBenchFigures *second);
