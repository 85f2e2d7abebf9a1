/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which saves guard-blocker may abort: all but compressed ones, because such an abort can end libvirt's daemon. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_blocker_save_may_abort: whether libvirt's daemon outlives the abort of the save that is under way.
 * @guest: the domain that is being saved
 *
 * When a compressed save fails, libvirt may still read the compressor's messages into memory that
 * the save no longer owns. libvirt's daemon then ends (facts.md, "Jobs"). It makes no difference
 * who ends the save, or how: virDomainAbortJob() and QMP's migrate_cancel both had this effect. No
 * release of libvirt is assumed to be free of it.
 */
gboolean nest_blocker_save_may_abort(const NestGuest *guest);
