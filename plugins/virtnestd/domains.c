/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's domains: which must be synced, and the syncs under way.
 *
 * Theory of operation: an event only says that a domain must be synced. A sync is one pass over one domain on a
 * worker thread. It corrects the definition, and writes the live status if the domain runs. It restarts the
 * domain if the start was faster than the correction and the settings say so. A domain has at most one sync at
 * a time; events that come meanwhile lead to one more sync after it. A fresh definition or tag gets a first
 * sync of its own, which asks libvirt nothing about the domain (nest_correct_fresh). While a domain starts,
 * libvirt answers no call about it, and a call that waits would delay the define until after the next start.
 * This first sync also runs beside a sync that hangs. The table holds only domains with a sync under way, so it
 * is empty on a quiet host. Each time libvirt comes, all domains are filtered for those that must be synced
 * (scan.c). Workers touch nothing of this file but their own Sync; all else happens on the main loop. */
#include "virtnestd/domains.h"

#include "base/error.h"
#include "base/log.h"
#include "domain/domain_xml.h"
#include "virt/correct.h"
#include "virtnestd/connection_pool.h"
#include "virtnestd/publish.h"
#include "virtnestd/restart.h"
#include "virtnestd/scan.h"

#include <malloc.h>

/* How many calls a scan makes at a time: one connection stays free for what happens meanwhile. */
#define MAX_FILTERS (NEST_POOL_CONNECTIONS - 1)
/* How long a domain that is being saved or migrated is left alone before the next sync. */
#define BUSY_PAUSE_SECONDS 1
/* After how long a listing that failed is tried again. */
#define RELIST_SECONDS 2
/* After how long the domain counts as locked, if a sync of it is still under way. A sync usually takes 2 or 3 ms. */
#define LOCKED_AFTER_MS 5

struct NestDomains {
    const NestConfig *config;   /* the settings in force */
    NestHost *host;             /* its KVM module */
    NestGuardManager *manager;  /* of running domains */
    NestConnectionPool *pool;   /* where the calls go; NULL while libvirt is away */
    NestDefineTracker *tracker; /* over domains that come back */
    GThreadPool *workers;       /* of Sync */
    GHashTable *entries;        /* uuid -> Entry */
    GHashTable *unmarked;       /* uuids of running domains whose live status was not written */
    guint syncing;              /* syncs under way */
    gboolean scanning;       /* a scan is under way, from its listing to the last sync it led to */
    gboolean scan_again;     /* another scan is wanted after this one */
    NestScan *scan;          /* the scan's domains; NULL while they are listed */
    guint filters;           /* the scan's batches under way */
    gboolean stopping;       /* begin nothing new */
    GSourceFunc when_idle;   /* called once stopping and nothing is under way */
    gpointer when_idle_data; /* for it */
};

/* A domain with a sync under way. */
typedef struct {
    gboolean again;  /* something happened since the sync began */
    NestStart start; /* whether that was a start */
} Entry;

typedef struct Kind Kind;

/* One sync on its way through a worker and back. */
typedef struct {
    const Kind *kind;         /* what is synced */
    NestDomains *domains;     /* for the way back */
    NestConnectionPool *pool; /* a reference of its own */
    virConnectPtr work;       /* where its calls go; while it runs */
    gchar *uuid;              /* the domain's */
    NestStart start;          /* a start was seen, and on-stale=restart is set */
    NestLiveStatus *status;   /* the live status that the guard wants; NULL: none */
    gboolean allow_over;      /* the guard wants virt-nest allow's element removed */
    NestLiveDomain *live;     /* the running domain; found */
    gchar *name;              /* the domain's name; found, unless it is locked */
    NestScan *scan;           /* all domains; found by the listing */
    guint batch;              /* of them */
    gchar *done;              /* found: what was done, for the log */
    gboolean restarted;       /* ... it was restarted */
    gboolean busy;            /* ... it must be synced again soon */
    GPtrArray *uuids;         /* ... domains that must be synced */
    GError *unmarked; /* ... why its live status could not be read or written; tried again */
    GError *error;    /* ... what went wrong */
} Sync;

