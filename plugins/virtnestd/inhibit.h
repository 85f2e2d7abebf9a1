/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logind's delay inhibitor: it is held while a guard is armed, and makes the host's shutdown wait for the guests.
 *
 * At shutdown libvirt-guests would try to save the guests, the guard would refuse that, and the guests
 * would be killed. So when logind announces the shutdown, virtnestd runs the drain command, and
 * releases the inhibitor when the command has ended. logind waits for InhibitDelayMaxSec at most,
 * 5 s by default (logind.conf(5)). virt-nest-drain.service shuts down the guests that are left then,
 * or all of them where there is no logind. */
#pragma once

#include <glib.h>

typedef struct NestInhibit NestInhibit;

/**
 * nest_inhibit_new: begin. The inhibitor is not held yet, and the system bus is not used yet.
 * @drain: the command to run at shutdown: its path and arguments, ending in NULL
 *
 * All later work is done on the default main context, and never waits. Without a system bus or
 * without logind there is no inhibitor, and one line in the log says so. If logind appears later, or
 * again, it is then asked for the inhibitor.
 */
NestInhibit *nest_inhibit_new(const char *const *drain);

/* Releases the inhibitor and frees @inhibit. A drain command that still runs is not stopped. */
void nest_inhibit_free(NestInhibit *inhibit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestInhibit, nest_inhibit_free)

/* Holds the inhibitor from now on, or releases it, as @hold says. If a drain runs, the release comes when it has ended. */
void nest_inhibit_hold(NestInhibit *inhibit, gboolean hold);
