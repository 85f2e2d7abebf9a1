/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts a running domain's live status, which virtnestd writes, into words: its nested guests and its guard. */
#pragma once

#include "virt/live_domain.h"

#include <json-glib/json-glib.h>

/**
 * nest_live_status_of: what virtnestd says of a guarded domain.
 * @live: (nullable) the domain; NULL: it does not run
 *
 * Returns: (nullable) the live status; NULL where the domain is not guarded, or the live status is
 * of another domain or of another run of it.
 */
const NestLiveStatus *nest_live_status_of(const NestLiveDomain *live);

/* "running", "none", "unknown", or "-" for a domain that is not guarded. */
const char *nest_live_verdict(const NestLiveDomain *live);

/**
 * nest_live_guard: the state of its guard, for a person.
 * @watched: a virtnestd runs, which arms the guard when nested guests begin
 *
 * Returns: "ready" (@watched, and nothing is to be refused now), "off" (nobody would arm it), "armed", "lifted",
 * "failed", or "-".
 */
const char *nest_live_guard(const NestLiveDomain *live, gboolean watched);

/**
 * nest_live_text: what to print if nested guests run, or if the guard is not as it should be.
 * @rate: entries a second; below 0: not known
 *
 * Returns: (transfer full) sentences, parts of which come from outside; none if all is well.
 */
GPtrArray *nest_live_text(const NestLiveDomain *live, double rate) G_GNUC_WARN_UNUSED_RESULT;

/* Adds the members "nested" and "guard", each null where the domain is not guarded. */
void nest_live_build(JsonBuilder *builder, const NestLiveDomain *live, double rate);
