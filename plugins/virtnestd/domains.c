/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's domains: which want a look, and the looks under way.
 *
 * Theory of operation: an event only says that a domain wants a look. A look is one pass over one
 * domain on a worker thread: correct its definition, mark it if it runs, and restart it if it
 * was faster than its correction and the settings say so. There is at most one look a domain at a time;
 * events that come meanwhile lead to one more after it. A fresh definition or tag gets a first look
 * of its own, which needs no answer of libvirt's (nest_correct_fresh): while a domain starts libvirt
 * answers nothing about it, and a question that waits keeps the define behind the next start. It is
 * had beside a look that hangs as well. The table holds only domains with a look under way, so it is empty on a
 * quiet host. When virtnestd comes, all domains are sifted for those that want a look (scan.c).
 * Workers touch nothing of this file but their own Look; all else happens on the main loop. */
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

/* Calls at a time for a scan, so that one is left for what happens meanwhile. */
#define MAX_SIFTERS (NEST_POOL_CONNECTIONS - 1)
/* How long a domain that is being saved or migrated is left alone before the next look. */
#define BUSY_PAUSE_SECONDS 1
/* When a listing that failed is tried again. */
#define RELIST_SECONDS 2
/* How long a look at a fresh definition or tag may take, usually 2 or 3, before the domain counts as locked. */
#define LOCKED_AFTER_MS 5

struct NestDomains {
    const NestConfig *config;  /* the settings in force */
    NestHost *host;            /* its KVM module */
    NestGuardManager *manager; /* of running domains */
    NestConnectionPool *pool;  /* where the calls go; NULL while libvirt is away */
    NestDefineTracker *watch;  /* over domains that come back */
    GThreadPool *workers;      /* of Look */
    GHashTable *entries;       /* uuid -> Entry */
    GHashTable *unmarked;      /* uuids of domains that, as they run, could not be read or marked */
    guint looking;             /* Looks under way */
    gboolean scanning;       /* a scan is under way, from its listing to the last look it led to */
    gboolean scan_again;     /* another is wanted after it */
    NestScan *scan;          /* its domains; NULL while they are listed */
    guint sifters;           /* its parts under way */
    gboolean stopping;       /* begin nothing new */
    GSourceFunc when_idle;   /* called once stopping and nothing is under way */
    gpointer when_idle_data; /* for it */
};

/* A domain with a look under way. */
typedef struct {
    gboolean again;  /* something happened since it began */
    NestStart start; /* and that was a start, perhaps */
} Entry;

typedef struct Kind Kind;

/* One look on its way through a worker and back. */
typedef struct {
    const Kind *kind;         /* what is looked at */
    NestDomains *domains;     /* for the way back */
    NestConnectionPool *pool; /* a reference of its own */
    virConnectPtr work;       /* where its calls go; while it runs */
    gchar *uuid;              /* the domain's */
    NestStart start;          /* a start was seen, and on-stale=restart is set */
    NestLiveStatus *live;     /* what the guard wants in its live status; NULL: nothing */
    gboolean allow_over;      /* ... and what virt-nest allow left taken away */
    NestLiveDomain *run;      /* the domain as it runs; found */
    gchar *name;              /* the domain's name; found, unless it is locked */
    NestScan *scan;           /* all domains; found by the listing */
    guint part;               /* of them */
    gchar *done;              /* what it found: what was done, for the log */
    gboolean restarted;       /* ... it was restarted */
    gboolean busy;            /* ... it wants another look soon */
    GPtrArray *uuids;         /* ... domains that want a look */
    GError *unmarked; /* ... why what runs could not be read or marked; that is tried again */
    GError *error;    /* ... what went wrong */
} Look;

/* What a look does. */
struct Kind {
    void (*run)(Look *look);        /* on a worker */
    void (*done)(const Look *look); /* then on the main loop, unless libvirt went away meanwhile */
};

static void
look_free(Look *look)
{
    nest_connection_pool_unref(look->pool);
    nest_scan_unref(look->scan);
    g_clear_pointer(&look->uuids, g_ptr_array_unref);
    g_clear_error(&look->error);
    g_clear_error(&look->unmarked);
    nest_live_status_free(look->live);
    nest_live_domain_unref(look->run);
    g_free(look->uuid);
    g_free(look->name);
    g_free(look->done);
    g_free(look);
}

