/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard manager's work for one domain that a worker does, because it waits for libvirt: sample,
 * check, arm, disarm. */
#include "virtnestd/guard_job.h"

#include "base/error.h"
#include "virt/virt.h"
#include "virtnestd/late_snapshots.h"

gint64
nest_guard_now(void)
{
    return g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND;
}

NestGuardJob *
nest_guard_job_new(NestGuardWork work, const NestPluginHost *plugins, NestConnectionPool *pool,
                   NestLiveDomain *live)
{
    NestGuardJob *job = g_new0(NestGuardJob, 1);

    job->work = work;
    job->plugins = plugins;
    job->pool = nest_connection_pool_ref(pool);
    job->live = nest_live_domain_ref(live);
    job->waited = -1;
    job->made = nest_guard_now();
    return job;
}

void
nest_guard_job_free(NestGuardJob *job)
{
    nest_connection_pool_unref(job->pool);
    nest_live_domain_unref(job->live);
    g_clear_error(&job->error);
    g_free(job->aborted);
    g_free(job->late);
    g_free(job);
}

static gboolean
runs_still(virDomainPtr domain, const NestLiveDomain *live)
{
    return (int)virDomainGetID(domain) == live->guest.id && !nest_virt_has_stopped(domain);
}

gint64
nest_guard_job_took(const NestGuardJob *job)
{
    gint waited = g_atomic_int_get(&job->waited);

    return waited < 0 ? 0 : nest_guard_now() - job->made - waited;
}

void
nest_guard_job_run(NestGuardJob *job)
{
    virConnectPtr connection = nest_connection_pool_acquire(job->pool);
    g_autoptr(virDomain) domain = NULL;

    job->sampled = nest_guard_now();
    g_atomic_int_set(&job->waited, (gint)(job->sampled - job->made));
    domain = virDomainLookupByUUIDString(connection, job->live->guest.uuid);
    if (domain) {
        if (runs_still(domain, job->live))
            job->work(job, domain);
        job->gone = !runs_still(domain, job->live);
    } else if (nest_virt_domain_is_gone()) {
        job->gone = TRUE;
    } else {
        nest_virt_error(&job->error, "cannot reach it");
    }
    nest_connection_pool_release(job->pool, connection);
}

/* Whether the sample lacks what the probe gives. */
static gboolean
is_wanted(const NestLoadedPlugin *loaded, const NestEvidence *evidence, gboolean wants_bit)
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
        if (loaded->plugin->local && is_wanted(loaded, evidence, FALSE) &&
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
        if (loaded->plugin->local || !is_wanted(loaded, &job->evidence, job->wants_bit) ||
            !nest_loaded_plugin_applies(loaded, guest))
            continue;
        g_clear_error(&job->error);
        if (loaded->plugin->sample(loaded->state, guest, domain, &job->evidence, &job->error) &&
            !job->probe)
            job->probe = loaded->plugin->name;
    }
    if (!job->evidence.counted && job->evidence.bit == NEST_BIT_UNKNOWN && !job->error)
        g_set_error(
            &job->error, NEST_ERROR, NEST_ERROR_PLUGIN,
            "no probe is loaded that can tell whether nested guests run in it: see [plugins] in "
            "virt-nest.conf(5)");
    job->sampled = nest_guard_now();
}

/* Without a guard plugin, no domain is armed. */
void
nest_guard_check(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0;
         !job->error && (loaded = nest_plugin_host_get(job->plugins, NEST_PLUGIN_GUARD, i)); i++) {
        gboolean armed = FALSE;

        if (loaded->plugin->is_armed(loaded->state, &job->live->guest, domain, &armed, &job->error))
            job->armed |= armed;
    }
}

static const NestLoadedPlugin *
guard_plugin(NestGuardJob *job, guint i)
{
    const NestLoadedPlugin *loaded = nest_plugin_host_get(job->plugins, NEST_PLUGIN_GUARD, i);

    if (!loaded && i == 0)
        g_set_error(&job->error, NEST_ERROR, NEST_ERROR_GUARD,
                    "no guard is loaded: see [plugins] in virt-nest.conf(5)");
    return loaded;
}

/* If arming failed, a guard may be armed all the same, for example if QEMU's answer was lost. */
static void
check_what_is_left(NestGuardJob *job, virDomainPtr domain)
{
    g_autoptr(GError) problem = g_steal_pointer(&job->error);

    nest_guard_check(job, domain);
    job->unsure = job->error != NULL;
    g_clear_error(&job->error);
    job->error = g_steal_pointer(&problem);
}

/* One plugin that arms is enough for the domain to count as armed. The error of another is reported all the same. */
void
nest_guard_arm(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    job->defers_to_job = job->defers_to_job && nest_virt_is_busy(domain);
    if (job->defers_to_job)
        return;
    for (guint i = 0; !job->error && (loaded = guard_plugin(job, i)); i++)
        if (loaded->plugin->arm(loaded->state, &job->live->guest, domain, &job->aborted,
                                &job->error))
            job->armed = TRUE;
    if (job->error)
        check_what_is_left(job, domain);
    else if (job->since)
        job->late = nest_late_snapshots(domain, job->since);
}

void
nest_guard_disarm(NestGuardJob *job, virDomainPtr domain)
{
    const NestLoadedPlugin *loaded = NULL;

    for (guint i = 0; !job->error && (loaded = guard_plugin(job, i)); i++)
        loaded->plugin->disarm(loaded->state, &job->live->guest, domain, &job->error);
    job->armed = job->error != NULL;
}
