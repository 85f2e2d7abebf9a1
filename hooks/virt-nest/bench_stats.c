/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums up the rounds of a work.
 *
 * The spread of a loss is no matter of probability: it is the range of the losses of all pairs of rounds. So a loss
 * that is "shown" occurred in every pair of rounds. */
#include "bench_stats.h"

static gint
compare_doubles(gconstpointer a, gconstpointer b)
{
    double one = *(const double *)a;
    double other = *(const double *)b;

    return (one > other) - (one < other);
}

NestBenchFigures
nest_bench_figures(const GArray *rounds)
{
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(double));
    NestBenchFigures figures = {0};
    guint n = rounds->len;

    if (n == 0)
        return figures;
    g_array_append_vals(sorted, rounds->data, n);
    g_array_sort(sorted, compare_doubles);
    figures.least = g_array_index(sorted, double, 0);
    figures.most = g_array_index(sorted, double, n - 1);
    figures.median =
        (g_array_index(sorted, double, (n - 1) / 2) + g_array_index(sorted, double, n / 2)) / 2;
    return figures;
}

NestBenchLoss
nest_bench_loss(const NestBenchFigures *first, const NestBenchFigures *second)
{
    NestBenchLoss loss = {0};

    if (first->least <= 0 || second->least <= 0)
        return loss;
    loss.loss = 1 - second->median / first->median;
    loss.least = 1 - second->most / first->least;
    loss.most = 1 - second->least / first->most;
    loss.shown = loss.least > 0 || loss.most < 0;
    return loss;
}
