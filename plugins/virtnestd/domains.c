/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's domains: the table of those that have anything to do with virt-nest.
 *
 * Theory of operation: an event of libvirt leads to a sync of its domain (domain.c), which enters the table for that
 * time, and stays there while it is guarded. So the table is empty on a quiet host. Each time libvirt comes, all
 * domains are filtered for those that must be synced (scan.c). The timer of the samples runs while one is due. */
#include "virtnestd/domains.h"

#include "base/error.h"
#include "base/log.h"
#include "domain/domain_xml.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/scan.h"

#include <malloc.h>

/* How many jobs of each kind run at a time, and how many slow ones do not count. The slow ones that
 * do not count are, of all kinds together, fewer than the 20 workers that libvirtd has for all its
 * clients. */
#define SYNC_WORKERS 4
#define SYNC_EXTRA 4
#define PUBLISH_WORKERS 2
#define PUBLISH_EXTRA 2
#define GUARD_WORKERS 4
#define GUARD_EXTRA 12
/* So many domains that do not answer are told of. */
#define CROWD 10
/* How many batches of a scan are filtered at a time: one worker stays free for what happens meanwhile. */
#define MAX_FILTERS (SYNC_WORKERS - 1)
/* After how long a listing that failed is tried again. */
#define RELIST_SECONDS 2
/* How old the exports' figures may be. */
#define EXPORT_MS 15000

struct NestDomains {
    NestDomainContext context;
    GHashTable *table; /* uuid -> NestDomain */
    const NestDomainsListener *listener;
    gpointer data;       /* for it */
    gboolean any_armed;  /* as it was told */
    gboolean settling;   /* libvirt is back, and not all domains have been synced since */
    guint timer;         /* the source of the next samples; 0: none is due */
    gint64 due;          /* ... when that is, CLOCK_MONOTONIC's milliseconds */
    guint export;        /* the source of the export that is due; 0: none is */
    gint64 exported;     /* when the last export was made */
    gboolean scanning;   /* a scan is under way, from its listing to the last sync it led to */
    gboolean scan_again; /* another scan is wanted after this one */
    guint relist;        /* the source of a new listing after one that failed; 0: none */
    NestScan *scan;      /* the scan's domains; NULL while they are listed */
    guint filters;       /* the scan's batches under way */
    guint attached;   /* how often libvirt came or went: a job of a scan belongs to one such time */
    gboolean crowded; /* that too many domains do not answer was logged */
};

/* --- the guards of all domains */

static gboolean
export_now(gpointer data)
{
    NestDomains *domains = data;
    const NestPluginHost *plugins = domains->context.plugins;
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(NestDomainStatus));
    const NestLoadedPlugin *loaded = NULL;
    GHashTableIter iter;
    NestDomain *domain = NULL;

    g_hash_table_iter_init(&iter, domains->table);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&domain)) {
        if (domain->guard.monitored) {
            NestDomainStatus row = {&domain->live->guest, &domain->guard.verdict,
                                    nest_domain_guard_state(domain), domain->guard.probe,
                                    domain->guard.problem};

            g_array_append_val(rows, row);
        }
    }
    for (guint i = 0; (loaded = nest_plugin_host_get(plugins, NEST_PLUGIN_EXPORT, i)); i++) {
        g_autoptr(GError) error = NULL;

        if (!loaded->plugin->publish(loaded->state, (const NestDomainStatus *)rows->data, rows->len,
                                     &error))
            nest_log_error(NULL, NULL, error);
    }
    domains->export = 0;
    domains->exported = nest_workers_now();
    return G_SOURCE_REMOVE;
}

static gboolean interval_is_over(gpointer data);

/* @interval: in milliseconds, at most so long */
static void
start_timer_of(NestDomains *domains, guint interval)
{
    gint64 due = nest_workers_now() + interval;

    if (domains->timer && domains->due <= due)
        return;
    g_clear_handle_id(&domains->timer, g_source_remove);
    domains->due = due;
    domains->timer = g_timeout_add(interval, interval_is_over, domains);
}

