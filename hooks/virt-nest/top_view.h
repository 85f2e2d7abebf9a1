/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns the result of virt-nest top into the lines of its screen. */
#pragma once

#include "rates.h"
#include "virt/live_domain.h"

/**
 * NestTopView: what a refresh has found.
 */
typedef struct {
    GPtrArray *rows;  /* one a domain */
    GError *error;    /* why there is nothing to be seen; NULL: nothing */
    gboolean watched; /* a virtnestd runs, which arms guards */
    gchar *empty;     /* (nullable) the text if no domain is shown; NULL: that no tagged one runs */
} NestTopView;

/**
 * NestTopStyle: how it is shown.
 */
typedef struct {
    gboolean utf8; /* the terminal shows Unicode */
    gboolean late; /* what is shown is old: the next refresh should be over */
} NestTopStyle;

NestTopView *nest_top_view_new(void);
void nest_top_view_free(NestTopView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestTopView, nest_top_view_free)

/* Adds one domain. @live gets one more reference, and @rate is copied. */
void nest_top_view_add(NestTopView *view, NestLiveDomain *live, const NestRate *rate);

/* Sorts the domains by name, once all are there. */
void nest_top_view_sort(NestTopView *view);

/**
 * nest_top_view_lines: header, column heads and one line a domain.
 * @view: (nullable) NULL before the first refresh
 * @columns: what is longer is cut
 * @rows: the last line counts the domains that do not fit in; 0 for as many rows as it takes
 *
 * Returns: (transfer full) the lines, fit to be printed.
 */
GPtrArray *nest_top_view_lines(const NestTopView *view, const NestTopStyle *style, guint columns,
                               guint rows) G_GNUC_WARN_UNUSED_RESULT;
