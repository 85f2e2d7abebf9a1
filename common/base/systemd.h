/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether systemd runs this host. */
#pragma once

#include <glib.h>

/**
 * nest_systemd_runs: whether systemd runs this host, so that it can be asked, and its commands help.
 *
 * The source is sd_booted(3): the directory is there while systemd runs the host.
 */
gboolean nest_systemd_runs(void);