/* What a sync does. */
struct Kind {
    void (*run)(Sync *sync);        /* on a worker */
    void (*done)(const Sync *sync); /* then on the main loop, unless libvirt went away meanwhile */
};

static void
sync_free(Sync *sync)
{
    nest_connection_pool_unref(sync->pool);
    nest_scan_unref(sync->scan);
    g_clear_pointer(&sync->uuids, g_ptr_array_unref);
    g_clear_error(&sync->error);
    g_clear_error(&sync->unmarked);
    nest_live_status_free(sync->status);
    nest_live_domain_unref(sync->live);
    g_free(sync->uuid);
    g_free(sync->name);
    g_free(sync->done);
    g_free(sync);
}

static void
list_domains(Sync *sync)
{
    sync->scan = nest_scan_new(sync->work, &sync->error);
}

static void
filter_domains(Sync *sync)
{
    sync->uuids = nest_scan_filter(sync->scan, sync->batch, sync->work);
}

/* On the main loop. */
static gboolean
want_host(gpointer host)
{
    nest_host_want(host);
    return G_SOURCE_REMOVE;
}

/* The host's module is loaded anew only after the define, because libvirt refuses a define while
 * the module is unloaded. */
static void
take_over(Sync *sync, const NestDefinition *definition)
{
    sync->done = definition ? nest_correct_describe(definition) : NULL;
    if (definition && definition->needs_kvm)
        g_idle_add_full(G_PRIORITY_DEFAULT, want_host, sync->domains->host, NULL);
}

static void
sync_domain(Sync *sync)
{
    NestCorrector corrector = {nest_connection_pool_control(sync->pool), sync->domains->tracker};
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(sync->work, sync->uuid);
    g_autoptr(NestDefinition) definition = NULL;

    if (!domain && !nest_virt_domain_is_gone())
        nest_virt_error(&sync->unmarked, "cannot reach it");
    sync->name = g_strdup(domain ? virDomainGetName(domain) : sync->uuid);
    if (!domain)
        return;
    if (sync->start == NEST_START_NONE ||
        nest_restart_stale(&corrector, domain, sync->start, &sync->restarted, &sync->error)) {
        definition = nest_correct_domain(&corrector, domain, &sync->error);
        take_over(sync, definition);
    }
    /* This is done even if the definition cannot be corrected. The running domain may be tagged all the
     * same, or still be monitored, though its tag is gone and its live status could not be written. */
    if (nest_live_domain_read(domain, definition, sync->status != NULL, &sync->live,
                              &sync->unmarked) &&
        sync->live)
        nest_publish_live_status(domain, sync->live, sync->status, sync->allow_over, &sync->busy,
                                 &sync->unmarked);
}

static void
correct_fresh(Sync *sync)
{
    NestCorrector corrector = {nest_connection_pool_control(sync->pool), sync->domains->tracker};
    g_autoptr(NestDefinition) definition =
        nest_correct_fresh(&corrector, sync->work, sync->name, sync->uuid, &sync->error);

    take_over(sync, definition);
}

static gboolean sync_is_done(gpointer data);

static void
run_sync(gpointer data, gpointer unused)
{
    Sync *sync = data;

    (void)unused;
    sync->work = nest_connection_pool_acquire(sync->pool);
    sync->kind->run(sync);
    nest_connection_pool_release(sync->pool, g_steal_pointer(&sync->work));
    g_idle_add_full(G_PRIORITY_DEFAULT, sync_is_done, sync, NULL);
}

static Sync *
sync_new(NestDomains *domains, const Kind *kind, const char *uuid)
{
    Sync *sync = g_new0(Sync, 1);

    sync->kind = kind;
    sync->domains = domains;
    sync->pool = nest_connection_pool_ref(domains->pool);
    sync->uuid = g_strdup(uuid);
    return sync;
}

static void
push_sync(Sync *sync)
{
    sync->domains->syncing++;
    g_thread_pool_push(sync->domains->workers, sync, NULL);
}

