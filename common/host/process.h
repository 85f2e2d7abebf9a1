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

/**
 * nest_process_began: when a process began.
 * @pid_file: the file with its PID, as it is on the host: "/run/libvirtd.pid"
 *
 * Returns: milliseconds since 1970, as the host's clock is now; 0 where there is no such process.
 */
gint64 nest_process_began(const char *pid_file);

/**
 * nest_process_has_booted: whether a QEMU has booted its guest, and not taken over a guest that was running before.
 * @uuid: (nullable) its guest's; NULL: it is not looked for
 *
 * A QEMU that takes over a guest from another host or from a file is started with -incoming; a QEMU that continues from an
 * internal snapshot, with -loadvm.
 *
 * Returns: FALSE also where there is no such process.
 */
gboolean nest_process_has_booted(gint64 pid, const char *uuid);

/* Whether a signal or a debugger has stopped the process (field 3). */
gboolean nest_process_is_stopped(const char *stat);

/* The processor time that it has used, in user and kernel mode, in clock ticks (fields 14 and 15); 0: unknown. */
guint64 nest_process_cpu_time(const char *stat);
