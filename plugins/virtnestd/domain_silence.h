/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMUs that do not answer: since when a QEMU has not answered, and whether others may be asked meanwhile. */
#pragma once

#include <glib.h>

typedef struct NestDomain NestDomain;

/**
 * NestDomainSilence: whether a domain's QEMU answers; all zero at the beginning of its run.
 */
typedef struct {
    gint64 since;      /* since when it has not, CLOCK_MONOTONIC's milliseconds; 0: it answers */
    gboolean answered; /* a sample that needed QEMU has succeeded in this run */
    guint64 cpu_time;  /* QEMU's processor time at the last look, in clock ticks */
    gboolean at_work;  /* ... and whether the guest had used the processor since the look before */
} NestDomainSilence;

/**
 * nest_domain_silence_limit: whether the domain's QEMU may be asked now, although others do not answer.
 * @needed: the domain is to be armed or disarmed
 *
 * Returns: NestJob.most for the job that asks QEMU; 0: QEMU may not be asked.
 */
guint nest_domain_silence_limit(NestDomain *domain, gboolean needed);

/**
 * nest_domain_silence_begin: note that its QEMU does not answer, and log that once.
 * @since: CLOCK_MONOTONIC's milliseconds
 * @what: what was seen
 */
void nest_domain_silence_begin(NestDomain *domain, gint64 since, const char *what);

/* Calls nest_domain_silence_begin() if the guard's job that is under way takes too long. */
void nest_domain_silence_notice_stuck(NestDomain *domain);

/* To be called when QEMU has answered. @sampled: it has answered a sample, with success */
void nest_domain_silence_end(NestDomain *domain, gboolean sampled);
