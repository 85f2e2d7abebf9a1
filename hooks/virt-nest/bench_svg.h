/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virt-nest bench has measured, as a picture: an SVG that needs nothing else. */
#pragma once

#include "bench_report.h"

/* (transfer full) The picture's text. */
gchar *nest_bench_svg_text(const NestBenchReport *report) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_bench_svg_write: write the picture into a file, which is replaced.
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_bench_svg_write(const NestBenchReport *report, const char *path,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
