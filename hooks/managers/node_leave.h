/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a VMI of KubeVirt may leave its node: the answer to a call of KubeVirt's at a hook point of the node. */
#pragma once

#include "node_watch.h"

/**
 * nest_node_leave_check: answer a call.
 * @point: the hook point, "PreMigrationSource"; at any other nothing is judged
 * @json: the VMI, @length bytes
 * @now: of the monotonic clock, in milliseconds
 *
 * A VMI that does not ask for nested guests is not judged, as a domain without a tag is not.
 *
 * Returns: FALSE with an error if KubeVirt shall go no further: nested guests run in the VMI, nobody can tell, or the VMI
 * cannot be read. A refusal only delays the migration, which is tried again; a wrong permission may lose the nested
 * guests.
 */
gboolean nest_node_leave_check(NestNodeWatch *watch, const char *point, const char *json,
                               gssize length, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;
