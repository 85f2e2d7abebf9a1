/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard of a domain: watches it for nested guests, and has migration and save refused while they run.
 *
 * Theory of operation: a running domain that is to be guarded is sampled in each interval (domain_sample.c). Probes that
 * only read files are called here, on the main loop; a worker calls the others (guard_job.c). The sample goes into the
 * domain's verdict (common/guard/verdict.c). If verdict and guard disagree, a worker arms or disarms. If the kernel reports
 * when the guest enters a nested guest (entry_watch.c), samples are needed only to see that its nested guests have ended.
 * The outcome is published in the domain's live metadata and by the exports (domain_report.c). Nothing else is stored: after
 * a restart of virtnestd or libvirt, QEMU itself says whether it is armed.
 *
 * A guest or a QEMU must not be able to load the host. So what fails is tried again after longer and longer pauses
 * (backoff.c). A guest that keeps starting and ending nested guests stays armed longer each time (flap_damping.c). And of the
 * QEMUs that do not answer, only a few are asked at a time (domain_silence.c). */
#include "virtnestd/domain_guard.h"

#include "base/error.h"
#include "virtnestd/domain_sample.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/domain_report.h"
#include "virtnestd/guard_log.h"

/* While nested guests run in a guest for which there is a watch, it is sampled only once in this many intervals. */
#define WATCHED_INTERVALS 10

/* --- what is wanted */

/* Whether the domain is to be armed, or to stay armed. A domain becomes armed only if a tag asks for it, but an armed domain
 * stays armed while nested guests run. */
static gboolean
wants_arms(const NestDomain *domain)
{
    return nest_domain_runs_nested(domain) && !nest_domain_is_lifted(domain) &&
           (domain->live->guarded || domain->guard.armed);
}

static void
set_armed(NestDomain *domain, gboolean armed)
{
    domain->guard.armed = armed;
    if (armed)
        domain->context->listener->armed(domain->context->data);
}

/* --- work */

static void guard_job_is_done(NestJob *data);

static NestGuardJob *
new_job(NestDomain *domain, NestGuardWork work)
{
    const NestDomainGuard *guard = &domain->guard;
    NestGuardJob *job = nest_guard_job_new(work, domain->context->plugins, domain->live);

    job->job.done = guard_job_is_done;
    job->owner = domain;
    job->armed = guard->armed;
    job->defers_to_job = guard->lifted;
    job->since = guard->lifted ? 0 : guard->quiet;
    return job;
}

/* @job: of new_job(); @most: of nest_domain_silence_limit() */
static void
push_job(NestDomain *domain, NestGuardJob *job, guint most)
{
    job->job.most = most;
    job->job.costly = !nest_backoff_is_calm(&domain->guard.sample_backoff, nest_workers_now());
    domain->guarding = job;
    nest_workers_push(domain->context->guards, &job->job);
}

/* Does nothing while too many other QEMUs do not answer. */
static void
begin_job(NestDomain *domain, NestGuardWork work)
{
    guint most = nest_domain_silence_limit(domain, work != nest_guard_check);

    if (most)
        push_job(domain, new_job(domain, work), most);
    else if (!domain->context->stopping && !domain->guard.silence.since)
        nest_domain_report_unasked(domain);
}

/* @evidence, @probe: what the sample has already, and from which probe; @most: as for push_job() */
static void
begin_sample(NestDomain *domain, const NestEvidence *evidence, const char *probe, guint most)
{
    NestGuardJob *job = new_job(domain, nest_guard_sample);

    job->evidence = *evidence;
    job->probe = probe;
    job->sampled = nest_workers_now();
    job->wants_bit = nest_domain_sample_wants_bit(domain);
    push_job(domain, job, most);
}

static gboolean
wants_disarming(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;

    return guard->armed &&
           (nest_domain_is_lifted(domain) ||
            (guard->verdict.state == NEST_VERDICT_NONE && !nest_domain_is_held(domain)));
}

/* Ends virt-nest allow --once after its hour, so that the guard is not lifted for ever if the allowed operation never comes.
 * An operation that is under way goes on, as it does when the time of virt-nest allow is over. */
static void
end_once_in_time(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;
    gint64 now = nest_workers_now();

    if (!domain->live->allow.once)
        guard->once_since = 0;
    else if (!guard->once_since)
        guard->once_since = now;
    if (!guard->once_since || guard->once_over || guard->once_used ||
        now - guard->once_since < (gint64)NEST_ALLOW_ONCE_SECONDS * 1000)
        return;
    guard->once_over = TRUE;
    domain->put_off =
        TRUE; /* the element must be removed, even if the live status does not change */
}

/* Arms or disarms as the verdict asks for. */
static void
decide(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    if (domain->guarding)
        return;
    end_once_in_time(domain);
    /* An operation that is under way may have begun while the guard was lifted. */
    guard->lifted = nest_domain_is_lifted(domain) ||
                    (guard->lifted && !guard->once_used && nest_domain_runs_nested(domain));
    nest_flap_damping_note(&guard->damping,
                           guard->armed && guard->verdict.state == NEST_VERDICT_NONE,
                           nest_workers_now());
    if (nest_domain_may_try(domain, &guard->arm_backoff)) {
        if (wants_arms(domain) && !guard->armed)
            begin_job(domain, nest_guard_arm);
        else if (wants_disarming(domain))
            begin_job(domain, nest_guard_disarm);
    }
    nest_domain_report_status(domain);
}

