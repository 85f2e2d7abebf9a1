/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether virtnestd lives: a lock on /run/virt-nest/virtnestd.lock, gone with its holder. */
#pragma once

#include <glib.h>

/**
 * nest_liveness_take: be the one virtnestd of this host, until the process ends.
 *
 * Returns: FALSE with NEST_ERROR_DAEMON where another one is, or NEST_ERROR_IO.
 */
gboolean nest_liveness_take(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_liveness_is_held: whether a virtnestd lives. Asks with F_OFD_GETLK, never waits.
 */
gboolean nest_liveness_is_held(void);
