/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether systemd runs this host. */
#pragma once

#include <glib.h>

/**
 * nest_systemd_runs: whether systemd runs this host, so that it can be called and its commands can be recommended.
 *
 * This looks for the same directory as sd_booted(3): it exists while systemd runs the host.
 */
gboolean nest_systemd_runs(void);
