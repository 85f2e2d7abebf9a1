/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard manager: watches running domains for nested guests, and has migration and save refused while
 * nested guests run.
 *
 * Theory of operation: a running domain that is to be guarded is monitored. It is sampled in each interval.
 * Probes that only read files are asked here, on the main loop; others are asked on a worker (guard_job.c). The
 * sample goes into the domain's verdict (common/guard/verdict.c). If verdict and guard disagree, a worker arms
 * or disarms. A domain has at most one job at a time, and a QEMU that does not answer delays no other domain:
 * its worker does not count against the limit. The outcome is published in the domain's live metadata, by the
 * sync that the listener asks for, and by the exports. Nothing else is stored: after a restart of virtnestd or
 * libvirt, a QEMU says itself whether it is armed. */
#include "virtnestd/guard.h"

#include "base/error.h"
#include "base/log.h"
#include "virtnestd/monitored_domain.h"

/* A QEMU that has not answered for so long counts as stuck. */
#define STUCK_MS 3000
/* How old the exports' figures may be. */
#define EXPORT_MS 15000

struct NestGuardManager {
    const NestConfig *config;
    const NestPluginHost *plugins;
    const NestGuardListener *listener;
    gpointer data;            /* for the listener */
    NestConnectionPool *pool; /* where the calls go; NULL while libvirt is away */
    GThreadPool *workers;     /* of NestGuardJob */
    GHashTable *monitored;    /* uuid -> NestMonitoredDomain */
    GHashTable *
        pending_releases; /* uuids of domains whose guard has ended, until their live statuses say so */
    guint working;        /* jobs under way */
    guint stuck;          /* ... those of them whose QEMU does not answer */
    guint timer;          /* the source of the next sample; 0: no monitored domain */
    guint export;         /* the source of the export that is due; 0: none is */
    gint64 exported;      /* when the last export was made */
    gboolean any_armed; /* as the listener knows it */
    gboolean settling;  /* libvirt is back, and not all domains have been synced since */
};

/* --- publishing */

static gboolean
export_now(gpointer data)
{
    NestGuardManager *manager = data;
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(NestDomainStatus));
    const NestLoadedPlugin *loaded = NULL;
    GHashTableIter iter;
    NestMonitoredDomain *monitored = NULL;

    g_hash_table_iter_init(&iter, manager->monitored);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&monitored)) {
        NestDomainStatus row = {&monitored->live->guest, &monitored->verdict,
                                nest_monitored_domain_guard(monitored), monitored->probe,
                                monitored->problem};

        g_array_append_val(rows, row);
    }
    for (guint i = 0; (loaded = nest_plugin_host_get(manager->plugins, NEST_PLUGIN_EXPORT, i));
         i++) {
        g_autoptr(GError) error = NULL;

        if (!loaded->plugin->publish(loaded->state, (const NestDomainStatus *)rows->data, rows->len,
                                     &error))
            nest_log_error(NULL, NULL, error);
    }
    manager->export = 0;
    manager->exported = nest_guard_now();
    return G_SOURCE_REMOVE;
}

static void
export_soon(NestGuardManager *manager)
{
    if (!manager->export)
        manager->export = g_idle_add(export_now, manager);
}

static void
notify_armed(NestGuardManager *manager, gboolean any)
{
    if (any == manager->any_armed)
        return;
    manager->any_armed = any;
    manager->listener->armed(manager->data, any);
}

/* The listener hears that no domain is armed any more when the interval is over. */
static void
set_armed(NestMonitoredDomain *monitored, gboolean armed)
{
    monitored->armed = armed;
    if (armed)
        notify_armed(monitored->manager, TRUE);
}

/* Does nothing while a job is under way for the domain, because its status is about to change. */
static void
publish(NestMonitoredDomain *monitored)
{
    NestGuardManager *manager = monitored->manager;

    if (monitored->job || !monitored->checked ||
        !nest_monitored_domain_show(monitored, nest_guard_now()))
        return;
    export_soon(manager);
    manager->listener->changed(manager->data, monitored->live->guest.uuid);
}

/* --- work */

static gboolean job_is_done(gpointer data);

