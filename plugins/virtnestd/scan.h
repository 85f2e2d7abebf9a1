/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All domains of the host, filtered for those that have to do with virt-nest. */
#pragma once

#include "domain/policy.h"
#include "virt/virt.h"

/**
 * NestScan: the host's domains at one moment.
 *
 * Theory of operation: on most hosts most domains are not ours. libvirt's own file of the definition shows
 * this; without the file, two calls to libvirt do. So the list is filtered in batches, each on one thread.
 * Only domains that mention virt-nest are then synced, one by one; a sync trusts only libvirt. If the
 * settings may make every domain ours, the file also shows whether a definition is right already;
 * otherwise each scan would have to sync each domain. Batches are small, because events wait until a batch
 * is done.
 */
typedef struct NestScan NestScan;

/**
 * nest_scan_new: list the domains.
 * @work: where the calls go
 * @policy: (nullable) what the settings say about domains; it may also make domains ours that do not mention virt-nest
 *
 * Returns: (transfer full) the list, or NULL with NEST_ERROR_LIBVIRT.
 */
NestScan *nest_scan_new(virConnectPtr work, NestPolicy *policy,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

NestScan *nest_scan_ref(NestScan *scan);
void nest_scan_unref(NestScan *scan);

/* How many domains there are. */
guint nest_scan_length(const NestScan *scan);

/**
 * nest_scan_take: take the next batch. To be called from one thread only.
 * @ret_batch: for nest_scan_filter()
 *
 * Returns: FALSE where all have been taken.
 */
gboolean nest_scan_take(NestScan *scan, guint *ret_batch);

/**
 * nest_scan_filter: the domains of a batch that are to be synced. May be called from any thread.
 * @work: where its calls go; no other thread may use it
 *
 * Returns: (transfer full)(element-type utf8) their uuids.
 */
GPtrArray *nest_scan_filter(const NestScan *scan, guint batch,
                            virConnectPtr work) G_GNUC_WARN_UNUSED_RESULT;
