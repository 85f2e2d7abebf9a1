/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libvirt daemon that manages this host's QEMU domains: which one it is, since when it runs, and how to reload it. */
#pragma once

#include <glib.h>

/* (nullable) Its unit, "libvirtd" or "virtqemud", by the socket at which it listens, or else by the installed program. */
const char *nest_libvirt_daemon_unit(void);

/* How many calls of all its clients libvirt's daemon serves at a time, unless its settings say otherwise (9.0 to 12.9). */
#define NEST_LIBVIRT_WORKERS 20

/**
 * nest_libvirt_daemon_workers: how many calls of all its clients the daemon serves at a time, by max_workers in its settings.
 *
 * The daemon reads its settings when it begins. If they are newer than the daemon, its real number is unknown. The result is
 * then the number in the settings, but at most NEST_LIBVIRT_WORKERS.
 *
 * Returns: their number; NEST_LIBVIRT_WORKERS where nothing is said.
 */
guint nest_libvirt_daemon_workers(void);

/* When it began, in milliseconds since 1970; 0: it does not run. */
gint64 nest_libvirt_daemon_began(void);

/**
 * nest_libvirt_daemon_reload: the command that makes the daemon read its settings anew, and look for the hook.
 * @sudo: what stands before a command that only root may run
 *
 * libvirt's daemon stops by itself when nobody has used it for two minutes, and begins again at the next connection.
 * The command may also be run when the daemon has stopped. It does nothing then, and need not: the daemon looks for the
 * hook when it begins (facts.md, "Hooks").
 *
 * Returns: (transfer full) the command.
 */
gchar *nest_libvirt_daemon_reload(const char *sudo) G_GNUC_WARN_UNUSED_RESULT;
