/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the host's domains that have to do with virt-nest.
 *
 * Theory of operation: a libvirt event leads to a sync of its domain (domain.c). The domain is in the table during the sync,
 * and while it is guarded. So the table is empty on a quiet host. After each connection to libvirt, all domains are
 * filtered for those that must be synced (scanner.c). The samples' timer runs only while a sample is due. */
#include "virtnestd/domains.h"

#include "base/error.h"
#include "base/log.h"
#include "domain/domain_xml.h"
#include "host/libvirt_daemon.h"
#include "virtnestd/domain_status.h"
#include "virtnestd/scanner.h"

/* How many jobs of each kind run at a time (WORKERS), and how many slow jobs may run beside them (EXTRA). Together these are
 * 16, because libvirtd has 20 workers for all its clients. If its settings give it more or fewer workers, GUARD_EXTRA changes
 * by the difference. Workers of libvirtd above MOST_SERVER_WORKERS do not count. */
#define MOST_SERVER_WORKERS 84
#define SYNC_WORKERS 4
#define SYNC_EXTRA 1
#define PUBLISH_WORKERS 2
#define PUBLISH_EXTRA 0
#define GUARD_WORKERS 3
#define GUARD_EXTRA 6
/* If this many domains do not answer, the log says so. */
#define CROWD 3
/* How many batches of a scan are filtered at a time: one worker stays free for what happens meanwhile. */
#define MAX_FILTERS (SYNC_WORKERS - 1)
/* How old exported figures may become while a domain is sampled, and otherwise. By their age a reader sees whether virtnestd
 * runs. */
#define EXPORT_MS 15000
#define EXPORT_LEAST_SECONDS 60

struct NestDomains {
    NestDomainContext context;
    GHashTable *table; /* uuid -> NestDomain */
    NestScanner *scanner;
    NestHookWatch *hook;
    gboolean watches_hook; /* libvirt is qemu:///system, whose hook leaves the time of its calls */
    const NestDomainsListener *listener;
    gpointer data;      /* for it */
    gboolean any_armed; /* as armed() has reported it */
    gboolean settling;  /* libvirt is back, and not all domains have been synced since */
    guint timer;        /* the source of the next samples; 0: none is due */
    gint64 due;         /* ... when that is, CLOCK_MONOTONIC's milliseconds */
    guint export;       /* the source of the export that is due; 0: none is */
    guint
        heartbeat; /* the source of the exports that are due without any change; 0: nobody exports */
    gint64 exported;  /* when the last export was made */
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
                                    nest_domain_guard_problem(domain)};

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
notify_armed(NestDomains *domains, gboolean any)
{
    if (any == domains->any_armed)
        return;
    domains->any_armed = any;
    domains->listener->armed(domains->data, any);
}

/* When the last domain is disarmed, this is reported only at the end of the interval. */
static void
one_is_armed(gpointer data)
{
    notify_armed(data, TRUE);
}

/* Logs once that so many QEMUs do not answer that others may not be asked. */
static void
log_crowded(NestDomains *domains)
{
    guint stuck = nest_workers_stuck(domains->context.guards);
    gboolean crowded = (int)stuck >= MAX(CROWD + domains->context.spare_workers, 1);

    if (crowded && !domains->crowded)
        nest_log(
            G_LOG_LEVEL_WARNING, NULL, NULL,
            "%u domains do not answer: until some of them do, others may not be asked whether nested "
            "guests run in them, first of all those whose guests are idle; virsh domcontrol DOMAIN "
            "shows whether DOMAIN answers; a larger max_workers in the settings of libvirt's daemon "
            "lets virtnestd ask more (virtnestd(8))",
            stuck);
    domains->crowded = crowded;
}

/* Whether a sample is due. It may come half an interval early, because all domains share one timer. */
static gboolean
is_due(const NestDomain *domain, gint64 now)
{
    guint interval = nest_domain_guard_interval(domain);

    return interval &&
           now + domain->context->config->interval_ms / 2 >= domain->guard.ticked_at + interval;
}