static void
run_job(gpointer data, gpointer unused)
{
    NestGuardJob *job = data;

    (void)unused;
    nest_guard_job_run(job);
    g_idle_add_full(G_PRIORITY_DEFAULT, job_is_done, job, NULL);
}

/* @job: of new_job() */
static void
push_job(NestMonitoredDomain *monitored, NestGuardJob *job)
{
    monitored->job = job;
    monitored->manager->working++;
    g_thread_pool_push(monitored->manager->workers, job, NULL);
}

static NestGuardJob *
new_job(NestMonitoredDomain *monitored, NestGuardWork work)
{
    NestGuardManager *manager = monitored->manager;
    NestGuardJob *job = nest_guard_job_new(work, manager->plugins, manager->pool, monitored->live);

    job->manager = manager;
    job->owner = monitored;
    job->armed = monitored->armed;
    job->defers_to_job = monitored->lifted;
    job->since = monitored->lifted ? 0 : monitored->quiet;
    return job;
}

static void
begin_job(NestMonitoredDomain *monitored, NestGuardWork work)
{
    push_job(monitored, new_job(monitored, work));
}

/* @evidence, @probe: what is already known of the sample, and from which probe. */
static void
begin_sample(NestMonitoredDomain *monitored, const NestEvidence *evidence, const char *probe)
{
    NestGuardJob *job = new_job(monitored, nest_guard_sample);

    job->evidence = *evidence;
    job->probe = probe;
    job->wants_bit = nest_monitored_domain_wants_bit(monitored);
    push_job(monitored, job);
}

/* Gives the domains whose QEMU answers as many workers as ever. */
static void
allow_workers(NestGuardManager *manager)
{
    guint more = MIN(manager->stuck, NEST_POOL_EXTRA_CONNECTIONS);

    g_thread_pool_set_max_threads(manager->workers, (gint)(NEST_POOL_CONNECTIONS + more), NULL);
    if (manager->pool)
        nest_connection_pool_extend(manager->pool, more);
}

static void
notice_stuck(NestMonitoredDomain *monitored)
{
    g_autoptr(GError) error = NULL;

    if (!monitored->job || monitored->job->stuck || nest_guard_job_took(monitored->job) < STUCK_MS)
        return;
    monitored->job->stuck = TRUE;
    monitored->manager->stuck++;
    allow_workers(monitored->manager);
    if (monitored->manager->stuck == NEST_POOL_CONNECTIONS + NEST_POOL_EXTRA_CONNECTIONS)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "%u domains do not answer: until one of them does, no guard is armed or disarmed",
                 monitored->manager->stuck);
    error =
        g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                    "its QEMU has not answered for %d s: until it does, nothing is known of its "
                    "nested guests, and its guard stays as it is",
                    STUCK_MS / 1000);
    nest_monitored_domain_log_once(monitored, error);
}

/* Arms or disarms as the verdict asks for. */
static void
decide(NestMonitoredDomain *monitored)
{
    if (monitored->job)
        return;
    /* An operation that is under way may have begun while the guard was lifted. */
    monitored->lifted = nest_monitored_domain_is_lifted(monitored) ||
                        (monitored->lifted && !monitored->once_used &&
                         monitored->verdict.state == NEST_VERDICT_RUNNING);
    if (nest_monitored_domain_wants_arms(monitored) && !monitored->armed)
        begin_job(monitored, nest_guard_arm);
    else if (monitored->armed && (nest_monitored_domain_is_lifted(monitored) ||
                                  monitored->verdict.state == NEST_VERDICT_NONE))
        begin_job(monitored, nest_guard_disarm);
    publish(monitored);
}

static void
take_sample(NestMonitoredDomain *monitored, const NestEvidence *evidence, const char *probe,
            gint64 now)
{
    const NestConfig *config = monitored->manager->config;
    NestVerdictRules rules = {config->linger_ms, config->release == NEST_RELEASE_STRICT};

    nest_verdict_add(&monitored->verdict, evidence, &rules, monitored->live->started_ms, now);
    if (monitored->verdict.state == NEST_VERDICT_NONE)
        monitored->quiet =
            (g_get_real_time() - (nest_guard_now() - now) * G_TIME_SPAN_MILLISECOND) /
            G_USEC_PER_SEC;
    if (probe)
        monitored->probe = probe;
    decide(monitored);
}