static const Kind whole_sync;
static const Kind fresh_sync;
static const Kind locked_sync;

/* Syncs a domain: now, or after the sync that is under way. */
static void
want_sync(NestDomains *domains, const char *uuid, NestStart start)
{
    Entry *entry = g_hash_table_lookup(domains->entries, uuid);
    Sync *sync = NULL;

    if (domains->stopping || !domains->pool)
        return;
    if (entry) {
        entry->again = TRUE;
        entry->start = MAX(entry->start, start);
        return;
    }
    g_hash_table_insert(domains->entries, g_strdup(uuid), g_new0(Entry, 1));
    sync = sync_new(domains, &whole_sync, uuid);
    sync->start = domains->config->on_stale == NEST_ON_STALE_RESTART ? start : NEST_START_NONE;
    sync->status = nest_guard_manager_live_status(domains->manager, uuid, &sync->allow_over);
    push_sync(sync);
}

/* What a timer needs to know of a domain. */
typedef struct {
    NestDomains *domains;
    gchar *uuid;
    gchar *name;
} Later;

static void
later_free(gpointer data)
{
    Later *later = data;

    g_free(later->uuid);
    g_free(later->name);
    g_free(later);
}

static Later *
later_new(NestDomains *domains, const char *uuid, const char *name)
{
    Later *later = g_new0(Later, 1);

    later->domains = domains;
    later->uuid = g_strdup(uuid);
    later->name = g_strdup(name);
    return later;
}

static gboolean
busy_pause_is_over(gpointer data)
{
    Later *later = data;

    want_sync(later->domains, later->uuid, NEST_START_NONE);
    return G_SOURCE_REMOVE;
}

/* The sync that was under way when the definition or tag changed is still under way: the domain is starting. */
static gboolean
it_is_locked(gpointer data)
{
    Later *later = data;
    NestDomains *domains = later->domains;
    Sync *sync = NULL;

    if (domains->stopping || !domains->pool ||
        !g_hash_table_contains(domains->entries, later->uuid))
        return G_SOURCE_REMOVE;
    sync = sync_new(domains, &locked_sync, later->uuid);
    sync->name = g_strdup(later->name);
    push_sync(sync);
    return G_SOURCE_REMOVE;
}

/* The definition, or metadata in it, has just been written. */
static void
want_fresh_sync(NestDomains *domains, const char *uuid, const char *name)
{
    Sync *sync = NULL;

    if (domains->stopping || !domains->pool)
        return;
    if (g_hash_table_contains(domains->entries, uuid)) {
        want_sync(domains, uuid, NEST_START_NONE);
        g_timeout_add_full(G_PRIORITY_HIGH, LOCKED_AFTER_MS, it_is_locked,
                           later_new(domains, uuid, name), later_free);
        return;
    }
    g_hash_table_insert(domains->entries, g_strdup(uuid), g_new0(Entry, 1));
    sync = sync_new(domains, &fresh_sync, uuid);
    sync->name = g_strdup(name);
    push_sync(sync);
}

static void
log_done(const Sync *sync)
{
    if (sync->done)
        nest_log(G_LOG_LEVEL_MESSAGE, sync->name, sync->uuid, "%s", sync->done);
}

static void
log_outcome(const Sync *sync)
{
    log_done(sync);
    if (sync->restarted)
        nest_log(
            G_LOG_LEVEL_MESSAGE, sync->name, sync->uuid,
            "it started with a stale definition: it was stopped, and started again with the corrected one");
    if (sync->error)
        nest_log_error(sync->name, sync->uuid, sync->error);
}

/* Logs the problem once, until the domain is well again. */
static void
log_unmarked(const Sync *sync)
{
    GHashTable *unmarked = sync->domains->unmarked;

    if (!sync->unmarked)
        g_hash_table_remove(unmarked, sync->uuid);
    else if (g_hash_table_add(unmarked, g_strdup(sync->uuid)))
        nest_log_error(sync->name, sync->uuid, sync->unmarked);
}