static void
take_sample(NestDomain *domain, const NestEvidence *evidence, const char *probe, gint64 time)
{
    NestDomainGuard *guard = &domain->guard;

    nest_domain_sample_add(domain, evidence, probe, time);
    guard->settled = TRUE;
    /* Nothing needs its QEMU now: the sample is complete, and the guard is as it should be. */
    if (guard->checked && evidence->counted && !nest_verdict_wants_bit(&guard->verdict) &&
        !(wants_arms(domain) && !guard->armed) && !wants_disarming(domain))
        nest_domain_report_asked(domain);
    decide(domain);
}

/* @evidence, @probe, @time: the sample as far as it did not need QEMU. */
static void
take_sample_unasked(NestDomain *domain, const NestEvidence *evidence, const char *probe,
                    gint64 time)
{
    if (evidence->counted) {
        take_sample(domain, evidence, probe, time);
    } else {
        domain->guard.settled = TRUE;
        decide(domain);
    }
}

static void
sample_domain(NestDomain *domain)
{
    NestEvidence evidence = {0};
    const char *probe = NULL;
    guint most = 0;

    nest_domain_silence_notice_stuck(domain);
    if (domain->guarding)
        return;
    probe = nest_domain_sample_here(domain, &evidence);
    most = nest_domain_sample_limit(domain, &evidence);
    if (most) {
        begin_sample(domain, &evidence, probe, most);
        return;
    }
    take_sample_unasked(domain, &evidence, probe, nest_workers_now());
    if (nest_domain_sample_is_kept_out(domain, &evidence))
        nest_domain_report_unasked(domain);
}

static void
sample_is_done(NestDomain *domain, const NestGuardJob *job)
{
    nest_domain_sample_answered(domain, job->job.error);
    take_sample(domain, &job->evidence, job->probe, job->sampled);
}

static void
check_is_done(NestDomain *domain, const NestGuardJob *job)
{
    if (job->job.error) {
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD,
                               job->job.error); /* it is checked again */
        nest_domain_report_settled(domain, FALSE);
        return;
    }
    domain->guard.checked = TRUE;
    nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
    set_armed(domain, job->armed);
    sample_domain(domain);
}

/* While an allowed operation goes on, the domain is not armed. A later sample tries to arm it again. */
static void
arm_is_done(NestDomain *domain, const NestGuardJob *job)
{
    NestDomainGuard *guard = &domain->guard;
    const GError *error = job->job.error;

    guard->lifted = job->defers_to_job;
    g_clear_pointer(&guard->problem, g_free);
    if (error) {
        guard->problem = nest_error_text(error);
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, error);
        nest_domain_back_off(domain, &guard->arm_backoff);
    } else {
        nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
        nest_backoff_reset(&guard->arm_backoff);
    }
    nest_guard_log_armed(domain, job);
    if (job->armed)
        guard->entered_at = 0;
    if (job->armed && !guard->armed)
        nest_flap_damping_armed(&guard->damping, nest_workers_now());
    set_armed(domain, job->armed);
    nest_domain_report_status(domain);
    guard->checked = !job->unsure;
}

static void
disarm_is_done(NestDomain *domain, const NestGuardJob *job)
{
    NestDomainGuard *guard = &domain->guard;

    set_armed(domain, job->armed);
    if (job->job.error) {
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, job->job.error);
        nest_domain_back_off(domain, &guard->arm_backoff);
        nest_domain_report_status(domain); /* a later sample tries again */
        return;
    }
    nest_guard_log_disarmed(domain);
    nest_backoff_reset(&guard->arm_backoff);
    nest_flap_damping_disarmed(&guard->damping, nest_workers_now());
    decide(domain);
}

/* What follows each kind of work, on the main loop. */
static const struct {
    NestGuardWork work;
    void (*done)(NestDomain *domain, const NestGuardJob *job);
} works[] = {
    {nest_guard_sample, sample_is_done},
    {nest_guard_check, check_is_done},
    {nest_guard_arm, arm_is_done},
    {nest_guard_disarm, disarm_is_done},
};

/* Stops guarding a domain whose tag is gone or says migration='allow', once it is disarmed. Its live status then says that
 * it is not guarded. */
static void
stop_if_over(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    if (!guard->monitored || domain->live->guarded || guard->armed || !guard->checked ||
        domain->guarding)
        return;
    nest_domain_guard_clear(domain);
    guard->published = nest_live_status_new();
    nest_domain_publish(domain);
}

/* A later sample tries the work again. */
static void
work_is_turned_away(NestDomain *domain, const NestGuardJob *job)
{
    if (job->work == nest_guard_sample) {
        take_sample_unasked(domain, &job->evidence, job->probe, job->sampled);
        return;
    }
    nest_domain_report_unasked(domain);
    nest_domain_publish(domain);
}

