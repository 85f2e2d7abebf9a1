/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sync: one pass over one domain on a worker. It corrects the definition, and reads the domain if it runs. */
#include "virtnestd/sync_job.h"

/* While the KVM module is absent, libvirt refuses to define a KVM domain. So a definition whose correction failed for this
 * reason needs the module, too: once the module is loaded, all domains are corrected again. */
static void
take_over(NestSyncJob *job, const NestDefinition *definition)
{
    job->corrected = definition ? nest_correct_describe(definition) : NULL;
    job->needs_kvm = definition ? definition->needs_kvm : nest_correct_needs_kvm(job->job.error);
}

static NestCorrector
corrector_of(const NestSyncJob *job)
{
    return (NestCorrector){.control = nest_connection_pool_control(job->job.pool),
                           .tracker = job->tracker,
                           .policy = job->policy};
}

/* The running domain is read even if the definition cannot be corrected: it may be tagged nevertheless, or still be guarded
 * although its tag is gone. */
static void
sync_domain(NestSyncJob *job, virDomainPtr domain)
{
    NestCorrector corrector = corrector_of(job);
    g_autoptr(NestDefinition) definition = NULL;

    if (job->start == NEST_START_NONE ||
        nest_restart_stale(&corrector, domain, job->start, &job->restarted, &job->job.error)) {
        definition = nest_correct_domain(&corrector, domain, &job->job.error);
        take_over(job, definition);
    }
    (void)!nest_live_domain_read(domain, definition, job->policy, job->known, &job->live,
                                 &job->unread);
}

static void
sync_run(NestJob *data, virConnectPtr connection)
{
    NestSyncJob *job = (NestSyncJob *)data;
    g_autoptr(virDomain) domain =
        connection ? virDomainLookupByUUIDString(connection, job->uuid) : NULL;

    if (!connection)
        job->unread = g_steal_pointer(&job->job.error);
    else if (!domain && !nest_virt_domain_is_gone())
        nest_virt_error(&job->unread, "cannot reach it");
    job->name = g_strdup(domain ? virDomainGetName(domain) : job->uuid);
    if (domain)
        sync_domain(job, domain);
}

static void
fresh_run(NestJob *data, virConnectPtr connection)
{
    NestSyncJob *job = (NestSyncJob *)data;
    NestCorrector corrector = corrector_of(job);
    g_autoptr(NestDefinition) definition = NULL;

    if (!connection)
        return;
    definition = nest_correct_fresh(&corrector, connection, job->name, job->uuid, &job->job.error);
    take_over(job, definition);
}

static NestSyncJob *
sync_job_new(NestDefineTracker *tracker, NestPolicy *policy, const char *uuid)
{
    NestSyncJob *job = g_new0(NestSyncJob, 1);

    job->tracker = tracker;
    job->policy = policy ? nest_policy_ref(policy) : NULL;
    job->uuid = g_strdup(uuid);
    return job;
}

NestSyncJob *
nest_sync_job_new(NestDefineTracker *tracker, NestPolicy *policy, const char *uuid)
{
    NestSyncJob *job = sync_job_new(tracker, policy, uuid);

    job->job.run = sync_run;
    return job;
}

NestSyncJob *
nest_sync_job_new_fresh(NestDefineTracker *tracker, NestPolicy *policy, const char *uuid,
                        const char *name)
{
    NestSyncJob *job = sync_job_new(tracker, policy, uuid);

    job->job.run = fresh_run;
    job->name = g_strdup(name);
    return job;
}

void
nest_sync_job_free(NestSyncJob *job)
{
    nest_job_clear(&job->job);
    nest_live_domain_unref(job->live);
    g_clear_error(&job->unread);
    nest_policy_unref(job->policy);
    g_free(job->uuid);
    g_free(job->name);
    g_free(job->corrected);
    g_free(job);
}
