/* Which saves guard-blocker may abort. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_blocker_save_may_abort: whether libvirt outlives the abort of the save that is under way.
 * @guest: the domain that is being saved
 *
 * libvirt 12.9 reads what a compressor says into memory that it has given up by then when its save fails: its daemon
 * ends, in most runs with zstd (LIBVIRT-FACTS). It makes no difference who ends the save, or how. libvirt 9.0 and 11.3
 * outlive it. Which release brought it is not known, so a later one than 11.3 is not trusted with it.
 */
gboolean nest_blocker_save_may_abort(const NestGuest *guest, virDomainPtr domain);
