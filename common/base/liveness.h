/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether virtnestd runs: until it ends it holds a lock on /run/virt-nest/virtnestd.lock, in a session below /run/user/UID. */
#pragma once

#include <glib.h>

/**
 * nest_liveness_take: make this process the only virtnestd of this host, or of this user, until it ends.
 *
 * Returns: FALSE with NEST_ERROR_DAEMON where another one runs, or NEST_ERROR_IO.
 */
gboolean nest_liveness_take(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_liveness_is_held: whether a virtnestd runs. Asks with F_OFD_GETLK, never waits.
 */
gboolean nest_liveness_is_held(void);