static void
list_domains(Look *look)
{
    look->scan = nest_scan_new(look->work, &look->error);
}

static void
sift_domains(Look *look)
{
    look->uuids = nest_scan_sift(look->scan, look->part, look->work);
}

/* On the main loop. */
static gboolean
want_host(gpointer host)
{
    nest_host_want(host);
    return G_SOURCE_REMOVE;
}

/* The host's module comes after the define, which libvirt would refuse while the module is away. */
static void
take_over(Look *look, const NestDefinition *definition)
{
    look->done = definition ? nest_correct_describe(definition) : NULL;
    if (definition && definition->needs_kvm)
        g_idle_add_full(G_PRIORITY_DEFAULT, want_host, look->domains->host, NULL);
}

/* Also where the definition cannot be corrected: what runs may be tagged all the same, or have a monitored though its
 * tag is gone and its live status could not be written. */
static void
look_at_run(Look *look, virDomainPtr domain, const NestDefinition *definition)
{
    if (nest_live_domain_read(domain, definition, look->live != NULL, &look->run,
                              &look->unmarked) &&
        look->run)
        nest_publish_live_status(domain, look->run, look->live, look->allow_over, &look->busy,
                                 &look->unmarked);
}

static void
look_at_domain(Look *look)
{
    NestCorrector corrector = {nest_connection_pool_control(look->pool), look->domains->watch};
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(look->work, look->uuid);
    g_autoptr(NestDefinition) definition = NULL;

    if (!domain && !nest_virt_domain_is_gone())
        nest_virt_error(&look->unmarked, "cannot reach it");
    look->name = g_strdup(domain ? virDomainGetName(domain) : look->uuid);
    if (!domain)
        return;
    if (look->start == NEST_START_NONE ||
        nest_restart_stale(&corrector, domain, look->start, &look->restarted, &look->error)) {
        definition = nest_correct_domain(&corrector, domain, &look->error);
        take_over(look, definition);
    }
    look_at_run(look, domain, definition);
}

static void
correct_fresh(Look *look)
{
    NestCorrector corrector = {nest_connection_pool_control(look->pool), look->domains->watch};
    g_autoptr(NestDefinition) definition =
        nest_correct_fresh(&corrector, look->work, look->name, look->uuid, &look->error);

    take_over(look, definition);
}

static gboolean look_is_done(gpointer data);

static void
run_look(gpointer data, gpointer unused)
{
    Look *look = data;

    (void)unused;
    look->work = nest_connection_pool_acquire(look->pool);
    look->kind->run(look);
    nest_connection_pool_release(look->pool, g_steal_pointer(&look->work));
    g_idle_add_full(G_PRIORITY_DEFAULT, look_is_done, look, NULL);
}

static Look *
new_look(NestDomains *domains, const Kind *kind, const char *uuid)
{
    Look *look = g_new0(Look, 1);

    look->kind = kind;
    look->domains = domains;
    look->pool = nest_connection_pool_ref(domains->pool);
    look->uuid = g_strdup(uuid);
    return look;
}

static void
push(Look *look)
{
    look->domains->looking++;
    g_thread_pool_push(look->domains->workers, look, NULL);
}

static const Kind whole_look;
static const Kind fresh_look;
static const Kind locked_look;

/* A domain wants a look: now, or after the one that is under way. */
static void
want_look(NestDomains *domains, const char *uuid, NestStart start)
{
    Entry *entry = g_hash_table_lookup(domains->entries, uuid);
    Look *look = NULL;

    if (domains->stopping || !domains->pool)
        return;
    if (entry) {
        entry->again = TRUE;
        entry->start = MAX(entry->start, start);
        return;
    }
    g_hash_table_insert(domains->entries, g_strdup(uuid), g_new0(Entry, 1));
    look = new_look(domains, &whole_look, uuid);
    look->start = domains->config->on_stale == NEST_ON_STALE_RESTART ? start : NEST_START_NONE;
    look->live = nest_guard_manager_live_status(domains->manager, uuid, &look->allow_over);
    push(look);
}

/* A look that is under way has read what is over by now. */
static void
look_again(NestDomains *domains, const char *uuid)
{
    Entry *entry = g_hash_table_lookup(domains->entries, uuid);

    if (entry)
        entry->again = TRUE;
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

    want_look(later->domains, later->uuid, NEST_START_NONE);
    return G_SOURCE_REMOVE;
}

