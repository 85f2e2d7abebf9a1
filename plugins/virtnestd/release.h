/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd --release: disarms every guard of the host, as the removal of the package does. */
#pragma once

#include "plugin_host.h"

/**
 * nest_disarm_all: disarm all running domains and say in their live statuses that nothing is guarded.
 * @uri: libvirt's
 * @plugins: only its guards are used
 *
 * To be used only when no virtnestd runs, because virtnestd would arm the domains again. If the QEMU
 * of a domain does not answer for some seconds, the domain is left as it is.
 *
 * Returns: FALSE without an error if a domain could not be disarmed, which has been logged; or FALSE with
 * NEST_ERROR_LIBVIRT.
 */
gboolean nest_disarm_all(const char *uri, const NestPluginHost *plugins, GError **error);
