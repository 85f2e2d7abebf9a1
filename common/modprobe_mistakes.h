/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that somebody wrote to set nesting, and that do nothing. */
#pragma once

#include "cpu_vendor.h"

/**
 * NestModprobeMistake: one of them.
 */
typedef struct {
    gchar *file; /* "/etc/modprobe.d/kvm", or "/proc/cmdline" */
    guint line;  /* in @file, from 1 */
    gchar *text; /* as it stands there */
    gchar *why;  /* ... it has no effect */
} NestModprobeMistake;

/**
 * nest_modprobe_mistakes_read: all of them, for a vendor's module.
 * @lines: from nest_modprobe_files_read()
 *
 * In files that are not read, for another module, no command of modprobe.d(5), and kernel arguments.
 *
 * Returns: (transfer full)(element-type NestModprobeMistake)
 */
GPtrArray *nest_modprobe_mistakes_read(const NestCpuVendor *vendor,
                                       const GPtrArray *lines) G_GNUC_WARN_UNUSED_RESULT;
