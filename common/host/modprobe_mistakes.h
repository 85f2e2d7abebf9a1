/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that somebody wrote to set nesting, and that do nothing. */
#pragma once

#include "host/cpu_vendor.h"

/**
 * NestModprobeMistake: one line or kernel argument that does nothing.
 */
typedef struct {
    gchar *file; /* "/etc/modprobe.d/kvm", or "/proc/cmdline" */
    guint line;  /* in @file, from 1 */
    gchar *text; /* as it is written there */
    gchar *why;  /* why it has no effect */
} NestModprobeMistake;

/**
 * nest_modprobe_mistakes_read: find all mistakes about a vendor's module.
 * @lines: from nest_modprobe_files_read()
 *
 * These are lines in files that modprobe does not read, lines for another module or of a misspelt parameter, lines that
 * are no command of modprobe.d(5) or lack what it needs, kernel arguments, and options in files that only name modules
 * to be loaded (modules-load.d(5)).
 *
 * Returns: (transfer full)(element-type NestModprobeMistake)
 */
GPtrArray *nest_modprobe_mistakes_read(const NestCpuVendor *vendor,
                                       const GPtrArray *lines) G_GNUC_WARN_UNUSED_RESULT;