static void
start_timer(NestDomains *domains)
{
    start_timer_of(domains, domains->context.config->interval_ms);
}

static void
show_guards(gpointer data)
{
    NestDomains *domains = data;

    if (!domains->export)
        domains->export = g_idle_add(export_now, domains);
}

static void
tell_armed(NestDomains *domains, gboolean any)
{
    if (any == domains->any_armed)
        return;
    domains->any_armed = any;
    domains->listener->armed(domains->data, any);
}

/* That no domain is armed any more is told when the interval is over. */
static void
one_is_armed(gpointer data)
{
    tell_armed(data, TRUE);
}

/* Logs once that the QEMUs that do not answer are so many that others are not asked. */
static void
log_crowded(NestDomains *domains)
{
    guint slow = nest_workers_slow(domains->context.guards);

    if (slow >= CROWD && !domains->crowded)
        nest_log(
            G_LOG_LEVEL_WARNING, NULL, NULL,
            "%u domains do not answer: until some of them do, a further domain whose QEMU has not "
            "answered yet is asked for nested guests only if it is at work; virsh domcontrol "
            "DOMAIN tells which they are",
            slow);
    domains->crowded = slow >= CROWD;
}

/* Half an interval is tolerance, because the timer is that of all domains. */
static gboolean
is_due(const NestDomain *domain, gint64 now)
{
    guint interval = nest_domain_guard_interval(domain);

    return interval &&
           now + domain->context->config->interval_ms / 2 >= domain->guard.ticked_at + interval;
}

/* @least: the interval of those before, 0: none; and what the domain makes of it. */
static guint
least_interval(guint least, const NestDomain *domain)
{
    guint interval = nest_domain_guard_interval(domain);

    return interval && least ? MIN(interval, least) : interval + least;
}

/* While libvirt is away, and until each domain has been checked anew, a domain that was armed counts as armed. */
static gboolean
interval_is_over(gpointer data)
{
    NestDomains *domains = data;
    g_autoptr(GList) all = g_hash_table_get_values(domains->table);
    gboolean any = domains->any_armed && domains->settling;
    gint64 now = nest_workers_now();
    guint interval = 0;

    domains->timer = 0;
    for (GList *i = all; i; i = i->next) {
        NestDomain *domain = i->data;
        const NestDomainGuard *guard = &domain->guard;

        if (!guard->monitored)
            continue;
        any |= guard->armed || (domains->any_armed && !guard->checked);
        if (is_due(domain, now))
            nest_domain_guard_tick(domain);
        interval = least_interval(interval, domain);
    }
    log_crowded(domains);
    if (nest_workers_are_attached(domains->context.guards))
        tell_armed(domains, any);
    if (interval && now - domains->exported > EXPORT_MS)
        show_guards(domains);
    if (interval)
        start_timer_of(domains, interval);
    return G_SOURCE_REMOVE;
}

static void
one_has_entered(gpointer data, gint64 pid)
{
    NestDomains *domains = data;
    GHashTableIter iter;
    NestDomain *domain = NULL;

    g_hash_table_iter_init(&iter, domains->table);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&domain))
        if (domain->guard.monitored && domain->live->guest.pid == pid)
            nest_domain_guard_entered(domain);
    start_timer(domains);
}

/* --- scans */

/* One step of a scan on its way through a worker and back. */
typedef struct {
    NestJob job; /* first */
    NestDomains *domains;
    guint attached;   /* as it was when the step began */
    NestScan *scan;   /* all domains; found by the listing */
    guint batch;      /* of them */
    GPtrArray *uuids; /* found: domains that must be synced */
} ScanJob;

static void
scan_job_free(ScanJob *job)
{
    nest_job_clear(&job->job);
    nest_scan_unref(job->scan);
    g_clear_pointer(&job->uuids, g_ptr_array_unref);
    g_free(job);
}

