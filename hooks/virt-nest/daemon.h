/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command reports about this host's virtnestd: that it runs and is well, or what is wrong and what to do. */
#pragma once

#include <glib.h>

/* Whether a virtnestd runs, as far as this user can see. */
gboolean nest_daemon_runs(void);

typedef enum {
    NEST_DAEMON_SETTINGS_GOOD,
    NEST_DAEMON_SETTINGS_MISTAKEN, /* no virtnestd starts with them */
    NEST_DAEMON_SETTINGS_HIDDEN,   /* this user may not read them, so it is unknown */
} NestDaemonSettings;

/**
 * nest_daemon_settings: whether a virtnestd would start with the present settings.
 *
 * Returns: the judgement; where they are mistaken with NEST_ERROR_CONFIG.
 */
NestDaemonSettings nest_daemon_settings(GError **error);

/**
 * nest_daemon_problem: what is wrong with this host's virtnestd.
 * @sudo: what stands before a command that only root may run
 *
 * Returns: (transfer full)(nullable) the sentence, with the command that helps; NULL if a virtnestd of this release runs
 * with the settings that there are.
 */
gchar *nest_daemon_problem(const char *sudo) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_daemon_hook_problem: that libvirt does not call the hook, as virtnestd has seen.
 * @sudo: as above
 *
 * Returns: (transfer full)(nullable) the sentence; NULL if no virtnestd runs, or none has seen that, or libvirt has called
 * the hook or began anew since.
 */
gchar *nest_daemon_hook_problem(const char *sudo) G_GNUC_WARN_UNUSED_RESULT;
