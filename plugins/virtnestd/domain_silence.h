/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMUs that do not answer: since when one does not, and whether a further one may be asked meanwhile. */
#pragma once

#include <glib.h>

typedef struct NestDomain NestDomain;

/**
 * NestDomainSilence: whether a domain's QEMU answers; all zero at the beginning of its run.
 */
typedef struct {
    gint64 since;      /* since when it has not, CLOCK_MONOTONIC's milliseconds; 0: it answers */
    gboolean answered; /* a sample that needs it has succeeded in this run */
    guint64 cpu_time;  /* its processor time when it was to be asked last, in clock ticks */
    gboolean at_work;  /* its guest had used the processor when that was looked at last */
} NestDomainSilence;

/**
 * nest_domain_silence_limit: whether its QEMU may be asked now, though others do not answer.
 * @needed: it is to be armed or disarmed
 *
 * Returns: NestJob.most of the job that asks it; 0 if it may not be asked.
 */
guint nest_domain_silence_limit(NestDomain *domain, gboolean needed);

/**
 * nest_domain_silence_begin: note that its QEMU does not answer, and log that once.
 * @since: CLOCK_MONOTONIC's milliseconds
 * @what: what was seen
 */
void nest_domain_silence_begin(NestDomain *domain, gint64 since, const char *what);

/* Notes it if the guard's job that is under way takes too long. */
void nest_domain_silence_notice_stuck(NestDomain *domain);

/* Its QEMU has answered. @sampled: a sample, and successfully */
void nest_domain_silence_end(NestDomain *domain, gboolean sampled);