static void
push_scan_job(NestDomains *domains, void (*run)(NestJob *job, virConnectPtr connection),
              void (*done)(NestJob *job), guint batch)
{
    ScanJob *job = g_new0(ScanJob, 1);

    job->job.run = run;
    job->job.done = done;
    job->domains = domains;
    job->attached = domains->attached;
    job->scan = domains->scan ? nest_scan_ref(domains->scan) : NULL;
    job->batch = batch;
    nest_workers_push(domains->context.syncs, &job->job);
}

/* All non-slow syncs are over: what a slow one will find cannot be waited for. */
static void
end_scan(NestDomains *domains)
{
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "looked at %u domains", nest_scan_length(domains->scan));
    g_clear_pointer(&domains->scan, nest_scan_unref);
    domains->scanning = FALSE;
    (void)malloc_trim(0); /* many domains took much memory for a moment */
    if (domains->scan_again)
        nest_domains_scan(domains);
}

static void
end_scan_if_over(gpointer data)
{
    NestDomains *domains = data;
    const NestWorkers *syncs = domains->context.syncs;
    guint left = nest_workers_under_way(syncs) - nest_workers_slow(syncs);

    if (domains->scan && !domains->filters && !domains->context.stopping && left == 0)
        end_scan(domains);
    if (domains->settling && !domains->scanning && !domains->relist &&
        nest_workers_under_way(syncs) == 0) {
        domains->settling = FALSE;
        start_timer(domains);
    }
}

static void
filter_run(NestJob *data, virConnectPtr connection)
{
    ScanJob *job = (ScanJob *)data;

    if (connection)
        job->uuids = nest_scan_filter(job->scan, job->batch, connection);
}

static void filter_more(NestDomains *domains);

static void
batch_is_filtered(NestJob *data)
{
    ScanJob *job = (ScanJob *)data;
    NestDomains *domains = job->domains;

    if (job->attached == domains->attached) {
        domains->filters--;
        for (guint i = 0; job->uuids && i < job->uuids->len; i++)
            nest_domain_sync(nest_domains_get(domains, g_ptr_array_index(job->uuids, i)),
                             NEST_START_NONE);
        filter_more(domains);
    }
    scan_job_free(job);
}

static void
filter_more(NestDomains *domains)
{
    guint batch = 0;

    while (domains->filters < MAX_FILTERS && !domains->context.stopping &&
           nest_scan_take(domains->scan, &batch)) {
        domains->filters++;
        push_scan_job(domains, filter_run, batch_is_filtered, batch);
    }
}

static void
list_run(NestJob *data, virConnectPtr connection)
{
    ScanJob *job = (ScanJob *)data;

    if (connection)
        job->scan = nest_scan_new(connection, &job->job.error);
}

static gboolean
scan_once_more(gpointer data)
{
    NestDomains *domains = data;

    domains->relist = 0;
    nest_domains_scan(domains);
    return G_SOURCE_REMOVE;
}

static void
take_list(NestDomains *domains, ScanJob *job)
{
    domains->scanning = job->scan != NULL;
    if (job->job.error)
        nest_log_error(NULL, NULL, job->job.error);
    if (job->scan) {
        domains->scan = g_steal_pointer(&job->scan);
        filter_more(domains);
    } else if (!domains->relist) {
        domains->relist = g_timeout_add_seconds(RELIST_SECONDS, scan_once_more, domains);
    }
}

static void
domains_are_listed(NestJob *data)
{
    ScanJob *job = (ScanJob *)data;

    if (job->attached == job->domains->attached)
        take_list(job->domains, job);
    scan_job_free(job);
}

