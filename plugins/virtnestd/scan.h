/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All domains of the host, sifted for those that have anything to do with virt-nest. */
#pragma once

#include "virtnestd/virt.h"

/**
 * NestScan: the host's domains at one moment.
 *
 * Theory of operation: on most hosts most domains are none of ours, and that is seen from libvirt's
 * own file of the definition, or from one call where that is not at hand. So the list is gone through
 * in parts, each on one thread, and only those domains that mention virt-nest get a look of their own,
 * which trusts nothing but libvirt. Parts are small, as events wait behind them.
 */
typedef struct NestScan NestScan;

/**
 * nest_scan_new: list the domains.
 * @work: where the calls go
 *
 * Returns: (transfer full) the list, or NULL with NEST_ERROR_LIBVIRT.
 */
NestScan *nest_scan_new(virConnectPtr work, GError **error) G_GNUC_WARN_UNUSED_RESULT;

NestScan *nest_scan_ref(NestScan *scan);
void nest_scan_unref(NestScan *scan);

/* How many domains there are. */
guint nest_scan_length(const NestScan *scan);

/**
 * nest_scan_take: the next part. From one thread only.
 * @ret_part: for nest_scan_sift()
 *
 * Returns: FALSE where all have been taken.
 */
gboolean nest_scan_take(NestScan *scan, guint *ret_part);

/**
 * nest_scan_sift: the domains of a part that want a look. From any thread.
 * @work: where its calls go, no other thread's
 *
 * Returns: (transfer full)(element-type utf8) their uuids.
 */
GPtrArray *nest_scan_sift(const NestScan *scan, guint part,
                          virConnectPtr work) G_GNUC_WARN_UNUSED_RESULT;
