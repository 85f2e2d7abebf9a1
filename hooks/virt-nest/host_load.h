/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the host's KVM module for a command that corrects definitions, as virtnestd would. */
#pragma once

#include <glib.h>

/**
 * nest_host_load_absent: load the KVM module with nesting on, if it is absent and nobody has decided otherwise.
 *
 * Its type is that of NestCorrector's load_module. It also logs which untagged domains gain the feature.
 *
 * Returns: TRUE if the module was loaded; FALSE without an error if this command may not load it: the module is not
 * absent, a setting is against it, `[host] manage` is not yes, or this is not root; FALSE with a NEST_ERROR_HOST_* if
 * it could not be loaded.
 */
gboolean nest_host_load_absent(GError **error);