/* While libvirt is away, and until each domain has been checked anew, a domain that was armed counts as armed. */
static gboolean
interval_is_over(gpointer data)
{
    NestDomains *domains = data;
    g_autoptr(GList) all = g_hash_table_get_values(domains->table);
    gboolean any = domains->any_armed && domains->settling;
    gint64 now = nest_workers_now();
    guint interval = 0, own = 0;

    domains->timer = 0;
    for (GList *i = all; i; i = i->next) {
        NestDomain *domain = i->data;
        const NestDomainGuard *guard = &domain->guard;

        if (!guard->monitored)
            continue;
        any |= guard->armed || (domains->any_armed && !guard->checked);
        if (is_due(domain, now))
            nest_domain_guard_tick(domain);
        own = nest_domain_guard_interval(domain);
        interval = own && interval ? MIN(own, interval) : own + interval; /* 0: no sample is due */
    }
    log_crowded(domains);
    if (nest_workers_are_attached(domains->context.guards))
        notify_armed(domains, any);
    if (interval && now - domains->exported > EXPORT_MS)
        show_guards(domains);
    if (interval)
        start_timer_of(domains, interval);
    return G_SOURCE_REMOVE;
}

static void
one_has_entered(gpointer data, gint64 pid, gint64 time)
{
    NestDomains *domains = data;
    GHashTableIter iter;
    NestDomain *domain = NULL;

    g_hash_table_iter_init(&iter, domains->table);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&domain))
        if (domain->guard.monitored && domain->live->guest.pid == pid)
            nest_domain_guard_entered(domain, time);
    start_timer(domains);
}

static gboolean
export_again(gpointer data)
{
    NestDomains *domains = data;

    if (nest_workers_now() - domains->exported > EXPORT_MS)
        show_guards(domains);
    return G_SOURCE_CONTINUE;
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
    if (domain->live && domain->live->tagged)
        nest_hook_watch_tagged(domains->hook, domain->uuid);
    if (nest_domain_is_idle(domain))
        g_hash_table_remove(domains->table, domain->uuid);
}

static void
needs_kvm(gpointer data)
{
    NestDomains *domains = data;

    domains->listener->needs_kvm(domains->data);
}

static void
notify_unjudged(gpointer data, const NestUnjudged *unjudged)
{
    NestDomains *domains = data;

    domains->listener->unjudged(domains->data, unjudged);
}

static void
sync_found(gpointer data, const char *uuid)
{
    nest_domain_sync(nest_domains_get(data, uuid), NEST_START_NONE);
}

static void
syncs_have_changed(gpointer data)
{
    NestDomains *domains = data;

    nest_scanner_end_if_over(domains->scanner);
    if (domains->settling && !nest_scanner_is_busy(domains->scanner) &&
        nest_workers_under_way(domains->context.syncs) == 0) {
        domains->settling = FALSE;
        start_timer(domains);
    }
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
    nest_workers_watch(domains->context.syncs, syncs_have_changed, domains);
    domains->scanner = nest_scanner_new(domains->context.syncs, MAX_FILTERS, sync_found, domains);
    domains->hook = nest_hook_watch_new(notify_unjudged, domains);
    domains->listener = listener;
    domains->data = data;
    domains->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, nest_domain_free);
    if (nest_plugin_host_get(plugins, NEST_PLUGIN_EXPORT, 0))
        domains->heartbeat = g_timeout_add_seconds(EXPORT_LEAST_SECONDS, export_again, domains);
    return domains;
}

void
nest_domains_set_server_workers(NestDomains *domains, guint n)
{
    int spare = (int)MIN(n, MOST_SERVER_WORKERS) - NEST_LIBVIRT_WORKERS;

    domains->context.spare_workers = spare;
    nest_workers_set_extra(domains->context.guards, (guint)MAX(GUARD_EXTRA + spare, 0));
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
    nest_scanner_free(domains->scanner);
    g_clear_handle_id(&domains->timer, g_source_remove);
    g_clear_handle_id(&domains->export, g_source_remove);
    g_clear_handle_id(&domains->heartbeat, g_source_remove);
    (void)export_now(domains);
    g_hash_table_unref(domains->table);
    nest_hook_watch_free(domains->hook);
    nest_policy_unref(domains->context.policy);
    nest_entry_watch_free(domains->context.watch);
    nest_define_tracker_free(domains->context.tracker);
    g_free(domains);
}

