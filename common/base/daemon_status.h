/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virtnestd says about itself in /run/virt-nest/virtnestd.status, which every user may read. */
#pragma once

#include <glib.h>

/**
 * NestDaemonStatus: the content of that file.
 */
typedef struct {
    gchar *version;        /* its own */
    gint64 since;          /* when it began, in seconds since 1970 */
    gchar *settings;       /* (nullable) why it could not read its settings; NULL: it could */
    gint64 settings_since; /* when it read them, or failed to, last */
    gint64
        unjudged_since; /* of the domains for which libvirt did not call the hook: when the youngest one was
                            * started, in milliseconds since 1970; 0: there is none */
    gchar *unjudged; /* (nullable) its name */
    gchar *
        unjudged_tagged; /* (nullable) those of them that run and are tagged, as a text: "lab1, lab2" */
} NestDaemonStatus;

void nest_daemon_status_free(NestDaemonStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDaemonStatus, nest_daemon_status_free)

/**
 * nest_daemon_status_write: write the file.
 *
 * The file is locked before anybody can open it. The lock ends with its holder, as that of liveness.h does. So a file
 * that an earlier virtnestd has left is void, and no other process can hold this lock or prevent it.
 *
 * Returns: a descriptor; the file is valid as long as it is open. So close the descriptor of the previous call only after
 * this call. -1 with NEST_ERROR_IO.
 */
int nest_daemon_status_write(const NestDaemonStatus *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_daemon_status_read: read what the virtnestd of this host says. Never waits.
 *
 * Returns: (transfer full)(nullable) NULL if no virtnestd runs, or an older one that says nothing.
 */
NestDaemonStatus *nest_daemon_status_read(void) G_GNUC_WARN_UNUSED_RESULT;
