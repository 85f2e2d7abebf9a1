/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain: all that virtnestd knows about it and is to do for it.
 *
 * Theory of operation: a domain has at most one job of each kind. A sync corrects its definition and reads it. A fresh
 * sync corrects a definition that was just written. A publish job writes its live status. A guard job samples, arms or
 * disarms (domain_guard.c). Both kinds of syncs share workers and connections; publish jobs and guard jobs have their own,
 * so that no kind of work holds up another. An event during a job leads to one more job after it. What fails is tried
 * again, after longer and longer pauses. libvirt also reports virtnestd's own changes of the live status; such an event
 * is ignored. */
#include "virtnestd/domain.h"

#include "base/error.h"
#include "base/log.h"
#include "host/kvm_module.h"

/* The pause after a failure: it begins with the first of these and doubles each time, up to one of the others. */
#define RETRY_FIRST_MS 1000
#define RETRY_BUSY_MS 4000  /* the most, while libvirt does a job with the domain */
#define RETRY_MOST_MS 60000 /* the most in all other cases */
/* After how long the domain counts as locked, if a sync of it is still under way. A sync usually takes 2 or 3 ms. */
#define LOCKED_AFTER_MS 5
/* The event about our own change comes together with libvirt's answer. A later event than this is somebody else's change. */
#define ECHO_MS 10000

NestDomain *
nest_domain_new(const NestDomainContext *context, const char *uuid)
{
    NestDomain *domain = g_new0(NestDomain, 1);

    domain->context = context;
    domain->uuid = g_strdup(uuid);
    return domain;
}

static void
retry_stop(NestRetry *retry)
{
    g_clear_handle_id(&retry->timer, g_source_remove);
    retry->pause_ms = 0;
}

static void
retry_later(NestRetry *retry, guint most_ms, GSourceFunc try, NestDomain *domain)
{
    retry->pause_ms = CLAMP(retry->pause_ms * 2, RETRY_FIRST_MS, most_ms);
    if (!retry->timer)
        retry->timer = g_timeout_add(retry->pause_ms, try, domain);
}

const char *
nest_domain_name(const NestDomain *domain)
{
    return domain->live ? domain->live->guest.name : domain->uuid;
}

void
nest_domain_back_off(const NestDomain *domain, NestBackoff *backoff)
{
    nest_backoff_fail(backoff, domain->context->config->interval_ms, nest_workers_now());
}

gboolean
nest_domain_may_try(const NestDomain *domain, const NestBackoff *backoff)
{
    return nest_backoff_is_over(backoff, domain->context->config->interval_ms, nest_workers_now());
}

/* --- syncs */

static gboolean
sync_pause_is_over(gpointer data)
{
    NestDomain *domain = data;

    domain->sync_retry.timer = 0;
    nest_domain_sync(domain, NEST_START_NONE);
    return G_SOURCE_REMOVE;
}

static void
log_corrected(const NestSyncJob *job)
{
    if (job->corrected)
        nest_log(G_LOG_LEVEL_MESSAGE, job->name, job->uuid, "%s", job->corrected);
}

static void
log_outcome(const NestSyncJob *job)
{
    log_corrected(job);
    if (job->restarted)
        nest_log(
            G_LOG_LEVEL_MESSAGE, job->name, job->uuid,
            "it started with a stale definition: it was stopped, and started again with the corrected one");
    if (job->job.error)
        nest_log_error(job->name, job->uuid, job->job.error);
}

/* Whether the correction failed because the KVM module was not ready, but the module is ready now. */
static gboolean
came_too_early(const NestSyncJob *job)
{
    NestKvmModule module = {0};

    if (!nest_correct_needs_kvm(job->job.error))
        return FALSE;
    module = nest_kvm_module_read();
    return nest_kvm_module_can_nest(&module);
}

static void
take_sync(NestDomain *domain, const NestSyncJob *job)
{
    const NestDomainContext *context = domain->context;

    log_outcome(job);
    domain->sync_again |= came_too_early(job);
    if (job->needs_kvm)
        context->listener->needs_kvm(context->data);
    if (job->unread) {
        nest_domain_log_problem(&domain->log, NEST_DOMAIN_LOG_SYNC, job->name, job->uuid,
                                job->unread);
        retry_later(&domain->sync_retry, RETRY_MOST_MS, sync_pause_is_over, domain);
        return;
    }
    retry_stop(&domain->sync_retry);
    nest_domain_log_well(&domain->log, NEST_DOMAIN_LOG_SYNC);
    if (job->live)
        nest_domain_see(domain, job->live);
    else
        nest_domain_forget_run(domain);
}

static void
rest(NestDomain *domain)
{
    domain->context->listener->rest(domain->context->data, domain);
}

