/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log lines about a domain's problems: each problem once, and at most one line of a kind per
 * minute until all is well again. */
#include "virtnestd/domain_log.h"

#include "base/log.h"

#define MINUTE_MS 60000

void
nest_domain_log_problem(NestDomainLog *log, NestDomainLogKind kind, const char *name,
                        const char *uuid, const GError *error)
{
    gint64 now = g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND;

    if (g_strcmp0(log->last[kind], error->message) == 0 ||
        (log->last[kind] && now - log->at[kind] < MINUTE_MS))
        return;
    g_free(log->last[kind]);
    log->last[kind] = g_strdup(error->message);
    log->at[kind] = now;
    nest_log_error(name, uuid, error);
}

void
nest_domain_log_well(NestDomainLog *log, NestDomainLogKind kind)
{
    g_clear_pointer(&log->last[kind], g_free);
}

void
nest_domain_log_over(NestDomainLog *log, NestDomainLogKind kind)
{
    if (!log->last[kind])
        return;
    g_free(log->last[kind]);
    log->last[kind] = g_strdup("");
}

void
nest_domain_log_clear(NestDomainLog *log)
{
    for (int kind = 0; kind < NEST_DOMAIN_LOG_KINDS; kind++)
        g_clear_pointer(&log->last[kind], g_free);
}
