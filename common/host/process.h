/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process, as the kernel shows it in /proc. */
#pragma once

#include <glib.h>

/**
 * nest_process_start_time: take a process's start time from its stat file.
 * @stat: the text of /proc/PID/stat, proc(5)
 *
 * It is field 22, in clock ticks since boot. The process's name, field 2, can hold anything, so counting begins after
 * the last ')'.
 *
 * Returns: (transfer full) its digits; "" where they are not there.
 */
gchar *nest_process_start_time(const char *stat) G_GNUC_WARN_UNUSED_RESULT;
