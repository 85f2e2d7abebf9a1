/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a VMI of KubeVirt may leave its node: the answer when KubeVirt calls a hook point of the node. */
#pragma once

#include "node_watch.h"

/**
 * nest_node_leave_check: answer a call.
 * @point: the hook point, "PreMigrationSource"; any other passes
 * @json: the VMI, @length bytes
 * @now: of the monotonic clock, in milliseconds
 *
 * A VMI that does not ask for nested guests is not judged, like a domain without a tag.
 *
 * Returns: FALSE with an error if KubeVirt shall not migrate the VMI: nested guests run in it, nobody can tell, or the VMI
 * cannot be read. A refusal costs a migration, which KubeVirt tries again; letting the VMI go may cost its nested guests.
 */
gboolean nest_node_leave_check(NestNodeWatch *watch, const char *point, const char *json,
                               gssize length, gint64 now, GError **error) G_GNUC_WARN_UNUSED_RESULT;
