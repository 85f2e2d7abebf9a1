/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports the service's state to systemd (sd_notify(3)), and feeds its watchdog. */
#pragma once

/**
 * nest_notify: tell the service manager, if there is one.
 * @state: as "READY=1\nSTATUS=..."
 */
void nest_notify(const char *state);

/**
 * nest_notify_feed_watchdog: tell the service manager from the main loop, twice per period of its watchdog, that the
 * loop runs. Does nothing if no watchdog watches this process ($WATCHDOG_USEC and $WATCHDOG_PID, sd_watchdog_enabled(3)).
 */
void nest_notify_feed_watchdog(void);
