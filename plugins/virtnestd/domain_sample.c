/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The samples of a domain: whether its QEMU is asked, and how a sample enters the verdict.
 *
 * Theory of operation: probes that only read files answer at once. QEMU is asked as well only if they say too little, not
 * too often, and not while too many other QEMUs do not answer. The sample goes into the domain's verdict; domain_guard.c
 * then decides what to do. */
#include "virtnestd/domain_sample.h"

#include "base/error.h"
#include "base/log.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/guard_log.h"

static void
watch_next_entry(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    if (guard->watched || nest_domain_runs_nested(domain) ||
        !nest_domain_may_try(domain, &guard->watch_backoff))
        return;
    guard->watcher = nest_entry_watch_add(domain->context->watch, &domain->live->guest);
    guard->watched = guard->watcher != NULL;
    if (guard->watched)
        nest_backoff_reset(&guard->watch_backoff);
    else
        nest_domain_back_off(domain, &guard->watch_backoff);
}

const char *
nest_domain_sample_here(NestDomain *domain, NestEvidence *evidence)
{
    watch_next_entry(domain);
    return nest_guard_sample_here(domain->context->plugins, &domain->live->guest, evidence);
}

guint
nest_domain_sample_limit(NestDomain *domain, const NestEvidence *evidence)
{
    gboolean says_enough = evidence->counted && !nest_verdict_wants_bit(&domain->guard.verdict);

    if (says_enough || !nest_domain_may_try(domain, &domain->guard.sample_backoff))
        return 0;
    return nest_domain_silence_limit(domain, FALSE);
}

gboolean
nest_domain_sample_wants_bit(const NestDomain *domain)
{
    return nest_verdict_wants_bit(&domain->guard.verdict) || !domain->live->guest.kvm ||
           domain->guard.missed_samples >= NEST_DOMAIN_GUARD_MAX_MISSED;
}

gboolean
nest_domain_sample_is_kept_out(const NestDomain *domain, const NestEvidence *evidence)
{
    const NestDomainGuard *guard = &domain->guard;

    return guard->silence.at_work && !guard->silence.since && !evidence->counted &&
           !domain->guarding && !domain->context->stopping &&
           nest_domain_may_try(domain, &guard->sample_backoff);
}

/* Each answer that cannot be read costs work. So after each of them the pause before the next question doubles. An answer
 * that can be read resets the pause only if the last pause ended a minute ago or more. */
void
nest_domain_sample_answered(NestDomain *domain, const GError *error)
{
    NestDomainGuard *guard = &domain->guard;

    guard->missed_samples = error ? guard->missed_samples + 1 : 0;
    if (guard->missed_samples == NEST_DOMAIN_GUARD_MAX_MISSED)
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_SAMPLE, error);
    if (!error)
        nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_SAMPLE);
    if (g_error_matches(error, NEST_ERROR, NEST_ERROR_MONITOR) ||
        g_error_matches(error, NEST_ERROR, NEST_ERROR_ANSWER))
        nest_domain_back_off(domain, &guard->sample_backoff);
    else if (!error)
        nest_backoff_succeed(&guard->sample_backoff, nest_workers_now());
}

void
nest_domain_sample_add(NestDomain *domain, const NestEvidence *evidence, const char *probe,
                       gint64 time)
{
    NestDomainGuard *guard = &domain->guard;
    const NestConfig *config = domain->context->config;
    NestVerdictRules rules = {config->linger_ms, config->release == NEST_RELEASE_STRICT};
    NestVerdictState before = guard->verdict.state;

    nest_verdict_add(&guard->verdict, evidence, &rules, domain->live->started_ms, time);
    if (guard->verdict.state != before)
        nest_log(G_LOG_LEVEL_DEBUG, nest_domain_name(domain), domain->uuid,
                 "nested guests: %s (%s)", nest_verdict_state_name(guard->verdict.state),
                 nest_verdict_reason_text(nest_verdict_reason_name(guard->verdict.reason)));
    if (guard->verdict.state == NEST_VERDICT_NONE)
        guard->quiet = (g_get_real_time() - (nest_workers_now() - time) * G_TIME_SPAN_MILLISECOND) /
                       G_USEC_PER_SEC;
    if (probe || guard->watcher)
        guard->probe = guard->watcher ? guard->watcher : probe;
}
