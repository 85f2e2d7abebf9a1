/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker of our own defines: finds out whether one has brought back a domain that somebody undefined.
 *
 * Theory of operation: libvirt's define has no compare-and-swap, and creates the domain again if it
 * does not exist any more. libvirt reports every define and undefine in the order in which they
 * happened. So after a define of ours the reports show whether the domain was undefined since the
 * tracking began, and a define came after that. This define was ours, or somebody else has defined the
 * domain again. The nonce that this correction wrote into the record then shows which. */
#pragma once

#include "virt/virt.h"

typedef struct NestDefineTracker NestDefineTracker;

/* One domain that is tracked. */
typedef struct NestTrackedDefine NestTrackedDefine;

NestDefineTracker *nest_define_tracker_new(void);
void nest_define_tracker_free(NestDefineTracker *tracker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestDefineTracker, nest_define_tracker_free)

/* Takes note of a lifecycle event. Called where the main loop runs, for every such event. */
void nest_define_tracker_add_event(NestDefineTracker *tracker, virDomainPtr domain, int event,
                                   int detail);

/* (transfer full) Begins to track a domain. From any thread; nest_define_tracker_end() ends it. */
NestTrackedDefine *nest_define_tracker_begin(NestDefineTracker *tracker,
                                             const char *uuid) G_GNUC_WARN_UNUSED_RESULT;

/* To be called after each successful define of ours, so that another correction of the domain does not
 * take this define for somebody else's. */
void nest_define_tracker_we_defined(NestDefineTracker *tracker, const char *uuid);

/**
 * nest_define_tracker_end: wait until libvirt has reported all that happened, and judge.
 * @watched: (transfer full) from nest_define_tracker_begin()
 * @control: the connection whose events go to nest_define_tracker_add_event()
 *
 * Takes one round trip. Must not be called on the thread that runs the main
 * loop, because it waits for that.
 *
 * Returns: whether our define may have brought an undefined domain back.
 */
gboolean nest_define_tracker_end(NestDefineTracker *tracker, NestTrackedDefine *watched,
                                 virConnectPtr control);
