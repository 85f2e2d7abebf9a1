/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard of a domain: watches it for nested guests, and has migration and save refused while they run.
 *
 * Theory of operation: a running domain that is to be guarded is monitored. It is sampled in each interval.
 * Probes that only read files are asked here, on the main loop; others are asked on a worker (guard_job.c). The
 * sample goes into the domain's verdict (common/guard/verdict.c). If verdict and guard disagree, a worker arms
 * or disarms. A guest of which the kernel tells when it enters a nested guest (entry_watch.c) is sampled only to see that its
 * nested guests have gone. The outcome is published in the domain's live metadata and by the exports. Nothing else is stored:
 * after a restart of virtnestd or libvirt, a QEMU says itself whether it is armed.
 *
 * A guest or a QEMU must not make the host work: what fails is tried again later and later (backoff.c), a guest that
 * keeps starting and ending nested guests stays armed longer and longer after they have ended (flap_damping.c), and
 * few QEMUs that do not answer are asked at a time (domain_silence.c). */
#include "virtnestd/domain_guard.h"

#include "base/error.h"
#include "base/log.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/guard_log.h"

/* A guest whose nested guests run, and whose next ones will be told of, is sampled once in so many intervals. */
#define WATCHED_INTERVALS 10

static void
back_off(NestDomain *domain, NestBackoff *backoff)
{
    nest_backoff_fail(backoff, domain->context->config->interval_ms, nest_workers_now());
}

static gboolean
may_try(const NestDomain *domain, const NestBackoff *backoff)
{
    return nest_backoff_is_over(backoff, domain->context->config->interval_ms, nest_workers_now());
}

/* --- what is wanted */

/* Whether it is to be armed, or to stay so. A domain is newly armed only if a tag asks for it, but an armed domain stays
 * armed while nested guests run. */
static gboolean
wants_arms(const NestDomain *domain)
{
    return nest_domain_runs_nested(domain) && !nest_domain_is_lifted(domain) &&
           (domain->live->guarded || domain->guard.armed);
}

/* Whether a sample should read the bit as well. A KVM guest has a counter, and reading its registers taints it. So
 * the bit is read only if the verdict needs it, or if the counter stays away. */
static gboolean
wants_bit(const NestDomain *domain)
{
    return nest_verdict_wants_bit(&domain->guard.verdict) || !domain->live->guest.kvm ||
           domain->guard.missed_samples >= NEST_DOMAIN_GUARD_MAX_MISSED;
}

/* --- publishing */

/* Does nothing while a job is under way for the domain, because its status is about to change. */
static void
publish_status(NestDomain *domain)
{
    if (domain->guarding)
        return;
    if (nest_domain_update_status(domain)) {
        domain->context->listener->show(domain->context->data);
        nest_domain_publish_changed(domain);
    } else if (domain->put_off) {
        nest_domain_publish(domain);
    }
}

static void
publish(NestDomain *domain)
{
    if (domain->guard.checked)
        publish_status(domain);
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

/* Whether this virtnestd or an earlier one may have armed the domain. */
static gboolean
may_be_armed(const NestDomain *domain)
{
    return domain->live->marked && domain->live->state->live.nested;
}

/* The live status of one that may be armed stays until its QEMU can be asked. */
static void
publish_settled(NestDomain *domain)
{
    domain->guard.settled = TRUE;
    if (domain->guard.checked || !may_be_armed(domain))
        publish_status(domain);
}

/* The log tells it at once, and the live status if it lasts. */
static void
tell_unasked(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;
    g_autoptr(GError) error =
        g_error_new_literal(NEST_ERROR, NEST_ERROR_GUARD, NEST_DOMAIN_UNASKED);

    nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, error);
    if (!guard->unasked_since)
        guard->unasked_since = nest_workers_now();
    publish_settled(domain);
}

/* It was asked, or there is nothing to ask it. */
static void
end_unasked(NestDomain *domain)
{
    if (!domain->guard.unasked_since)
        return;
    domain->guard.unasked_since = 0;
    nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
}

/* Does nothing while too many other QEMUs do not answer. */
static void
begin_job(NestDomain *domain, NestGuardWork work)
{
    guint most = nest_domain_silence_limit(domain, work != nest_guard_check);

    if (most)
        push_job(domain, new_job(domain, work), most);
    else if (!domain->context->stopping && !domain->guard.silence.since)
        tell_unasked(domain);
}