static void
sample(NestMonitoredDomain *monitored)
{
    const NestPluginHost *plugins = monitored->manager->plugins;
    const NestGuest *guest = &monitored->live->guest;
    NestEvidence evidence = {0};
    const char *probe = NULL;

    notice_stuck(monitored);
    if (monitored->job)
        return;
    probe = nest_guard_sample_here(plugins, guest, &evidence);
    if (evidence.counted && !nest_verdict_wants_bit(&monitored->verdict))
        take_sample(monitored, &evidence, probe, nest_guard_now());
    else
        begin_sample(monitored, &evidence, probe);
}

static void
sample_is_done(NestMonitoredDomain *monitored, const NestGuardJob *job)
{
    const NestGuest *guest = &monitored->live->guest;

    monitored->missed_samples = job->error ? monitored->missed_samples + 1 : 0;
    if (monitored->missed_samples == NEST_MONITORED_DOMAIN_MAX_MISSED_SAMPLES)
        nest_log_error(guest->name, guest->uuid, job->error);
    take_sample(monitored, &job->evidence, job->probe, job->sampled);
}

static void
check_is_done(NestMonitoredDomain *monitored, const NestGuardJob *job)
{
    if (job->error) {
        nest_monitored_domain_log_once(
            monitored, job->error); /* and it is checked again with the next sample */
        return;
    }
    monitored->checked = TRUE;
    set_armed(monitored, job->armed);
    sample(monitored);
}

/* Logs the snapshots with memory that were made before the guard was armed. */
static void
log_late_snapshots(NestMonitoredDomain *monitored, const NestGuardJob *job)
{
    const NestGuest *guest = &monitored->live->guest;
    g_autoptr(GError) error = NULL;

    if (!job->late || monitored->armed)
        return;
    error = g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                        "its snapshot with memory was made before the guard was armed, and may "
                        "hold nested guests (%s): revert to it only on a host with nesting on",
                        job->late);
    nest_log_error(guest->name, guest->uuid, error);
}

/* A domain is not armed while an operation that was allowed goes on. Arming is tried again with the next sample. */
static void
arm_is_done(NestMonitoredDomain *monitored, const NestGuardJob *job)
{
    const NestGuest *guest = &monitored->live->guest;

    monitored->lifted = job->defers_to_job;
    if (job->aborted)
        nest_log_event(NEST_LOG_ABORTED, guest->name, guest->uuid,
                       "its %s was aborted: nested guests began to run while it was under way",
                       job->aborted);
    g_clear_pointer(&monitored->problem, g_free);
    if (job->error) {
        monitored->problem = nest_error_text(job->error);
        nest_monitored_domain_log_once(monitored, job->error);
    } else {
        g_clear_pointer(&monitored->last_warning, g_free);
    }
    if (job->armed && !monitored->armed)
        nest_log_event(NEST_LOG_ARMED, guest->name, guest->uuid,
                       "nested guests run in it (%s): migration and save are refused",
                       nest_monitored_domain_reason(monitored));
    log_late_snapshots(monitored, job);
    set_armed(monitored, job->armed);
    publish(monitored);
    monitored->checked = !job->unsure;
}

static void
disarm_is_done(NestMonitoredDomain *monitored, const NestGuardJob *job)
{
    const NestGuest *guest = &monitored->live->guest;

    if (job->error)
        nest_monitored_domain_log_once(monitored, job->error);
    else
        nest_log_event(
            NEST_LOG_DISARMED, guest->name, guest->uuid, "%s: migration and save are possible",
            nest_monitored_domain_is_lifted(monitored) ? "its guard is lifted by hand"
                                                       : nest_monitored_domain_reason(monitored));
    set_armed(monitored, job->armed);
    if (job->error)
        publish(monitored); /* and it is tried again with the next sample */
    else
        decide(monitored);
}