static void
domain_is_done(const Sync *sync)
{
    NestDomains *domains = sync->domains;
    Entry *entry = g_hash_table_lookup(domains->entries, sync->uuid);
    Entry left = entry ? *entry : (Entry){0};

    log_outcome(sync);
    log_unmarked(sync);
    if (sync->live)
        nest_guard_manager_see(domains->manager, sync->live);
    else if (!sync->unmarked)
        nest_guard_manager_forget(domains->manager, sync->uuid);
    g_hash_table_remove(domains->entries, sync->uuid);
    if (left.again)
        want_sync(domains, sync->uuid, left.start);
    else if (sync->busy || sync->unmarked)
        g_timeout_add_seconds_full(G_PRIORITY_DEFAULT, BUSY_PAUSE_SECONDS, busy_pause_is_over,
                                   later_new(domains, sync->uuid, NULL), later_free);
}

/* The whole sync follows, and logs what is wrong. */
static void
fresh_is_done(const Sync *sync)
{
    NestDomains *domains = sync->domains;
    const Entry *entry = g_hash_table_lookup(domains->entries, sync->uuid);
    NestStart start = entry ? entry->start : NEST_START_NONE;

    log_done(sync);
    g_hash_table_remove(domains->entries, sync->uuid);
    want_sync(domains, sync->uuid, start);
}

static const Kind filtering;

static void
filter_more(NestDomains *domains)
{
    guint batch = 0;

    while (domains->filters < MAX_FILTERS && !domains->stopping &&
           nest_scan_take(domains->scan, &batch)) {
        Sync *sync = sync_new(domains, &filtering, NULL);

        sync->scan = nest_scan_ref(domains->scan);
        sync->batch = batch;
        domains->filters++;
        push_sync(sync);
    }
}

static void
batch_is_filtered(const Sync *sync)
{
    sync->domains->filters--;
    for (guint i = 0; i < sync->uuids->len; i++)
        want_sync(sync->domains, g_ptr_array_index(sync->uuids, i), NEST_START_NONE);
    filter_more(sync->domains);
}

static gboolean
scan_once_more(gpointer domains)
{
    nest_domains_scan(domains);
    return G_SOURCE_REMOVE;
}

static void
domains_are_listed(const Sync *sync)
{
    NestDomains *domains = sync->domains;

    log_outcome(sync);
    domains->scanning = sync->scan != NULL;
    if (!sync->scan) {
        g_timeout_add_seconds(RELIST_SECONDS, scan_once_more, domains);
        return;
    }
    domains->scan = nest_scan_ref(sync->scan);
    filter_more(domains);
}

static const Kind listing = {list_domains, domains_are_listed};
static const Kind filtering = {filter_domains, batch_is_filtered};
static const Kind whole_sync = {sync_domain, domain_is_done};
static const Kind fresh_sync = {correct_fresh, fresh_is_done};
static const Kind locked_sync = {correct_fresh, log_outcome};

static void
end_scan(NestDomains *domains)
{
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "looked at %u domains", nest_scan_length(domains->scan));
    g_clear_pointer(&domains->scan, nest_scan_unref);
    domains->scanning = FALSE;
    (void)malloc_trim(0); /* many domains took much memory for a moment */
    nest_guard_manager_settle(domains->manager);
    if (domains->scan_again)
        nest_domains_scan(domains);
}

/* Back on the main loop. */
static gboolean
sync_is_done(gpointer data)
{
    Sync *sync = data;
    NestDomains *domains = sync->domains;

    domains->syncing--;
    if (sync->pool == domains->pool)
        sync->kind->done(sync);
    else if (sync->error && sync->start != NEST_START_NONE)
        log_outcome(
            sync); /* a restart may have stopped it; else the log of libvirt's loss is enough */
    sync_free(sync);
    if (domains->scan && !domains->filters && !domains->stopping &&
        g_hash_table_size(domains->entries) == 0)
        end_scan(domains);
    if (domains->stopping && !domains->syncing)
        domains->when_idle(domains->when_idle_data);
    return G_SOURCE_REMOVE;
}

