/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries into nested guests a second, by the plugins that count them without touching the guest. */
#pragma once

#include "nest-plugin.h"

#define NEST_RATES_KEPT 256 /* rates kept of each domain, and the most columns of a graph */
#define NEST_RATES_UNKNOWN (-1.0)

/**
 * NestRate: the rates of one run of a domain. It begins as all zeros.
 */
typedef struct {
    gboolean counted;             /* the last sample counted */
    guint64 entries;              /* ... so many */
    gint64 at;                    /* when the last sample was taken */
    guint n;                      /* how many rates there are */
    double kept[NEST_RATES_KEPT]; /* a second, the newest last; some may be NEST_RATES_UNKNOWN */
} NestRate;

/**
 * nest_rates_add: one more sample of a domain.
 * @rate: the samples so far
 * @evidence: the sample; a counter that is less than before begins anew
 * @now: when it was taken, microseconds on a clock that only grows
 */
void nest_rates_add(NestRate *rate, const NestEvidence *evidence, gint64 now);

/* Entries a second between the last two samples; NEST_RATES_UNKNOWN where they did not both count. */
double nest_rates_last(const NestRate *rate);

/**
 * nest_rates_graph: the newest rates as bars, each a character, to the scale of the highest one shown.
 * @width: columns
 * @utf8: bars may be Unicode's; else they are ASCII
 *
 * Returns: (transfer full) @width characters, the newest rate at the right.
 */
gchar *nest_rates_graph(const NestRate *rate, guint width, gboolean utf8) G_GNUC_WARN_UNUSED_RESULT;

/* The plugins, and a NestRate for each domain that they sampled. */
typedef struct NestRates NestRates;

/**
 * nest_rates_new: load the plugins.
 * @directory: where they are
 */
NestRates *nest_rates_new(const char *directory);
void nest_rates_free(NestRates *rates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestRates, nest_rates_free)

/**
 * nest_rates_sample: sample a domain.
 * @libvirt: (nullable) for the probes that need it; may be read-only
 *
 * Returns: the domain's samples, the same object each time while this run of the domain is kept.
 */
const NestRate *nest_rates_sample(NestRates *rates, virConnectPtr libvirt, const NestGuest *guest);

/* Forgets the domains that were not sampled since the last call: they are gone. */
void nest_rates_forget_gone(NestRates *rates);