/* What follows each kind of work, on the main loop. */
static const struct {
    NestGuardWork work;
    void (*done)(NestMonitoredDomain *monitored, const NestGuardJob *job);
} works[] = {
    {nest_guard_sample, sample_is_done},
    {nest_guard_check, check_is_done},
    {nest_guard_arm, arm_is_done},
    {nest_guard_disarm, disarm_is_done},
};

static void drop_if_over(NestMonitoredDomain *monitored);

static gboolean
job_is_done(gpointer data)
{
    NestGuardJob *job = data;
    NestGuardManager *manager = job->manager;
    NestMonitoredDomain *monitored = job->owner;

    manager->working--;
    if (job->stuck) {
        manager->stuck--;
        allow_workers(manager);
    }
    if (job->gone && job->aborted && job->error) /* a guest was faster than its guard */
        nest_log_error(job->live->guest.name, job->live->guest.uuid, job->error);
    if (monitored)
        monitored->job = NULL;
    if (monitored && !job->gone) {
        for (gsize i = 0; i < G_N_ELEMENTS(works); i++)
            if (works[i].work == job->work)
                works[i].done(monitored, job);
        drop_if_over(monitored);
    }
    nest_guard_job_free(job);
    return G_SOURCE_REMOVE;
}

/* --- the monitored domains */

static gboolean interval_is_over(gpointer data);

static void
start_timer(NestGuardManager *manager)
{
    if (!manager->timer)
        manager->timer = g_timeout_add(manager->config->interval_ms, interval_is_over, manager);
}

/* While libvirt is away, and until each domain has been checked anew, a domain that was armed counts as armed. */
static gboolean
interval_is_over(gpointer data)
{
    NestGuardManager *manager = data;
    g_autoptr(GList) all = g_hash_table_get_values(manager->monitored);
    gboolean any = manager->any_armed && manager->settling;

    for (GList *i = all; i; i = i->next) {
        NestMonitoredDomain *monitored = i->data;

        any |= monitored->armed || (manager->any_armed && !monitored->checked);
        if (monitored->checked || monitored->job)
            sample(monitored);
        else
            begin_job(monitored, nest_guard_check);
    }
    if (manager->pool)
        notify_armed(manager, any);
    if (all && nest_guard_now() - manager->exported > EXPORT_MS)
        export_soon(manager);
    manager->timer = 0;
    if (all)
        start_timer(manager);
    return G_SOURCE_REMOVE;
}

static void
remove_monitored(NestGuardManager *manager, const char *uuid)
{
    if (!g_hash_table_remove(manager->monitored, uuid))
        return;
    export_soon(manager);
}

/* Stops monitoring a domain whose tag is gone or says migration='allow', once it is disarmed. */
static void
drop_if_over(NestMonitoredDomain *monitored)
{
    NestGuardManager *manager = monitored->manager;
    g_autofree gchar *uuid = NULL;

    if (monitored->live->guarded || monitored->armed || !monitored->checked || monitored->job)
        return;
    uuid = g_strdup(monitored->live->guest.uuid);
    g_hash_table_add(manager->pending_releases, g_strdup(uuid));
    remove_monitored(manager, uuid);
    manager->listener->changed(manager->data, uuid);
}

/* Whether this virtnestd or an earlier one may have armed the domain. */
static gboolean
may_be_armed(const NestLiveDomain *live)
{
    return live->marked && live->state->live.nested;
}

static void
add_monitored(NestGuardManager *manager, NestLiveDomain *live)
{
    NestMonitoredDomain *monitored = nest_monitored_domain_new(manager, live);

    g_hash_table_remove(manager->pending_releases, live->guest.uuid);
    g_hash_table_insert(manager->monitored, g_strdup(live->guest.uuid), monitored);
    begin_job(monitored, nest_guard_check);
    start_timer(manager);
}

/* After the guard of a domain has ended, the old live status still says that nested guests run, until
 * it is written anew. */
static void
see_new(NestGuardManager *manager, NestLiveDomain *live)
{
    const char *uuid = live->guest.uuid;

    if (!may_be_armed(live))
        g_hash_table_remove(manager->pending_releases, uuid);
    if (manager->pool &&
        (live->guarded ||
         (may_be_armed(live) && !g_hash_table_contains(manager->pending_releases, uuid))))
        add_monitored(manager, live);
}

