/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots with memory that were made before a guard was armed: QEMU may make one without libvirt knowing a job. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/**
 * nest_late_snapshots: find the snapshots that may hold running nested guests, because they were made before the guard
 * was armed.
 * @domain: running, and armed by now
 * @since: the last time when no nested guest ran, in seconds since 1970
 *
 * While QEMU makes an internal snapshot, libvirt has no job that could be aborted, and QEMU does
 * not answer. So virtnestd can only wait for the end of the snapshot, and then name it (facts.md,
 * "Jobs").
 *
 * Returns: (transfer full)(nullable) the names of the first five in a text, and how many more there are; NULL if there
 * is none, or libvirt does not say.
 */
gchar *nest_late_snapshots(virDomainPtr domain, gint64 since) G_GNUC_WARN_UNUSED_RESULT;
