/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: says in a running tagged domain's live XML that this guest runs, and what its guard does.
 *
 * It travels in save images, snapshots and migration XML, where the hook reads from it that a guest
 * resumes saved state and must not be judged by its CPU, and whether nested guests were running in it. */
#pragma once

#include "virt/live_domain.h"

/**
 * nest_publish_live_status: mark a running domain.
 * @domain: the domain
 * @live: what was read of it a moment ago
 * @status: (nullable) the live part of the record as the guard wants it; NULL if the guard has no say
 *   yet: then a live status of this run stays as it is
 * @allow_is_over: what virt-nest allow permitted is used up; its element is removed in any case if
 *   its time is over, or if it came with the guest
 * @ret_busy: set only if something was to be written: TRUE if a migration, save or the like
 *   is under way, for which the call would have to wait. Then nothing is written, and the
 *   domain must be synced again soon
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT.
 */
gboolean nest_publish_live_status(virDomainPtr domain, const NestLiveDomain *live,
                                  const NestLiveStatus *status, gboolean allow_is_over,
                                  gboolean *ret_busy, GError **error);