NestDomains *
nest_domains_new(const NestConfig *config, NestHost *host, NestGuardManager *manager)
{
    NestDomains *domains = g_new0(NestDomains, 1);

    domains->config = config;
    domains->host = host;
    domains->manager = manager;
    domains->tracker = nest_define_tracker_new();
    domains->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    domains->unmarked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    domains->workers = g_thread_pool_new(run_sync, NULL, NEST_POOL_CONNECTIONS, FALSE, NULL);
    return domains;
}

void
nest_domains_free(NestDomains *domains)
{
    if (!domains)
        return;
    g_thread_pool_free(domains->workers, TRUE, TRUE);
    nest_domains_detach(domains);
    g_hash_table_unref(domains->entries);
    g_hash_table_unref(domains->unmarked);
    nest_define_tracker_free(domains->tracker);
    g_free(domains);
}

void
nest_domains_attach(NestDomains *domains, virConnectPtr control, virConnectPtr work)
{
    domains->pool = nest_connection_pool_new(control, work);
    nest_guard_manager_attach(domains->manager, domains->pool);
    nest_domains_scan(domains);
}

void
nest_domains_detach(NestDomains *domains)
{
    nest_guard_manager_attach(domains->manager, NULL);
    g_clear_pointer(&domains->pool, nest_connection_pool_unref);
    g_clear_pointer(&domains->scan, nest_scan_unref);
    domains->scanning = FALSE;
    domains->filters = 0;
    g_hash_table_remove_all(domains->entries);
}

void
nest_domains_scan(NestDomains *domains)
{
    if (!domains->pool || domains->stopping)
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
    push_sync(sync_new(domains, &listing, NULL));
}

/* The events after which a domain may differ from what its tag asks for, each with what it tells of
 * a start. When a domain boots, RESUMED comes before STARTED, with the same detail as after a pause
 * (facts.md, "Events"). A domain that is started paused has no RESUMED. */
static const struct {
    int event;
    int detail; /* -1: any */
    NestStart start;
} events[] = {
    {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED, NEST_START_SEEN},
    {VIR_DOMAIN_EVENT_STARTED, -1, NEST_START_NONE},
    {VIR_DOMAIN_EVENT_RESUMED, -1, NEST_START_PERHAPS},
};

void
nest_domains_sync(NestDomains *domains, const char *uuid)
{
    want_sync(domains, uuid, NEST_START_NONE);
}

void
nest_domains_lifecycle(NestDomains *domains, virDomainPtr domain, int event, int detail)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_define_tracker_add_event(domains->tracker, domain, event, detail);
    if (event == VIR_DOMAIN_EVENT_STOPPED) {
        Entry *entry = g_hash_table_lookup(domains->entries, uuid);

        nest_guard_manager_forget(domains->manager, uuid);
        if (entry)
            entry->again = TRUE; /* a sync under way has read a run that is over by now */
        nest_host_retry(domains->host);
    }
    if (event == VIR_DOMAIN_EVENT_RESUMED)
        nest_guard_manager_resumed(domains->manager, uuid);
    if (event == VIR_DOMAIN_EVENT_DEFINED)
        want_fresh_sync(domains, uuid, virDomainGetName(domain));
    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        if (events[i].event == event && (events[i].detail == -1 || events[i].detail == detail)) {
            want_sync(domains, uuid, events[i].start);
            return;
        }
    }
}

void
nest_domains_metadata(NestDomains *domains, virDomainPtr domain, const char *uri)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    if (!g_str_equal(uri, NEST_TAG_NAMESPACE) && !g_str_equal(uri, NEST_STATE_NAMESPACE) &&
        !g_str_equal(uri, NEST_ALLOW_NAMESPACE))
        return;
    want_fresh_sync(domains, uuid, virDomainGetName(domain));
}

void
nest_domains_stop(NestDomains *domains, GSourceFunc when_idle, gpointer data)
{
    domains->stopping = TRUE;
    domains->when_idle = when_idle;
    domains->when_idle_data = data;
    if (!domains->syncing)
        when_idle(data);
}