void
nest_domains_scan(NestDomains *domains)
{
    if (!nest_workers_are_attached(domains->context.syncs) || domains->context.stopping)
        return;
    if (domains->scan && !domains->filters) {
        /* Only syncs are left of the old scan, and one of them may wait for long. */
        g_clear_pointer(&domains->scan, nest_scan_unref);
        domains->scanning = FALSE;
    }
    domains->scan_again = domains->scanning;
    if (domains->scanning)
        return;
    domains->scanning = TRUE;
    push_scan_job(domains, list_run, domains_are_listed, 0);
}

/* --- the table */

NestDomain *
nest_domains_get(NestDomains *domains, const char *uuid)
{
    NestDomain *domain = g_hash_table_lookup(domains->table, uuid);

    if (!domain) {
        domain = nest_domain_new(&domains->context, uuid);
        g_hash_table_insert(domains->table, domain->uuid, domain);
    }
    return domain;
}

/* A job of the domain has ended: it leaves the table unless it is still needed there. */
static void
let_rest(gpointer data, NestDomain *domain)
{
    NestDomains *domains = data;

    if (domain->guard.monitored)
        start_timer(domains);
    if (nest_domain_is_idle(domain))
        g_hash_table_remove(domains->table, domain->uuid);
}

static void
needs_kvm(gpointer data)
{
    NestDomains *domains = data;

    domains->listener->needs_kvm(domains->data);
}

NestDomains *
nest_domains_new(const NestConfig *config, const NestPluginHost *plugins,
                 const NestDomainsListener *listener, gpointer data)
{
    static const NestDomainListener own = {show_guards, one_is_armed, needs_kvm, let_rest};
    NestDomains *domains = g_new0(NestDomains, 1);

    domains->context = (NestDomainContext){
        .config = config,
        .plugins = plugins,
        .tracker = nest_define_tracker_new(),
        .syncs = nest_workers_new(SYNC_WORKERS, SYNC_EXTRA),
        .publish = nest_workers_new(PUBLISH_WORKERS, PUBLISH_EXTRA),
        .guards = nest_workers_new(GUARD_WORKERS, GUARD_EXTRA),
        .watch = nest_entry_watch_new(plugins, one_has_entered, domains),
        .listener = &own,
        .data = domains,
    };
    nest_workers_watch(domains->context.syncs, end_scan_if_over, domains);
    domains->listener = listener;
    domains->data = data;
    domains->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, nest_domain_free);
    return domains;
}

void
nest_domains_free(NestDomains *domains)
{
    if (!domains)
        return;
    nest_domains_detach(domains);
    nest_workers_free(domains->context.syncs);
    nest_workers_free(domains->context.publish);
    nest_workers_free(domains->context.guards);
    g_clear_handle_id(&domains->timer, g_source_remove);
    g_clear_handle_id(&domains->export, g_source_remove);
    (void)export_now(domains);
    g_hash_table_unref(domains->table);
    nest_entry_watch_free(domains->context.watch);
    nest_define_tracker_free(domains->context.tracker);
    g_free(domains);
}

static void
attach_workers(NestDomains *domains, virConnectPtr control, const char *uri)
{
    domains->attached++;
    nest_workers_attach(domains->context.syncs, control, uri);
    nest_workers_attach(domains->context.publish, control, uri);
    nest_workers_attach(domains->context.guards, control, uri);
}

void
nest_domains_attach(NestDomains *domains, virConnectPtr control, const char *uri)
{
    attach_workers(domains, control, uri);
    domains->settling = TRUE;
    nest_domains_scan(domains);
}

void
nest_domains_detach(NestDomains *domains)
{
    attach_workers(domains, NULL, NULL);
    g_clear_pointer(&domains->scan, nest_scan_unref);
    g_clear_handle_id(&domains->relist, g_source_remove);
    domains->scanning = FALSE;
    domains->filters = 0;
    g_hash_table_remove_all(domains->table);
    show_guards(domains);
}

/* --- events */

/* The events after which a domain may differ from what its tag asks for, each with what it tells of
 * a start. When a domain boots, RESUMED comes before STARTED, with the same detail as after a pause
 * (facts.md, "Events"), and tells nothing more, but some milliseconds earlier. */
