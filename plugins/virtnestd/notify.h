/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports the service's state to systemd (sd_notify(3)). */
#pragma once

/**
 * nest_notify: tell the service manager, if there is one.
 * @state: as "READY=1\nSTATUS=..."
 */
void nest_notify(const char *state);
