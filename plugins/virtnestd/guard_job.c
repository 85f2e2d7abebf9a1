/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard's work for one domain that waits for libvirt, and so runs on a worker: sample, check, arm, disarm. */
#include "virtnestd/guard_job.h"

#include "base/error.h"
#include "host/process.h"
#include "virt/virt.h"
#include "virtnestd/late_snapshots.h"

NestGuardJob *
nest_guard_job_new(NestGuardWork work, const NestPluginHost *plugins, NestLiveDomain *live)
{
    NestGuardJob *job = g_new0(NestGuardJob, 1);

    job->job.run = nest_guard_job_run;
    job->work = work;
    job->plugins = plugins;
    job->live = nest_live_domain_ref(live);
    return job;
}

void
nest_guard_job_free(NestGuardJob *job)
{
    nest_job_clear(&job->job);
    nest_live_domain_unref(job->live);
    g_free(job->aborted);
    g_free(job->late);
    g_free(job);
}

/* (transfer full)(nullable) The domain, if it is still in the same run; NULL without an error if it is not. */
static virDomainPtr
look_up_same_run(virConnectPtr connection, const NestLiveDomain *live, GError **error)
{
    virDomainPtr domain = virDomainLookupByUUIDString(connection, live->guest.uuid);

    if (!domain && !nest_virt_domain_is_gone())
        nest_virt_error(error, "cannot reach it");
    if (!domain || (int)virDomainGetID(domain) == live->guest.id)
        return domain;
    virDomainFree(domain);
    return NULL;
}

/* Each look-up shows in which run the domain is. So the second look-up shows whether the work was done in the intended run. */
void
nest_guard_job_run(NestJob *data, virConnectPtr connection)
{
    NestGuardJob *job = (NestGuardJob *)data;
    g_autoptr(virDomain) domain = NULL;
    g_autoptr(virDomain) after = NULL;
    g_autofree gchar *process = NULL;
    g_autoptr(GError) error = NULL;

    job->sampled = nest_workers_now();
    domain = connection ? look_up_same_run(connection, job->live, &job->job.error) : NULL;
    if (!domain) {
        job->gone = !job->job.error;
        return;
    }
    /* A stopped QEMU does not answer, and libvirt would wait for it for ever. */
    process = nest_live_domain_process(job->live);
    job->stopped = nest_process_is_stopped(process);
    if (job->stopped)
        return;
    job->work(job, domain);
    after = look_up_same_run(connection, job->live, &error);
    job->gone = !after && !error;
}

/* Whether the sample lacks what the probe gives. */
static gboolean
is_probe_wanted(const NestLoadedPlugin *loaded, const NestEvidence *evidence, gboolean wants_bit)
{
    if (loaded->plugin->counts)
        return !evidence->counted;
    return wants_bit && evidence->bit == NEST_BIT_UNKNOWN;
}

const char *
nest_guard_sample_here(const NestPluginHost *plugins, const NestGuest *guest,
                       NestEvidence *evidence)
{
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0; (loaded = nest_plugin_host_get(plugins, NEST_PLUGIN_PROBE, i)); i++)
        if (loaded->plugin->local && is_probe_wanted(loaded, evidence, FALSE) &&
            nest_loaded_plugin_applies(loaded, guest) &&
            loaded->plugin->sample(loaded->state, guest, NULL, evidence, NULL))
            return loaded->plugin->name;
    return NULL;
}

void
nest_guard_sample(NestGuardJob *job, virDomainPtr domain)
{
    const NestGuest *guest = &job->live->guest;
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0; (loaded = nest_plugin_host_get(job->plugins, NEST_PLUGIN_PROBE, i)); i++) {
        if (loaded->plugin->local || !is_probe_wanted(loaded, &job->evidence, job->wants_bit) ||
            !nest_loaded_plugin_applies(loaded, guest))
            continue;
        g_clear_error(&job->job.error);
        if (loaded->plugin->sample(loaded->state, guest, domain, &job->evidence, &job->job.error) &&
            !job->probe)
            job->probe = loaded->plugin->name;
    }
    if (!job->evidence.counted && job->evidence.bit == NEST_BIT_UNKNOWN && !job->job.error)
        g_set_error(
            &job->job.error, NEST_ERROR, NEST_ERROR_PLUGIN,
            "no probe is loaded that can tell whether nested guests run in it: see [plugins] in "
            "virt-nest.conf(5)");
    job->sampled = nest_workers_now();
}

/* Without a guard plugin, no domain is armed. */
void
nest_guard_check(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0;
         !job->job.error && (loaded = nest_plugin_host_get(job->plugins, NEST_PLUGIN_GUARD, i));
         i++) {
        gboolean armed = FALSE;

        if (loaded->plugin->is_armed(loaded->state, &job->live->guest, domain, &armed,
                                     &job->job.error))
            job->armed |= armed;
    }
}

static const NestLoadedPlugin *
guard_plugin(NestGuardJob *job, guint i)
{
    const NestLoadedPlugin *loaded = nest_plugin_host_get(job->plugins, NEST_PLUGIN_GUARD, i);

    if (!loaded && i == 0)
        g_set_error(&job->job.error, NEST_ERROR, NEST_ERROR_GUARD,
                    "no guard is loaded: see [plugins] in virt-nest.conf(5)");
    return loaded;
}

/* If arming failed, the domain may be armed nevertheless, for example because QEMU's answer was lost. */
static void
check_what_is_left(NestGuardJob *job, virDomainPtr domain)
{
    g_autoptr(GError) problem = g_steal_pointer(&job->job.error);

    nest_guard_check(job, domain);
    job->unsure = job->job.error != NULL;
    g_clear_error(&job->job.error);
    job->job.error = g_steal_pointer(&problem);
}

/* If one plugin arms, the domain counts as armed. The error of another plugin is reported nevertheless. */
void
nest_guard_arm(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    job->defers_to_job = job->defers_to_job && nest_virt_is_busy(domain);
    if (job->defers_to_job)
        return;
    for (guint i = 0; !job->job.error && (loaded = guard_plugin(job, i)); i++)
        if (loaded->plugin->arm(loaded->state, &job->live->guest, domain, &job->aborted,
                                &job->job.error))
            job->armed = TRUE;
    job->armed_at = g_get_monotonic_time();
    if (job->job.error)
        check_what_is_left(job, domain);
    else if (job->since)
        job->late = nest_late_snapshots(domain, job->since);
}

void
nest_guard_disarm(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0; !job->job.error && (loaded = guard_plugin(job, i)); i++)
        loaded->plugin->disarm(loaded->state, &job->live->guest, domain, &job->job.error);
    job->armed = job->job.error != NULL;
}