static void
take_work(NestDomain *domain, const NestGuardJob *job)
{
    if (job->job.turned_away) {
        work_is_turned_away(domain, job);
        stop_if_over(domain);
        return;
    }
    if (job->stopped) {
        nest_domain_silence_begin(domain, nest_workers_now(),
                                  "its QEMU has not answered, because a signal has stopped it");
        nest_domain_report_asked(domain);
        nest_domain_report_settled(domain, TRUE);
        nest_domain_publish(domain);
        return;
    }
    nest_domain_silence_end(domain, job->work == nest_guard_sample && !job->job.error);
    nest_domain_report_asked(domain);
    for (gsize i = 0; i < G_N_ELEMENTS(works); i++)
        if (works[i].work == job->work)
            works[i].done(domain, job);
    stop_if_over(domain);
}

static void
guard_job_is_done(NestJob *data)
{
    NestGuardJob *job = (NestGuardJob *)data;
    NestDomain *domain = job->owner;

    nest_guard_log_lost(job);
    if (domain) {
        domain->guarding = NULL;
        if (!job->gone)
            take_work(domain, job);
        domain->context->listener->rest(domain->context->data, domain);
    }
    nest_guard_job_free(job);
}

/* --- the run */

void
nest_domain_guard_allowed(NestDomain *domain)
{
    if (!domain->guard.once_over)
        domain->guard.once_since = 0;
}

void
nest_domain_guard_tick(NestDomain *domain)
{
    domain->guard.ticked_at = nest_workers_now();
    if (domain->guard.checked || domain->guarding) {
        sample_domain(domain);
        return;
    }
    begin_job(domain, nest_guard_check);
    if (!domain->guarding)
        nest_domain_report_settled(domain, FALSE);
}

guint
nest_domain_guard_interval(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;
    gboolean waits_for_nothing = !domain->put_off && !domain->live->has_allow;
    gboolean steady = FALSE; /* its nested guests run, and it is armed for as long as they do */

    /* Nothing changes until the kernel reports an entry, or libvirt an event of the domain. */
    if (guard->watched && guard->checked && guard->verdict.state == NEST_VERDICT_NONE &&
        !guard->armed && !domain->guarding && waits_for_nothing)
        return 0;
    steady = guard->watcher && guard->armed && nest_domain_runs_nested(domain) &&
             !nest_verdict_wants_bit(&guard->verdict) && waits_for_nothing;
    return domain->context->config->interval_ms * (steady ? WATCHED_INTERVALS : 1);
}

void
nest_domain_guard_entered(NestDomain *domain, gint64 time)
{
    NestDomainGuard *guard = &domain->guard;

    if (!guard->watched)
        return;
    guard->watched = FALSE;
    guard->entered_at = time;
    if (guard->verdict.state == NEST_VERDICT_NONE)
        guard->quiet = g_get_real_time() / G_USEC_PER_SEC;
    nest_verdict_enter(&guard->verdict, nest_workers_now());
    decide(domain);
}

/* After the guard of a domain has ended, the live status from before still says that nested guests run, until a new one is
 * written. */
static gboolean
is_released(const NestDomain *domain)
{
    return domain->guard.published && !domain->guard.monitored;
}

static void
begin(NestDomain *domain)
{
    if (is_released(domain) && !nest_domain_may_be_armed(domain))
        g_clear_pointer(&domain->guard.published, nest_live_status_free);
    if (!domain->live->guarded && (!nest_domain_may_be_armed(domain) || is_released(domain)))
        return;
    g_clear_pointer(&domain->guard.published, nest_live_status_free);
    domain->guard.monitored = TRUE;
    nest_domain_guard_tick(domain);
}

void
nest_domain_guard_see(NestDomain *domain)
{
    if (!domain->guard.monitored) {
        begin(domain);
        return;
    }
    domain->guard.once_used &= domain->live->has_allow;
    domain->guard.once_over &= domain->live->has_allow;
    decide(domain);
    stop_if_over(domain);
}

void
nest_domain_guard_clear(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    if (domain->guarding)
        domain->guarding->owner = NULL;
    domain->guarding = NULL;
    if (guard->monitored) {
        nest_entry_watch_remove(domain->context->watch, &domain->live->guest);
        domain->context->listener->show(domain->context->data);
    }
    nest_live_status_free(guard->published);
    g_free(guard->problem);
    *guard = (NestDomainGuard){0};
}

void
nest_domain_guard_job_transferring(NestDomain *domain)
{
    domain->guard.transferring = TRUE;
}

void
nest_domain_guard_resumed(NestDomain *domain)
{
    if (domain->guard.transferring)
        nest_domain_guard_job_ended(domain);
}

void
nest_domain_guard_job_ended(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    guard->transferring = FALSE;
    if (!guard->monitored || !domain->live->allow.once || guard->once_used)
        return;
    guard->once_used = TRUE;
    /* The element of virt-nest allow must be removed, even if the live status does not change. */
    domain->put_off = TRUE;
    decide(domain);
}
