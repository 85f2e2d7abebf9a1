/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virtnestd says of itself in /run/virt-nest/virtnestd.status, which everybody may read. */
#pragma once

#include <glib.h>

/**
 * NestDaemonStatus: what is said.
 */
typedef struct {
    gchar *version;        /* its own */
    gint64 since;          /* when it began, in seconds since 1970 */
    gchar *settings;       /* (nullable) why it could not read its settings; NULL: it could */
    gint64 settings_since; /* when it read them, or failed to, last */
    gint64
        unjudged_since; /* when the youngest domain was started that libvirt did not call the hook for, in
                            * milliseconds since 1970; 0: none was */
    gchar *unjudged; /* (nullable) its name */
    gchar *
        unjudged_tagged; /* (nullable) those that run, were started so, and are tagged, for a sentence */
} NestDaemonStatus;

void nest_daemon_status_free(NestDaemonStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDaemonStatus, nest_daemon_status_free)

/**
 * nest_daemon_status_write: say how this virtnestd is.
 * @status: what is said
 *
 * The file is locked before anybody can open it, and the lock ends with its holder, as that of liveness.h does. So
 * a file that an earlier virtnestd left is void, and nobody else can hold such a lock or keep it from being taken.
 *
 * Returns: a descriptor that is to stay open as long as this holds; close the one of the last call then. -1 with
 * NEST_ERROR_IO.
 */
int nest_daemon_status_write(const NestDaemonStatus *status,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_daemon_status_read: what the virtnestd of this host says, for whoever asks. Never waits.
 *
 * Returns: (transfer full)(nullable) NULL if no virtnestd runs, or an older one that says nothing.
 */
NestDaemonStatus *nest_daemon_status_read(void) G_GNUC_WARN_UNUSED_RESULT;
