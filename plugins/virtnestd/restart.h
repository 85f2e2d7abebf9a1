/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* on-stale=restart: a domain whose start was faster than its correction is
 * stopped and started again, once. */
#pragma once

#include "virt/correct.h"

/* What the events have told of a start. A greater value says more. */
typedef enum {
    NEST_START_NONE,    /* nothing */
    NEST_START_PERHAPS, /* it began to run: booted, or resumed from a pause */
    NEST_START_SEEN,    /* it was booted */
} NestStart;

/**
 * nest_restart_stale: restart a domain that has just booted without what its tag asks for.
 * @corrector: for the correction, which comes first
 * @domain: the domain
 * @start: what was seen of its start
 * @ret_restarted: whether it was restarted
 *
 * This is done only to a persistent domain that was booted (not resumed, restored, migrated or reverted), as its state
 * says, or the event where it was started paused; whose tag requires the feature, and whose live CPU lacks it. If it runs, it
 * is suspended first, some milliseconds after it began to. It is destroyed only when its corrected definition is known to
 * have the feature, else it runs on.
 *
 * Returns: FALSE with an error of nest_correct_domain(), and the domain runs on; or with NEST_ERROR_LIBVIRT where a step
 * failed, and the message says how the domain was left.
 */
gboolean nest_restart_stale(const NestCorrector *corrector, virDomainPtr domain, NestStart start,
                            gboolean *ret_restarted, GError **error);