/* If something happened during the sync, its findings may be out of date; but then the next sync follows at once. */
static void
sync_is_done(NestJob *data)
{
    NestSyncJob *job = (NestSyncJob *)data;
    NestDomain *domain = job->owner;

    if (domain) {
        domain->sync = NULL;
        take_sync(domain, job);
        if (domain->sync_again)
            nest_domain_sync(domain, domain->start_again);
        rest(domain);
    } else if (job->job.error && job->start != NEST_START_NONE) {
        /* The domain is forgotten. A failed restart may have left it stopped, so that is logged. Any
         * other error comes from libvirt being gone, which is in the log already. */
        log_outcome(job);
    }
    nest_sync_job_free(job);
}

void
nest_domain_sync(NestDomain *domain, NestStart start)
{
    const NestDomainContext *context = domain->context;

    if (context->stopping)
        return;
    if (domain->sync || domain->fresh) {
        domain->sync_again = TRUE;
        domain->start_again = MAX(domain->start_again, start);
        return;
    }
    domain->sync_again = FALSE;
    domain->start_again = NEST_START_NONE;
    domain->sync = nest_sync_job_new(context->tracker, context->policy, domain->uuid);
    domain->sync->owner = domain;
    domain->sync->job.done = sync_is_done;
    domain->sync->start =
        context->config->on_stale == NEST_ON_STALE_RESTART ? start : NEST_START_NONE;
    domain->sync->known = domain->guard.monitored;
    nest_workers_push(context->syncs, &domain->sync->job);
}

/* The whole sync follows, and logs what is wrong. */
static void
fresh_is_done(NestJob *data)
{
    NestSyncJob *job = (NestSyncJob *)data;
    NestDomain *domain = job->owner;

    if (domain) {
        domain->fresh = NULL;
        if (domain->sync)
            log_outcome(job);
        else
            log_corrected(job);
        if (job->needs_kvm)
            domain->context->listener->needs_kvm(domain->context->data);
        if (!job->peeks || job->job.error || job->corrected || domain->sync_again)
            nest_domain_sync(domain, domain->sync ? NEST_START_NONE : domain->start_again);
        else
            rest(domain);
    }
    nest_sync_job_free(job);
}

static void
begin_fresh(NestDomain *domain, const char *name)
{
    if (domain->context->stopping)
        return;
    domain->fresh = nest_sync_job_new_fresh(domain->context->tracker, domain->context->policy,
                                            domain->uuid, name);
    domain->fresh->owner = domain;
    domain->fresh->job.done = fresh_is_done;
    nest_workers_push(domain->context->syncs, &domain->fresh->job);
}

/* Called some milliseconds after the definition or tag has changed. If the sync from before still runs, libvirt probably
 * holds the domain locked, because the domain is starting. */
static gboolean
may_be_locked(gpointer data)
{
    NestDomain *domain = data;

    domain->locked_timer = 0;
    if (domain->sync && !domain->fresh)
        begin_fresh(domain, domain->fresh_name);
    return G_SOURCE_REMOVE;
}

void
nest_domain_peek(NestDomain *domain, const char *name)
{
    gboolean busy = domain->sync || domain->fresh;

    nest_domain_sync_fresh(domain, name);
    if (!busy && domain->fresh)
        domain->fresh->peeks = TRUE;
}

void
nest_domain_sync_fresh(NestDomain *domain, const char *name)
{
    if (!domain->sync && !domain->fresh) {
        begin_fresh(domain, name);
        return;
    }
    nest_domain_sync(domain, NEST_START_NONE);
    g_free(domain->fresh_name);
    domain->fresh_name = g_strdup(name);
    if (domain->sync && !domain->locked_timer)
        domain->locked_timer =
            g_timeout_add_full(G_PRIORITY_HIGH, LOCKED_AFTER_MS, may_be_locked, domain, NULL);
}

/* --- the run */

static gboolean
publish_pause_is_over(gpointer data)
{
    NestDomain *domain = data;

    domain->publish_retry.timer = 0;
    nest_domain_publish(domain);
    rest(domain);
    return G_SOURCE_REMOVE;
}

static void
take_published(NestDomain *domain, NestPublishJob *job)
{
    if (job->writes && !job->wrote)
        domain->echoes -= MIN(domain->echoes, 1);
    if (job->wrote) {
        g_free(domain->element);
        domain->element = g_steal_pointer(&job->element);
    }
    if (job->gone)
        return;
    if (job->job.error)
        nest_domain_log_problem(&domain->log, NEST_DOMAIN_LOG_PUBLISH, nest_domain_name(domain),
                                domain->uuid, job->job.error);
    if (job->job.error || job->unanswered || job->busy) {
        retry_later(&domain->publish_retry, job->busy ? RETRY_BUSY_MS : RETRY_MOST_MS,
                    publish_pause_is_over, domain);
        return;
    }
    domain->forgotten |= job->forgets;
    retry_stop(&domain->publish_retry);
    nest_domain_log_well(&domain->log, NEST_DOMAIN_LOG_PUBLISH);
    nest_domain_publish(domain); /* what has changed meanwhile */
}

