/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks the host that a guest shall migrate to, as libvirt shows it. The checks stand in the order in which their
 * findings have to be corrected. */
#pragma once

#include "preflight_check.h"
#include "preflight_move.h"

/**
 * nest_preflight_destination_check: check the host that a guest shall migrate to.
 * @move: what the guest needs has been read; what the hosts offer is added
 * @uri: of the destination's libvirt
 * @checks: (element-type NestPreflightCheck) to which the findings are added
 */
void nest_preflight_destination_check(NestPreflightMove *move, const char *uri, GPtrArray *checks);