/* Its live status may be written, with what the guard said last, if it has said anything. */
static void
settle_unasked(NestDomain *domain)
{
    domain->guard.settled = TRUE;
    nest_domain_publish(domain);
}

/* @evidence, @probe: what is already known of the sample, and from which probe; @most: as for push_job() */
static void
begin_sample(NestDomain *domain, const NestEvidence *evidence, const char *probe, guint most)
{
    NestGuardJob *job = new_job(domain, nest_guard_sample);

    job->evidence = *evidence;
    job->probe = probe;
    job->sampled = nest_workers_now();
    job->wants_bit = wants_bit(domain);
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

/* An operation that was allowed and never comes must not leave the guard lifted for ever. One that is under way goes on,
 * as it does when a time that was allowed is over. */
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
    domain->put_off = TRUE; /* the element is to be removed, whatever is decided */
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
    if (may_try(domain, &guard->arm_backoff)) {
        if (wants_arms(domain) && !guard->armed)
            begin_job(domain, nest_guard_arm);
        else if (wants_disarming(domain))
            begin_job(domain, nest_guard_disarm);
    }
    publish(domain);
}

/* Whether a sample without its QEMU is all that is wanted of it now. */
static gboolean
needs_no_answer(const NestDomain *domain, const NestEvidence *evidence)
{
    return domain->guard.checked && evidence->counted &&
           !nest_verdict_wants_bit(&domain->guard.verdict) &&
           !(wants_arms(domain) && !domain->guard.armed) && !wants_disarming(domain);
}

static void
take_sample(NestDomain *domain, const NestEvidence *evidence, const char *probe, gint64 now)
{
    NestDomainGuard *guard = &domain->guard;
    const NestConfig *config = domain->context->config;
    NestVerdictRules rules = {config->linger_ms, config->release == NEST_RELEASE_STRICT};
    NestVerdictState before = guard->verdict.state;

    nest_verdict_add(&guard->verdict, evidence, &rules, domain->live->started_ms, now);
    if (guard->verdict.state != before)
        nest_log(G_LOG_LEVEL_DEBUG, nest_domain_name(domain), domain->uuid,
                 "nested guests: %s (%s)", nest_verdict_state_name(guard->verdict.state),
                 nest_verdict_reason_text(nest_verdict_reason_name(guard->verdict.reason)));
    if (guard->verdict.state == NEST_VERDICT_NONE)
        guard->quiet = (g_get_real_time() - (nest_workers_now() - now) * G_TIME_SPAN_MILLISECOND) /
                       G_USEC_PER_SEC;
    if (probe || guard->watcher)
        guard->probe = guard->watcher ? guard->watcher : probe;
    guard->settled = TRUE;
    if (needs_no_answer(domain, evidence))
        end_unasked(domain);
    decide(domain);
}

/* The watch begins before the sample after which sampling stops, so that no entry is missed between the two. */
static void
watch(NestDomain *domain)
{
    NestDomainGuard *guard = &domain->guard;

    if (guard->watched || nest_domain_runs_nested(domain) ||
        !may_try(domain, &guard->watch_backoff))
        return;
    guard->watcher = nest_entry_watch_add(domain->context->watch, &domain->live->guest);
    guard->watched = guard->watcher != NULL;
    if (guard->watched)
        nest_backoff_reset(&guard->watch_backoff);
    else
        back_off(domain, &guard->watch_backoff);
}

/* @evidence, @probe, @time: what is known without its QEMU. */
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

/* Whether a guest of which nothing is known is at work, and its QEMU is not asked for the sake of others. An idle guest
 * starts no nested guest. */
static gboolean
is_kept_out(const NestDomain *domain, const NestEvidence *evidence)
{
    const NestDomainGuard *guard = &domain->guard;

    return guard->silence.at_work && !guard->silence.since && !evidence->counted &&
           !domain->guarding && !domain->context->stopping &&
           may_try(domain, &guard->sample_backoff);
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
    watch(domain);
    probe = nest_guard_sample_here(domain->context->plugins, &domain->live->guest, &evidence);
    if ((!evidence.counted || nest_verdict_wants_bit(&domain->guard.verdict)) &&
        may_try(domain, &domain->guard.sample_backoff))
        most = nest_domain_silence_limit(domain, FALSE);
    if (most) {
        begin_sample(domain, &evidence, probe, most);
        return;
    }
    take_sample_unasked(domain, &evidence, probe, nest_workers_now());
    if (is_kept_out(domain, &evidence))
        tell_unasked(domain);
}