static void
publish_is_done(NestJob *data)
{
    NestPublishJob *job = (NestPublishJob *)data;
    NestDomain *domain = job->owner;

    if (domain) {
        domain->publishing = NULL;
        take_published(domain, job);
        rest(domain);
    }
    nest_publish_job_free(job);
}

/* Whether the permission of virt-nest allow is over, so that its element is to be removed. */
static gboolean
allow_is_over(const NestDomain *domain)
{
    const NestLiveDomain *live = domain->live;
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;

    return live->has_allow && !domain->forgotten &&
           (domain->guard.once_used || domain->guard.once_over || live->arrived ||
            !nest_allow_holds(&live->allow, now));
}

static void
begin_publishing(NestDomain *domain, gchar *element, gboolean writes, gboolean forgets)
{
    NestPublishJob *job = nest_publish_job_new(domain->live);

    job->owner = domain;
    job->job.done = publish_is_done;
    job->element = element;
    job->writes = writes;
    job->forgets = forgets;
    domain->publishing = job;
    domain->echoes += writes;
    domain->wrote_at = nest_workers_now();
    nest_workers_push(domain->context->publish, &job->job);
}

/* Puts the work off during a guard job, because its outcome is about to change the status. And if that job waits for a QEMU
 * that does not answer, libvirt would let a change of the live XML wait as well. */
void
nest_domain_publish(NestDomain *domain)
{
    const NestDomainGuard *guard = &domain->guard;
    g_autofree gchar *element = NULL;
    gboolean writes = FALSE;
    gboolean forgets = FALSE;

    if (!domain->live || domain->context->stopping)
        return;
    domain->put_off = domain->publishing || domain->guarding || domain->publish_retry.timer ||
                      (guard->monitored && !guard->settled);
    if (domain->put_off)
        return;
    element = nest_publish_element(domain->live, guard->published);
    writes = g_strcmp0(domain->element, element) != 0;
    forgets = allow_is_over(domain);
    if (writes || forgets)
        begin_publishing(domain, g_steal_pointer(&element), writes, forgets);
}

void
nest_domain_publish_changed(NestDomain *domain)
{
    retry_stop(&domain->publish_retry);
    nest_domain_publish(domain);
}

gboolean
nest_domain_is_echo(NestDomain *domain)
{
    if (!domain->echoes || nest_workers_now() - domain->wrote_at > ECHO_MS)
        return FALSE;
    domain->echoes--;
    return TRUE;
}

void
nest_domain_see(NestDomain *domain, NestLiveDomain *live)
{
    if (domain->live && !nest_live_domain_is(domain->live, live))
        nest_domain_forget_run(domain);
    nest_live_domain_unref(domain->live);
    domain->live = nest_live_domain_ref(live);
    domain->forgotten = FALSE;
    if (!domain->publishing) {
        g_free(domain->element);
        domain->element = nest_state_format(live->state, FALSE);
    }
    retry_stop(&domain->publish_retry);
    nest_domain_guard_see(domain);
    nest_domain_publish(domain);
}

void
nest_domain_forget_run(NestDomain *domain)
{
    if (domain->publishing)
        domain->publishing->owner = NULL;
    domain->publishing = NULL;
    nest_domain_guard_clear(domain);
    retry_stop(&domain->publish_retry);
    g_clear_pointer(&domain->live, nest_live_domain_unref);
    g_clear_pointer(&domain->element, g_free);
    domain->echoes = 0;
}

gboolean
nest_domain_is_idle(const NestDomain *domain)
{
    return !domain->sync && !domain->fresh && !domain->publishing && !domain->guarding &&
           !domain->sync_retry.timer && !domain->publish_retry.timer && !domain->echoes &&
           !domain->guard.monitored;
}

void
nest_domain_free(gpointer data)
{
    NestDomain *domain = data;

    if (domain->sync)
        domain->sync->owner = NULL;
    if (domain->fresh)
        domain->fresh->owner = NULL;
    nest_domain_forget_run(domain);
    retry_stop(&domain->sync_retry);
    g_clear_handle_id(&domain->locked_timer, g_source_remove);
    nest_domain_log_clear(&domain->log);
    g_free(domain->fresh_name);
    g_free(domain->uuid);
    g_free(domain);
}