static const struct {
    int event;
    int detail; /* -1: any */
    NestStart start;
    gboolean only_to_restart; /* only with on-stale=restart, which is to stop the domain early */
} events[] = {
    {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED, NEST_START_SEEN, FALSE},
    {VIR_DOMAIN_EVENT_STARTED, -1, NEST_START_NONE, FALSE},
    {VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED, NEST_START_PERHAPS, TRUE},
    {VIR_DOMAIN_EVENT_RESUMED, -1, NEST_START_PERHAPS, FALSE},
};

static gboolean
takes_events(const NestDomains *domains)
{
    return nest_workers_are_attached(domains->context.syncs) && !domains->context.stopping;
}

static void
run_is_over(NestDomains *domains, const char *uuid)
{
    NestDomain *domain = g_hash_table_lookup(domains->table, uuid);

    domains->listener->stopped(domains->data);
    if (!domain)
        return;
    nest_domain_forget_run(domain);
    if (domain->sync)
        domain->sync_again = TRUE; /* it has read a run that is over by now */
    let_rest(domains, domain);
}

static void
sync_after_event(NestDomains *domains, const char *uuid, int event, int detail)
{
    gboolean restarts = domains->context.config->on_stale == NEST_ON_STALE_RESTART;

    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        if (events[i].event == event && (events[i].detail == -1 || events[i].detail == detail)) {
            if (restarts || !events[i].only_to_restart)
                nest_domain_sync(nest_domains_get(domains, uuid), events[i].start);
            return;
        }
    }
}

void
nest_domains_lifecycle(NestDomains *domains, virDomainPtr domain, int event, int detail)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    NestDomain *known = g_hash_table_lookup(domains->table, uuid);

    nest_define_tracker_add_event(domains->context.tracker, domain, event, detail);
    if (!takes_events(domains))
        return;
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        run_is_over(domains, uuid);
    else if (event == VIR_DOMAIN_EVENT_RESUMED && known)
        nest_domain_guard_resumed(known);
    if (event == VIR_DOMAIN_EVENT_DEFINED)
        nest_domain_sync_fresh(nest_domains_get(domains, uuid), virDomainGetName(domain));
    sync_after_event(domains, uuid, event, detail);
}

void
nest_domains_metadata(NestDomains *domains, virDomainPtr domain, const char *uri)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    NestDomain *known = g_hash_table_lookup(domains->table, uuid);

    if (!takes_events(domains) ||
        (!g_str_equal(uri, NEST_TAG_NAMESPACE) && !g_str_equal(uri, NEST_STATE_NAMESPACE) &&
         !g_str_equal(uri, NEST_ALLOW_NAMESPACE)))
        return;
    if (!known || !g_str_equal(uri, NEST_STATE_NAMESPACE) || !nest_domain_is_echo(known))
        nest_domain_sync_fresh(nest_domains_get(domains, uuid), virDomainGetName(domain));
    else
        let_rest(domains, known);
}

void
nest_domains_job_transferring(NestDomains *domains, const char *uuid)
{
    NestDomain *domain = g_hash_table_lookup(domains->table, uuid);

    if (domain && domain->guard.monitored)
        nest_domain_guard_job_transferring(domain);
}

void
nest_domains_job_ended(NestDomains *domains, const char *uuid)
{
    NestDomain *domain = g_hash_table_lookup(domains->table, uuid);

    if (domain && domain->guard.monitored)
        nest_domain_guard_job_ended(domain);
}

void
nest_domains_stop(NestDomains *domains)
{
    domains->context.stopping = TRUE;
}

gboolean
nest_domains_are_busy(const NestDomains *domains)
{
    const NestDomainContext *context = &domains->context;

    return nest_workers_under_way(context->syncs) || nest_workers_under_way(context->publish) ||
           nest_workers_under_way(context->guards);
}