/* Jobs that are under way keep the old policy. The caller begins a scan afterwards. */
void
nest_domains_set_policy(NestDomains *domains, NestPolicy *policy)
{
    nest_policy_unref(domains->context.policy);
    domains->context.policy = nest_policy_ref(policy);
    nest_scanner_set_policy(domains->scanner, policy);
}

static void
attach_workers(NestDomains *domains, virConnectPtr control, const char *uri)
{
    nest_workers_attach(domains->context.syncs, control, uri);
    nest_workers_attach(domains->context.publish, control, uri);
    nest_workers_attach(domains->context.guards, control, uri);
}

void
nest_domains_attach(NestDomains *domains, virConnectPtr control, const char *uri)
{
    attach_workers(domains, control, uri);
    domains->watches_hook = g_str_equal(uri, NEST_VIRT_SYSTEM_URI);
    domains->settling = TRUE;
    nest_scanner_begin(domains->scanner);
}

void
nest_domains_detach(NestDomains *domains)
{
    attach_workers(domains, NULL, NULL);
    nest_scanner_cancel(domains->scanner);
    nest_hook_watch_clear(domains->hook);
    g_hash_table_remove_all(domains->table);
    show_guards(domains);
}

void
nest_domains_scan(NestDomains *domains)
{
    nest_scanner_begin(domains->scanner);
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
    nest_hook_watch_stopped(domains->hook, uuid);
    if (!domain)
        return;
    nest_domain_forget_run(domain);
    if (domain->sync)
        domain->sync_again =
            TRUE; /* the sync that is under way may have read the run that has ended */
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
    nest_log(G_LOG_LEVEL_DEBUG, virDomainGetName(domain), uuid, "libvirt's event %d, detail %d",
             event, detail);
    if (!takes_events(domains))
        return;
    if (event == VIR_DOMAIN_EVENT_STARTED && domains->watches_hook)
        nest_hook_watch_started(domains->hook, uuid, virDomainGetName(domain));
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        run_is_over(domains, uuid);
    else if (event == VIR_DOMAIN_EVENT_RESUMED && known)
        nest_domain_guard_resumed(known);
    if (event == VIR_DOMAIN_EVENT_DEFINED)
        nest_domain_sync_fresh(nest_domains_get(domains, uuid), virDomainGetName(domain));
    sync_after_event(domains, uuid, event, detail);
}

/* An element of another namespace may have been meant to be the tag. The sync then logs the mistake. */
void
nest_domains_metadata(NestDomains *domains, virDomainPtr domain, const char *uri)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    NestDomain *known = g_hash_table_lookup(domains->table, uuid);

    if (!takes_events(domains))
        return;
    nest_log(G_LOG_LEVEL_DEBUG, virDomainGetName(domain), uuid, "its metadata of %s changed", uri);
    if (known && g_str_equal(uri, NEST_ALLOW_NAMESPACE))
        nest_domain_guard_allowed(known);
    if (!g_str_equal(uri, NEST_TAG_NAMESPACE) && !g_str_equal(uri, NEST_STATE_NAMESPACE) &&
        !g_str_equal(uri, NEST_ALLOW_NAMESPACE))
        nest_domain_peek(nest_domains_get(domains, uuid), virDomainGetName(domain));
    else if (!known || !g_str_equal(uri, NEST_STATE_NAMESPACE) || !nest_domain_is_echo(known))
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
    nest_scanner_stop(domains->scanner);
}

gboolean
nest_domains_are_busy(const NestDomains *domains)
{
    const NestDomainContext *context = &domains->context;

    return nest_workers_under_way(context->syncs) || nest_workers_under_way(context->publish) ||
           nest_workers_under_way(context->guards);
}