static void
look_later(NestDomains *domains, const char *uuid)
{
    g_timeout_add_seconds_full(G_PRIORITY_DEFAULT, BUSY_PAUSE_SECONDS, busy_pause_is_over,
                               later_new(domains, uuid, NULL), later_free);
}

/* The look at a fresh definition or tag is still under way: the domain is starting. */
static gboolean
it_is_locked(gpointer data)
{
    Later *later = data;
    NestDomains *domains = later->domains;
    Look *look = NULL;

    if (domains->stopping || !domains->pool ||
        !g_hash_table_contains(domains->entries, later->uuid))
        return G_SOURCE_REMOVE;
    look = new_look(domains, &locked_look, later->uuid);
    look->name = g_strdup(later->name);
    push(look);
    return G_SOURCE_REMOVE;
}

static void
expect_start(NestDomains *domains, const char *uuid, const char *name)
{
    g_timeout_add_full(G_PRIORITY_HIGH, LOCKED_AFTER_MS, it_is_locked,
                       later_new(domains, uuid, name), later_free);
}

/* Something has just been written into the definition. */
static void
want_fresh_look(NestDomains *domains, const char *uuid, const char *name)
{
    Look *look = NULL;

    if (domains->stopping || !domains->pool)
        return;
    if (g_hash_table_contains(domains->entries, uuid)) {
        want_look(domains, uuid, NEST_START_NONE);
        expect_start(domains, uuid, name);
        return;
    }
    g_hash_table_insert(domains->entries, g_strdup(uuid), g_new0(Entry, 1));
    look = new_look(domains, &fresh_look, uuid);
    look->name = g_strdup(name);
    push(look);
}

static void
tell_done(const Look *look)
{
    if (look->done)
        nest_log(G_LOG_LEVEL_MESSAGE, look->name, look->uuid, "%s", look->done);
}

static void
tell_outcome(const Look *look)
{
    tell_done(look);
    if (look->restarted)
        nest_log(
            G_LOG_LEVEL_MESSAGE, look->name, look->uuid,
            "it started with a stale definition: it was stopped, and started again with the corrected one");
    if (look->error)
        nest_log_error(look->name, look->uuid, look->error);
}

/* Said once, until it is well again. */
static void
tell_unmarked(const Look *look)
{
    GHashTable *unmarked = look->domains->unmarked;

    if (!look->unmarked)
        g_hash_table_remove(unmarked, look->uuid);
    else if (g_hash_table_add(unmarked, g_strdup(look->uuid)))
        nest_log_error(look->name, look->uuid, look->unmarked);
}

static void
domain_is_done(const Look *look)
{
    NestDomains *domains = look->domains;
    Entry *entry = g_hash_table_lookup(domains->entries, look->uuid);
    Entry left = entry ? *entry : (Entry){0};

    tell_outcome(look);
    tell_unmarked(look);
    if (look->run)
        nest_guard_manager_see(domains->manager, look->run);
    else if (!look->unmarked)
        nest_guard_manager_forget(domains->manager, look->uuid);
    g_hash_table_remove(domains->entries, look->uuid);
    if (left.again)
        want_look(domains, look->uuid, left.start);
    else if (look->busy || look->unmarked)
        look_later(domains, look->uuid);
}

/* The whole look follows, and says what is wrong. */
static void
fresh_is_done(const Look *look)
{
    NestDomains *domains = look->domains;
    const Entry *entry = g_hash_table_lookup(domains->entries, look->uuid);
    NestStart start = entry ? entry->start : NEST_START_NONE;

    tell_done(look);
    g_hash_table_remove(domains->entries, look->uuid);
    want_look(domains, look->uuid, start);
}

static const Kind sifting;

static void
sift_more(NestDomains *domains)
{
    guint part = 0;

    while (domains->sifters < MAX_SIFTERS && !domains->stopping &&
           nest_scan_take(domains->scan, &part)) {
        Look *look = new_look(domains, &sifting, NULL);

        look->scan = nest_scan_ref(domains->scan);
        look->part = part;
        domains->sifters++;
        push(look);
    }
}

static void
part_is_sifted(const Look *look)
{
    look->domains->sifters--;
    for (guint i = 0; i < look->uuids->len; i++)
        want_look(look->domains, g_ptr_array_index(look->uuids, i), NEST_START_NONE);
    sift_more(look->domains);
}

