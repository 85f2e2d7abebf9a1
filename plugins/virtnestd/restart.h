/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* on-stale=restart: a domain whose start was faster than its correction is
 * stopped and started again, once. */
#pragma once

#include "virt/correct.h"

/* What the events have shown about a start. A greater value says more. */
typedef enum {
    NEST_START_NONE,    /* nothing */
    NEST_START_PERHAPS, /* it began to run: booted, or resumed from a pause */
    NEST_START_SEEN,    /* it was booted */
} NestStart;

/**
 * nest_restart_stale: restart a domain that has just booted with the wrong CPU.
 * @corrector: for the correction, which comes first
 * @domain: the domain
 * @start: what was seen of its start
 * @ret_restarted: whether it was restarted
 *
 * A domain is restarted only if all of this holds: it is persistent; it was booted, not resumed, restored, migrated or
 * reverted (its state says so, or for a domain that was started paused, the event); and its live CPU lacks the feature that
 * it requires, or shows one that it shall not have. If it runs, it is suspended first, some milliseconds after its start.
 * It is destroyed only if its corrected definition is known to have the right CPU; otherwise it runs on.
 *
 * Returns: FALSE with an error of nest_correct_domain(); the domain then runs on. Or FALSE with NEST_ERROR_LIBVIRT if a
 * step failed; the message says how the domain was left.
 */
gboolean nest_restart_stale(const NestCorrector *corrector, virDomainPtr domain, NestStart start,
                            gboolean *ret_restarted, GError **error);
