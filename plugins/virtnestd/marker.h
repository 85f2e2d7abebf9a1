/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live marker: says in a running tagged domain's live XML that this guest runs, and what its guard does.
 *
 * It travels in save images, snapshots and migration XML, where the hook reads from it that a guest
 * resumes saved state and must not be judged by its CPU, and whether nested guests were running in it. */
#pragma once

#include "virtnestd/run.h"

/**
 * nest_marker_put: mark a running domain.
 * @domain: the domain
 * @run: what was read of it a moment ago
 * @live: (nullable) the live part of the record as the guard wants it; NULL where it has no say yet: what a
 *   marker of this run says stays
 * @allow_is_over: what virt-nest allow left is used up; it is taken away anyhow where its time is over, and
 *   where it came with the guest
 * @ret_busy: set where something was to be written, else left alone: a migration, save or the like is under way, for which the call would have to wait: it
 *   was left alone and wants another look soon
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT.
 */
gboolean nest_marker_put(virDomainPtr domain, const NestRun *run, const NestState *live,
                         gboolean allow_is_over, gboolean *ret_busy, GError **error);
