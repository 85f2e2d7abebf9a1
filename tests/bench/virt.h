/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benchmark's libvirt programs share: a connection, the clock, and ending at the first error. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* Ends the program: what cannot be measured is told, never guessed. */
void bench_die(const char *format, ...) G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN;

/* Never NULL; keeps libvirt from printing errors itself. */
virConnectPtr bench_connect(const char *uri);

/* Libvirt's default event loop, on a thread of its own. */
void bench_run_events(void);

/* A whole positive number of the command line. */
int bench_number(const char *text);

/* Writes a line to the console of an L1. @in: the file that takes it */
void bench_say(const char *in, const char *line);

/* Nanoseconds of the monotonic clock. */
gint64 bench_now(void);

/* One line of the result: "LABEL VALUE". */
void bench_print(const char *label, gint64 value);
