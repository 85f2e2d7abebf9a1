/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log lines about a domain's problems: each problem once, and at most one line of a kind per
 * minute until all is well again. */
#pragma once

#include <glib.h>

typedef enum {
    NEST_DOMAIN_LOG_SYNC,
    NEST_DOMAIN_LOG_PUBLISH,
    NEST_DOMAIN_LOG_SAMPLE,
    NEST_DOMAIN_LOG_GUARD,
    NEST_DOMAIN_LOG_KINDS
} NestDomainLogKind;

/**
 * NestDomainLog: the last problem of each kind; all zero at the beginning.
 */
typedef struct {
    gchar *last[NEST_DOMAIN_LOG_KINDS]; /* NULL: all is well */
    gint64 at
        [NEST_DOMAIN_LOG_KINDS]; /* when it was logged, CLOCK_MONOTONIC's milliseconds; 0: never */
} NestDomainLog;

/**
 * nest_domain_log_problem: log a problem, unless it was the last of its kind.
 * @name, @uuid: the domain's
 *
 * A QEMU can give each of its errors another text. So a new text of the same kind is logged only a minute after
 * the last one.
 */
void nest_domain_log_problem(NestDomainLog *log, NestDomainLogKind kind, const char *name,
                             const char *uuid, const GError *error);

/* All is well again: the next problem of the kind is logged, whatever it is. Not for problems that a QEMU can cause. */
void nest_domain_log_well(NestDomainLog *log, NestDomainLogKind kind);

/* A problem is over that a QEMU can cause again at any time: it is then logged again, but at most once a minute. */
void nest_domain_log_over(NestDomainLog *log, NestDomainLogKind kind);

void nest_domain_log_clear(NestDomainLog *log);
