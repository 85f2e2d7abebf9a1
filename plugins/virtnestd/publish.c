/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The live status: says in a running domain's live XML whether nested guests run in this guest, and what its guard does. */
#include "virtnestd/publish.h"

#include "virt/virt.h"

gchar *
nest_publish_element(const NestLiveDomain *live, const NestLiveStatus *status)
{
    g_autoptr(NestState) state = nest_state_new();

    if (status || live->marked)
        nest_live_status_set(&state->live, status ? status : &live->state->live);
    if (!live->tagged && !state->live.nested)
        return NULL;
    nest_state_set_persistent(state, live->state);
    g_free(state->live.uuid);
    g_free(state->live.qemu);
    state->live.uuid = g_strdup(live->guest.uuid);
    state->live.qemu = g_strdup(live->qemu);
    return nest_state_format(state, FALSE);
}

/* @element: (nullable) NULL removes it. */
static gboolean
set_element(virDomainPtr domain, const char *element, const char *prefix, const char *uri,
            GError **error)
{
    return nest_virt_set_metadata(domain, element, prefix, uri, VIR_DOMAIN_AFFECT_LIVE,
                                  "cannot write into the running domain's metadata", error);
}

void
nest_publish(NestPublishJob *job, virDomainPtr domain)
{
    job->unanswered = nest_virt_unanswered_ms(domain);
    if (job->unanswered >= NEST_PUBLISH_UNANSWERED_MS)
        return;
    job->unanswered = 0;
    job->busy = nest_virt_is_busy(domain);
    if (job->busy)
        return;
    job->wrote = job->writes && set_element(domain, job->element, "neststate", NEST_STATE_NAMESPACE,
                                            &job->job.error);
    if (job->forgets && !job->job.error)
        (void)set_element(domain, NULL, NEST_ALLOW_PREFIX, NEST_ALLOW_NAMESPACE, &job->job.error);
    job->gone = job->job.error && nest_virt_has_stopped(domain);
}

static void
publish_run(NestJob *data, virConnectPtr connection)
{
    NestPublishJob *job = (NestPublishJob *)data;
    g_autoptr(virDomain) domain =
        connection ? virDomainLookupByUUIDString(connection, job->live->guest.uuid) : NULL;

    if (domain && (int)virDomainGetID(domain) == job->live->guest.id)
        nest_publish(job, domain);
    else if (domain || (connection && nest_virt_domain_is_gone()))
        job->gone = TRUE;
    else if (connection)
        nest_virt_error(&job->job.error, "cannot reach it");
}

NestPublishJob *
nest_publish_job_new(NestLiveDomain *live)
{
    NestPublishJob *job = g_new0(NestPublishJob, 1);

    job->job.run = publish_run;
    job->live = nest_live_domain_ref(live);
    return job;
}

void
nest_publish_job_free(NestPublishJob *job)
{
    nest_job_clear(&job->job);
    nest_live_domain_unref(job->live);
    g_free(job->element);
    g_free(job);
}
