/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: says in a running tagged domain's live XML that this guest runs, and what its guard does.
 *
 * It travels in save images, snapshots and migration XML. There the hook reads from it whether nested guests were
 * running in the guest, and that the guest resumes saved state. Such a guest must not be judged by its CPU. */
#pragma once

#include "virt/live_domain.h"

/**
 * nest_publish_live_status: write the live status of a running domain.
 * @domain: the domain
 * @live: what was read of it a moment ago
 * @status: (nullable) the live status as the guard manager wants it; NULL if the guard manager
 *   does not know the domain yet: then a live status of this run stays as it is
 * @allow_is_over: what virt-nest allow permitted is used up, so its element is removed. The element
 *   is also removed if its time is over, or if it came with the guest
 * @ret_busy: set only if something was to be written: TRUE if a migration, save or the like
 *   is under way, for which the call would have to wait. Then nothing is written, and the
 *   domain must be synced again soon
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT.
 */
gboolean nest_publish_live_status(virDomainPtr domain, const NestLiveDomain *live,
                                  const NestLiveStatus *status, gboolean allow_is_over,
                                  gboolean *ret_busy, GError **error);
