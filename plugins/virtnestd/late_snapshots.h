/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots with memory made before a guard was armed: QEMU may be making one unnoticed. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/**
 * nest_late_snapshots: find the snapshots that may hold nested guests of which nobody knew.
 * @domain: running, and armed by now
 * @since: the last time when no nested guest ran, in seconds since 1970
 *
 * While QEMU makes an internal snapshot, libvirt knows no job that could be aborted, and
 * QEMU answers nothing. So the end of the snapshot has to be waited for, and then it can
 * only be named (facts.md, "Jobs").
 *
 * Returns: (transfer full)(nullable) the names of the first five, as words, and how many more there are; NULL where
 * there is none, or libvirt does not say.
 */
gchar *nest_late_snapshots(virDomainPtr domain, gint64 since) G_GNUC_WARN_UNUSED_RESULT;