/* Each answer that cannot be read costs work, so after each the pause before the next question doubles. An answer
 * that can be read resets the pause only if the last one was over a minute ago or more. */
static void
sample_is_done(NestDomain *domain, const NestGuardJob *job)
{
    NestDomainGuard *guard = &domain->guard;
    const GError *error = job->job.error;

    guard->missed_samples = error ? guard->missed_samples + 1 : 0;
    if (guard->missed_samples == NEST_DOMAIN_GUARD_MAX_MISSED)
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_SAMPLE, error);
    if (!error)
        nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_SAMPLE);
    if (g_error_matches(error, NEST_ERROR, NEST_ERROR_MONITOR) ||
        g_error_matches(error, NEST_ERROR, NEST_ERROR_ANSWER))
        back_off(domain, &guard->sample_backoff);
    else if (!error)
        nest_backoff_succeed(&guard->sample_backoff, nest_workers_now());
    take_sample(domain, &job->evidence, job->probe, job->sampled);
}

static void
check_is_done(NestDomain *domain, const NestGuardJob *job)
{
    if (job->job.error) {
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD,
                               job->job.error); /* it is checked again */
        settle_unasked(domain);
        return;
    }
    domain->guard.checked = TRUE;
    nest_domain_log_over(&domain->log, NEST_DOMAIN_LOG_GUARD);
    set_armed(domain, job->armed);
    sample_domain(domain);
}

/* A domain is not armed while an operation that was allowed goes on. Arming is tried again with a later sample. */
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
        back_off(domain, &guard->arm_backoff);
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
    publish(domain);
    guard->checked = !job->unsure;
}

static void
disarm_is_done(NestDomain *domain, const NestGuardJob *job)
{
    NestDomainGuard *guard = &domain->guard;

    set_armed(domain, job->armed);
    if (job->job.error) {
        nest_guard_log_problem(domain, NEST_DOMAIN_LOG_GUARD, job->job.error);
        back_off(domain, &guard->arm_backoff);
        publish(domain); /* and it is tried again with a later sample */
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

/* Stops monitoring a domain whose tag is gone or says migration='allow', once it is disarmed. Its live status then
 * says so. */
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

/* What is wanted is tried again with a later sample. */
static void
work_is_turned_away(NestDomain *domain, const NestGuardJob *job)
{
    if (job->work == nest_guard_sample) {
        take_sample_unasked(domain, &job->evidence, job->probe, job->sampled);
        return;
    }
    tell_unasked(domain);
    settle_unasked(domain);
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
        end_unasked(domain);
        publish_settled(domain);
        settle_unasked(domain);
        return;
    }
    nest_domain_silence_end(domain, job->work == nest_guard_sample && !job->job.error);
    end_unasked(domain);
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
        settle_unasked(domain);
}

/* Whether its nested guests run, and it is armed for as long as they do. */
static gboolean
is_steady(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;

    return guard->watcher && guard->armed && nest_domain_runs_nested(domain) &&
           !nest_verdict_wants_bit(&guard->verdict) && !domain->put_off && !domain->live->has_allow;
}

guint
nest_domain_guard_interval(const NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;

    /* It stays as it is until the kernel tells of an entry, or libvirt of an event of the domain. */
    if (guard->watched && guard->checked && guard->verdict.state == NEST_VERDICT_NONE &&
        !guard->armed && !domain->guarding && !domain->put_off && !domain->live->has_allow)
        return 0;
    return domain->context->config->interval_ms * (is_steady(domain) ? WATCHED_INTERVALS : 1);
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

/* After the guard of a domain has ended, the old live status still says that nested guests run, until it is
 * written anew. */
static gboolean
is_released(const NestDomain *domain)
{
    return domain->guard.published && !domain->guard.monitored;
}

static void
begin(NestDomain *domain)
{
    if (is_released(domain) && !may_be_armed(domain))
        g_clear_pointer(&domain->guard.published, nest_live_status_free);
    if (!domain->live->guarded && (!may_be_armed(domain) || is_released(domain)))
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
    /* The element of virt-nest allow is to be removed, whatever is decided. */
    domain->put_off = TRUE;
    decide(domain);
}