void
nest_guard_manager_see(NestGuardManager *manager, NestLiveDomain *live)
{
    NestMonitoredDomain *monitored = g_hash_table_lookup(manager->monitored, live->guest.uuid);

    if (monitored && !nest_live_domain_is(monitored->live, live)) {
        remove_monitored(manager, live->guest.uuid);
        monitored = NULL;
    }
    if (!monitored) {
        see_new(manager, live);
        return;
    }
    nest_live_domain_unref(monitored->live);
    monitored->live = nest_live_domain_ref(live);
    monitored->once_used &= live->has_allow;
    decide(monitored);
    drop_if_over(monitored);
}

void
nest_guard_manager_forget(NestGuardManager *manager, const char *uuid)
{
    g_hash_table_remove(manager->pending_releases, uuid);
    remove_monitored(manager, uuid);
}

void
nest_guard_manager_job_transferring(NestGuardManager *manager, const char *uuid)
{
    NestMonitoredDomain *monitored = g_hash_table_lookup(manager->monitored, uuid);

    if (monitored)
        monitored->transferring = TRUE;
}

void
nest_guard_manager_resumed(NestGuardManager *manager, const char *uuid)
{
    NestMonitoredDomain *monitored = g_hash_table_lookup(manager->monitored, uuid);

    if (monitored && monitored->transferring)
        nest_guard_manager_job_ended(manager, uuid);
}

void
nest_guard_manager_job_ended(NestGuardManager *manager, const char *uuid)
{
    NestMonitoredDomain *monitored = g_hash_table_lookup(manager->monitored, uuid);

    if (!monitored)
        return;
    monitored->transferring = FALSE;
    if (!monitored->live->allow.once || monitored->once_used)
        return;
    monitored->once_used = TRUE;
    decide(monitored);
    manager->listener->changed(manager->data, uuid);
}

NestLiveStatus *
nest_guard_manager_live_status(NestGuardManager *manager, const char *uuid,
                               gboolean *ret_allow_is_over)
{
    const NestMonitoredDomain *monitored = g_hash_table_lookup(manager->monitored, uuid);

    *ret_allow_is_over = monitored && monitored->once_used;
    if (g_hash_table_contains(manager->pending_releases, uuid))
        return nest_live_status_new();
    return monitored && monitored->published ? nest_live_status_copy(monitored->published) : NULL;
}

gboolean
nest_guard_manager_is_busy(const NestGuardManager *manager)
{
    return manager->working > 0;
}

void
nest_guard_manager_attach(NestGuardManager *manager, NestConnectionPool *pool)
{
    g_hash_table_remove_all(manager->monitored);
    g_hash_table_remove_all(manager->pending_releases);
    g_clear_pointer(&manager->pool, nest_connection_pool_unref);
    if (pool) {
        manager->pool = nest_connection_pool_ref(pool);
        manager->settling = TRUE;
    }
    allow_workers(manager);
    export_soon(manager);
}

void
nest_guard_manager_settle(NestGuardManager *manager)
{
    manager->settling = FALSE;
    start_timer(manager);
}

NestGuardManager *
nest_guard_manager_new(const NestConfig *config, const NestPluginHost *plugins,
                       const NestGuardListener *listener, gpointer data)
{
    NestGuardManager *manager = g_new0(NestGuardManager, 1);

    manager->config = config;
    manager->plugins = plugins;
    manager->listener = listener;
    manager->data = data;
    manager->monitored =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_monitored_domain_free);
    manager->pending_releases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    manager->workers = g_thread_pool_new(run_job, NULL, NEST_POOL_CONNECTIONS, FALSE, NULL);
    return manager;
}

void
nest_guard_manager_free(NestGuardManager *manager)
{
    if (!manager)
        return;
    nest_guard_manager_attach(manager, NULL);
    g_thread_pool_free(manager->workers, FALSE, TRUE);
    g_clear_handle_id(&manager->timer, g_source_remove);
    g_clear_handle_id(&manager->export, g_source_remove);
    (void)export_now(manager);
    g_hash_table_unref(manager->monitored);
    g_hash_table_unref(manager->pending_releases);
    g_free(manager);
}
