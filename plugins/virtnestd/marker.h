/* The live marker: says in a running tagged domain's live XML that this guest runs.
 *
 * It travels in save images, snapshots and migration XML, where the hook reads from it that a guest
 * resumes saved state and must not be judged by its CPU. */
#pragma once

#include "virtnestd/virt.h"

/**
 * nest_marker_put: mark a running domain that is tagged, in its live or its persistent XML.
 * @domain: the domain; one that does not run is left alone
 * @tagged: whether its persistent definition is tagged
 * @ret_busy: a migration, save or the like is under way, for which the call would have to wait: it
 *   was left alone and wants another look soon
 *
 * Returns: FALSE with NEST_ERROR_LIBVIRT.
 */
gboolean nest_marker_put(virDomainPtr domain, gboolean tagged, gboolean *ret_busy, GError **error);
