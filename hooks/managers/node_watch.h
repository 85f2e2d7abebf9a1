/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtual machines of a node of KubeVirt, and whether nested guests run in them.
 *
 * There libvirt runs in the pods, and no virtnestd follows it. So each VM is known by the PID of its QEMU, and the kernel's
 * counts are the only evidence. The verdict is made from this evidence as in virtnestd (common/guard/verdict.h). */
#pragma once

#include "base/config.h"

typedef struct NestNodeWatch NestNodeWatch;

/**
 * nest_node_watch_new: watch this node.
 * @config: its interval and its rules for the verdict
 *
 * Returns: (transfer full) the watch, which has taken no sample yet; NULL: an error.
 */
NestNodeWatch *nest_node_watch_new(const NestConfig *config,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
void nest_node_watch_free(NestNodeWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestNodeWatch, nest_node_watch_free)

/**
 * nest_node_watch_look: take a sample of each VM, and forget those that are gone. To be called in each interval.
 * @now: of the monotonic clock, in milliseconds
 */
void nest_node_watch_look(NestNodeWatch *watch, gint64 now);

/* The interval, in milliseconds. */
guint nest_node_watch_interval(const NestNodeWatch *watch);

/**
 * nest_node_watch_check: whether a VM may leave, judged by a new sample and those before it. Any thread may ask.
 * @pid: of its QEMU
 * @now: as above
 *
 * Returns: TRUE if no nested guests run in it. FALSE with NEST_ERROR_LIVE_RUNNING if they do, and with
 * NEST_ERROR_LIVE_UNKNOWN if neither is proved; the message is the evidence only.
 */
gboolean nest_node_watch_check(NestNodeWatch *watch, gint pid, gint64 now,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
