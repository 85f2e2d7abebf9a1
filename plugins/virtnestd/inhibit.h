/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logind's delay inhibitor: it is held while a guard is armed, and makes the host's shutdown wait for the guests.
 *
 * libvirt-guests would try to save the guests, the guard would refuse that, and the guests would be
 * killed. So when logind says that the host is about to shut down, the drain command is run, and
 * the inhibitor is released when that command ends. logind waits for InhibitDelayMaxSec at most,
 * 5 s as shipped (logind.conf(5)). virt-nest-drain.service does the rest; where there is no logind,
 * it does all. */
#pragma once

#include <glib.h>

typedef struct NestInhibit NestInhibit;

/**
 * nest_inhibit_new: begin; nothing is held yet, and nothing is asked of the system bus.
 * @drain: the command to run at shutdown: its path and arguments, ending in NULL
 *
 * All later work is done on the default main context, and never waits. Without a system bus or
 * without logind there is no inhibitor, and one line in the log says so. If logind comes later, or
 * comes back, it is asked then.
 */
NestInhibit *nest_inhibit_new(const char *const *drain);

/* Releases the inhibitor and frees @inhibit. A drain command that still runs is not stopped. */
void nest_inhibit_free(NestInhibit *inhibit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestInhibit, nest_inhibit_free)

/* Holds the inhibitor from now on, or releases it; the release waits until a running drain has ended. Does nothing
 * if that is so already. */
void nest_inhibit_hold(NestInhibit *inhibit, gboolean hold);
