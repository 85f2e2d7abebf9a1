/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which saves guard-blocker may abort. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_blocker_save_may_abort: whether libvirt's daemon outlives the abort of the save that is under way.
 * @guest: the domain that is being saved
 *
 * When a compressed save fails, libvirt can still be reading what the compressor says, into memory that the save has
 * given up: its daemon ends then (facts.md, "Jobs"). It makes no difference who ends the save, or how:
 * virDomainAbortJob() and QMP's migrate_cancel both did. No release is trusted with it.
 */
gboolean nest_blocker_save_may_abort(const NestGuest *guest);
