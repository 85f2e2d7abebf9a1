/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe's configuration as text: which files there are, which of them are read, and their lines in order. */
#pragma once

#include <glib.h>

/* The file with the kernel's arguments, which libkmod reads as well. */
#define NEST_MODPROBE_ARGUMENTS "/proc/cmdline"

/**
 * NestModprobeLine: one line of a file in a modprobe.d directory.
 */
typedef struct {
    gchar *file;   /* as on the host: "/etc/modprobe.d/kvm.conf" */
    guint number;  /* of its first line in @file, from 1 */
    gchar *text;   /* joined, without the backslashes that joined it */
    gchar *unread; /* why modprobe does not read the file; NULL: it does */
    /* As libkmod takes it apart, at spaces and tabs; "" where there is no more. */
    const char *command;  /* the first word */
    const char *argument; /* the second */
    const char *rest;     /* what comes after them */
    gchar *words;         /* the memory that these three point into */
} NestModprobeLine;

/**
 * nest_modprobe_files_read: all lines, in modprobe.d(5)'s order, by libkmod's rules (libkmod/libkmod-config.c).
 * @name: (nullable) the name of a file of /etc/modprobe.d to be read as if it had @text
 *
 * The files are those in modprobe.d below /etc, /run, /usr/local/lib, /usr/lib and /lib, sorted by name; a file
 * in an earlier directory replaces one of the same name in a later directory. The lines of files that modprobe
 * does not read come last. A file that cannot be read is skipped, as modprobe does.
 *
 * Returns: (transfer full)(element-type NestModprobeLine)
 */
GPtrArray *nest_modprobe_files_read(const char *name, const char *text) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_modprobe_files_text: a file of the host.
 * @ret_length: (out)(nullable)
 *
 * Returns: (transfer full)(nullable) NULL for what is no regular file: a device or pipe is no configuration, and
 * reading it may never end.
 */
gchar *nest_modprobe_files_text(const char *file, gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a file is the distribution's, not an operator's: below /usr/lib or /lib. */
gboolean nest_modprobe_files_is_distribution(const char *file);
