/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log lines about a domain's guard: armed, disarmed, and problems. */
#include "virtnestd/guard_log.h"

#include "base/error.h"
#include "base/log.h"
#include "virtnestd/domain_status.h"

void
nest_guard_log_problem(NestDomain *domain, NestDomainLogKind kind, const GError *error)
{
    nest_domain_log_problem(&domain->log, kind, nest_domain_name(domain), domain->uuid, error);
}

/* Logs the snapshots with memory that were made before the guard was armed. */
static void
log_late_snapshots(const NestDomain *domain, const NestGuardJob *job)
{
    g_autoptr(GError) error = NULL;

    if (!job->late || domain->guard.armed)
        return;
    error = g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                        "its snapshot with memory was made before the guard was armed, and may "
                        "hold nested guests (%s): revert to it only on a host with nesting on",
                        job->late);
    nest_log_error(nest_domain_name(domain), domain->uuid, error);
}

void
nest_guard_log_armed(const NestDomain *domain, const NestGuardJob *job)
{
    const NestVerdict *verdict = &domain->guard.verdict;
    gint64 since = domain->guard.entered_at; /* 0: the kernel told of no entry */
    g_autofree gchar *delay =
        since ? g_strdup_printf(", from %.1f ms after the first entry on",
                                (double)(job->armed_at - since) / G_TIME_SPAN_MILLISECOND)
              : g_strdup("");

    if (job->aborted)
        nest_log_event(NEST_LOG_ABORTED, nest_domain_name(domain), domain->uuid,
                       "its %s was aborted: nested guests began to run while it was under way",
                       job->aborted);
    if (job->armed && !domain->guard.armed)
        nest_log_event(NEST_LOG_ARMED, nest_domain_name(domain), domain->uuid,
                       "nested guests run in it (%s): migration and save are refused%s",
                       nest_verdict_reason_text(nest_verdict_reason_name(verdict->reason)), delay);
    log_late_snapshots(domain, job);
}

void
nest_guard_log_disarmed(const NestDomain *domain)
{
    const NestVerdict *verdict = &domain->guard.verdict;

    nest_log_event(NEST_LOG_DISARMED, nest_domain_name(domain), domain->uuid,
                   "%s: migration and save are possible",
                   nest_domain_is_lifted(domain)
                       ? "its guard is lifted by hand"
                       : nest_verdict_reason_text(nest_verdict_reason_name(verdict->reason)));
}

void
nest_guard_log_lost(const NestGuardJob *job)
{
    if (job->gone && job->aborted && job->job.error)
        nest_log_error(job->live->guest.name, job->live->guest.uuid, job->job.error);
}