static gboolean
scan_once_more(gpointer domains)
{
    nest_domains_scan(domains);
    return G_SOURCE_REMOVE;
}

static void
domains_are_listed(const Look *look)
{
    NestDomains *domains = look->domains;

    tell_outcome(look);
    domains->scanning = look->scan != NULL;
    if (!look->scan) {
        g_timeout_add_seconds(RELIST_SECONDS, scan_once_more, domains);
        return;
    }
    domains->scan = nest_scan_ref(look->scan);
    sift_more(domains);
}

static const Kind listing = {list_domains, domains_are_listed};
static const Kind sifting = {sift_domains, part_is_sifted};
static const Kind whole_look = {look_at_domain, domain_is_done};
static const Kind fresh_look = {correct_fresh, fresh_is_done};
static const Kind locked_look = {correct_fresh, tell_outcome};

static void
end_scan(NestDomains *domains)
{
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "looked at %u domains", nest_scan_length(domains->scan));
    g_clear_pointer(&domains->scan, nest_scan_unref);
    domains->scanning = FALSE;
    (void)malloc_trim(0); /* of many domains much was held for a moment */
    nest_guard_manager_settle(domains->manager);
    if (domains->scan_again)
        nest_domains_scan(domains);
}

/* Back on the main loop. */
static gboolean
look_is_done(gpointer data)
{
    Look *look = data;
    NestDomains *domains = look->domains;

    domains->looking--;
    if (look->pool == domains->pool)
        look->kind->done(look);
    else if (look->error && look->start != NEST_START_NONE)
        tell_outcome(
            look); /* a restart may have stopped it; else libvirt's going away tells enough */
    look_free(look);
    if (domains->scan && !domains->sifters && !domains->stopping &&
        g_hash_table_size(domains->entries) == 0)
        end_scan(domains);
    if (domains->stopping && !domains->looking)
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
    domains->watch = nest_define_tracker_new();
    domains->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    domains->unmarked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    domains->workers = g_thread_pool_new(run_look, NULL, NEST_POOL_CONNECTIONS, FALSE, NULL);
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
    nest_define_tracker_free(domains->watch);
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
    domains->sifters = 0;
    g_hash_table_remove_all(domains->entries);
}

void
nest_domains_scan(NestDomains *domains)
{
    if (!domains->pool || domains->stopping)
        return;
    if (domains->scan && !domains->sifters) {
        /* What is left of it are looks, of which one may wait for long. */
        g_clear_pointer(&domains->scan, nest_scan_unref);
        domains->scanning = FALSE;
    }
    domains->scan_again = domains->scanning;
    if (domains->scanning)
        return;
    domains->scanning = TRUE;
    push(new_look(domains, &listing, NULL));
}

/* The events after which a domain may not be what its tag asks for, and what each says of a start.
 * RESUMED comes before STARTED when a domain boots, with the same detail as after a pause
 * (facts.md, "Events"); one that is started paused has no RESUMED. */
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
nest_domains_look(NestDomains *domains, const char *uuid)
{
    want_look(domains, uuid, NEST_START_NONE);
}

void
nest_domains_lifecycle(NestDomains *domains, virDomainPtr domain, int event, int detail)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    nest_define_tracker_add_event(domains->watch, domain, event, detail);
    if (event == VIR_DOMAIN_EVENT_STOPPED) {
        nest_guard_manager_forget(domains->manager, uuid);
        look_again(domains, uuid);
        nest_host_retry(domains->host);
    }
    if (event == VIR_DOMAIN_EVENT_RESUMED)
        nest_guard_manager_resumed(domains->manager, uuid);
    if (event == VIR_DOMAIN_EVENT_DEFINED)
        want_fresh_look(domains, uuid, virDomainGetName(domain));
    for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
        if (events[i].event == event && (events[i].detail == -1 || events[i].detail == detail)) {
            want_look(domains, uuid, events[i].start);
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
    want_fresh_look(domains, uuid, virDomainGetName(domain));
}

void
nest_domains_stop(NestDomains *domains, GSourceFunc when_idle, gpointer data)
{
    domains->stopping = TRUE;
    domains->when_idle = when_idle;
    domains->when_idle_data = data;
    if (!domains->looking)
        when_idle(data);
}
