/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which saves guard-blocker may abort. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_blocker_save_may_abort: whether libvirt's daemon outlives the abort of the save that is under way.
 * @guest: the domain that is being saved
 *
 * When a compressed save fails, libvirt can still be reading the compressor's messages into memory
 * that the save has given up. Then its daemon ends (facts.md, "Jobs"). It makes no difference who
 * ends the save, or how: both virDomainAbortJob() and QMP's migrate_cancel had this effect. No
 * release is assumed to be free of it.
 */
gboolean nest_blocker_save_may_abort(const NestGuest *guest);
