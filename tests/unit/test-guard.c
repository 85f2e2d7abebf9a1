/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard's decisions, one domain at a time: what it samples, when it arms, disarms, waits and tries again.
 *
 * Real are domains.c and what it is made of, with its workers and the main loop. Fake are libvirt, which answers
 * below, and the plugins: a probe and a guard that are told what to say. A case waits for states. To
 * show that nothing happens, it lets some samples go by. */
#include "base/log.h"
#include "check.h"
#include "domain/state.h"
#include "domain/xml.h"
#include "virtnestd/domains.h"

#include <libvirt/virterror.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A domain is its id, which ends its uuid. */
#define UUID "00000000-0000-4000-8000-000000000001"
#define OTHER 2
/* Ids of others, more of them than the guard has workers. */
#define LAST_OTHER 9
#define INTERVAL_MS 5
#define LINGER_MS 100
#define LIMIT_SECONDS 30
/* What virt-nest allow left. */
#define ONCE ((NestAllow){.once = TRUE})
#define FOR_EVER ((NestAllow){.until = G_MAXINT64})
#define IS_OVER ((NestAllow){.until = 1})
/* So many samples show that nothing comes of them. */
#define SOME_SAMPLES 5

typedef struct {
    NestConfig config;
    NestDomains *domains;
    GString *logged;
    /* What is told to say. */
    guint64 grows;          /* entries into L2 between two samples */
    gboolean uncounted;     /* ... which cannot be read */
    gboolean asks;          /* ... are read through QEMU's monitor */
    guint nonsense;         /* so many samples are nonsense, each second one; 0: none */
    gboolean arm_fails;
    gboolean texts_differ;  /* ... each time with another text */
    gboolean arm_is_late;   /* ... as the domain left meanwhile */
    gboolean leaves_node;   /* ... though QEMU refuses from then on */
    gboolean disarm_fails;
    gboolean in_job;        /* libvirt is at a job with the domain */
    gboolean unreachable;   /* libvirt knows the domain, and does not say so */
    gint64 snapshot;        /* when one with memory was begun, in seconds since 1970; 0: there is none */
    gboolean over;          /* the domain does not run any more */
    gboolean watches;       /* there is a plugin that tells of entries */
    gboolean watch_fails;
    gboolean silent;        /* QEMU does not answer libvirt */
    gint lists_slowly;      /* libvirt's answer about all domains does not come yet; by g_atomic_int_... */
    gint lists_fail;        /* ... is an error; by g_atomic_int_... */
    gint others_hang;       /* libvirt's answers about other domains do not come yet; by g_atomic_int_... */
    /* What came of it. */
    guint samples;
    guint watch_calls;
    gboolean watched;       /* the next entry is told of */
    gboolean followed;      /* ... or was, and it was not unwatched since */
    int events;             /* an eventfd, readable when there was one */
    gint64 entered_at;
    guint64 entries;
    gboolean refuses;       /* QEMU does */
    gint check_fails;       /* ... and does not say it; by g_atomic_int_... */
    guint arms;             /* calls of the guard */
    guint disarms;
    gboolean any_armed;     /* as was told */
    guint told;             /* so often */
    NestLiveStatus *status; /* what was written last into the live XML; NULL: nothing */
    guint writes;           /* so often */
    gint forgets;           /* removals of what virt-nest allow left; by g_atomic_int_... */
    gint lookups;           /* of domains; by g_atomic_int_... */
    gint lists;             /* of all domains; by g_atomic_int_... */
} World;

static World world;

/* --- libvirt, besides tests/fakes/libvirt.c */

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr connection, const char *uuid)
{
    int id = g_ascii_xdigit_value(uuid[strlen(uuid) - 1]);

    (void)connection;
    (void)g_atomic_int_add(&world.lookups, 1);
    while (id != 1 && g_atomic_int_get(&world.others_hang))
        g_usleep(1000);
    if (world.unreachable)
        return NULL;
    return world.over ? GUINT_TO_POINTER(G_MAXUINT) /* no id */ : GINT_TO_POINTER(id);
}

int
virGetLastErrorCode(void)
{
    return VIR_ERR_INTERNAL_ERROR;
}

const char *
virGetLastErrorMessage(void)
{
    return "no answer";
}

int
virDomainIsActive(virDomainPtr domain)
{
    (void)domain;
    return !world.over;
}

int
virDomainGetJobStats(virDomainPtr domain, int *type, virTypedParameterPtr *parameters, int *n,
                     unsigned int flags)
{
    (void)domain, (void)flags;
    *type = world.in_job ? VIR_DOMAIN_JOB_UNBOUNDED : VIR_DOMAIN_JOB_NONE;
    *parameters = NULL;
    *n = 0;
    return 0;
}

int
virDomainGetUUIDString(virDomainPtr domain, char *uuid)
{
    (void)domain;
    return g_strlcpy(uuid, UUID, VIR_UUID_STRING_BUFLEN) ? 0 : -1;
}

const char *
virDomainGetName(virDomainPtr domain)
{
    (void)domain;
    return "one";
}

int
virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info, unsigned int flags)
{
    (void)domain, (void)flags;
    info->state = world.silent ? VIR_DOMAIN_CONTROL_OCCUPIED : VIR_DOMAIN_CONTROL_OK;
    info->stateTime = world.silent ? 5000 : 0;
    return 0;
}

int
virConnectListAllDomains(virConnectPtr connection, virDomainPtr **domains, unsigned int flags)
{
    (void)connection, (void)flags;
    while (g_atomic_int_get(&world.lists_slowly))
        g_usleep(1000);
    (void)g_atomic_int_add(&world.lists, 1);
    if (g_atomic_int_get(&world.lists_fail))
        return -1;
    *domains = g_new0(virDomainPtr, 1);
    return 0;
}

static gboolean
take_status(gpointer status)
{
    nest_live_status_free(world.status);
    world.status = status;
    world.writes++;
    return G_SOURCE_REMOVE;
}

/* The live status on its way to the main loop. */
int
virDomainSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key,
                     const char *uri, unsigned int flags)
{
    xmlDoc *doc = metadata ? xmlReadMemory(metadata, (int)strlen(metadata), NULL, NULL, 0) : NULL;
    NestLiveStatus *status = nest_live_status_new();

    (void)type, (void)key;
    g_assert_cmpuint(flags, ==, VIR_DOMAIN_AFFECT_LIVE);
    if (g_str_equal(uri, NEST_ALLOW_NAMESPACE) && !metadata)
        (void)g_atomic_int_add(&world.forgets, 1);
    if (doc && nest_xml_child(xmlDocGetRootElement(doc), "live"))
        nest_live_status_read(status, nest_xml_child(xmlDocGetRootElement(doc), "live"));
    if (doc)
        xmlFreeDoc(doc);
    if (g_str_equal(uri, NEST_STATE_NAMESPACE) && GPOINTER_TO_INT(domain) == 1)
        g_idle_add(take_status, status);
    else
        nest_live_status_free(status);
    return 0;
}

int
virDomainListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **snapshots, unsigned int flags)
{
    (void)domain;
    g_assert_cmpuint(flags, ==, VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE);
    *snapshots = g_new0(virDomainSnapshotPtr, 2);
    (*snapshots)[0] = GINT_TO_POINTER(world.snapshot ? 1 : 0);
    return world.snapshot ? 1 : 0;
}

char *
virDomainSnapshotGetXMLDesc(virDomainSnapshotPtr snapshot, unsigned int flags)
{
    (void)snapshot, (void)flags;
    return g_strdup_printf("<domainsnapshot>\n  <name>s1</name>\n  <creationTime>%" G_GINT64_FORMAT
                           "</creationTime>\n</domainsnapshot>\n",
                           world.snapshot);
}

const char *
virDomainSnapshotGetName(virDomainSnapshotPtr snapshot)
{
    (void)snapshot;
    return "s1";
}

int
virDomainSnapshotFree(virDomainSnapshotPtr snapshot)
{
    (void)snapshot;
    return 0;
}

/* --- the plugins; the other guest never runs one inside */

static gboolean
sample(gpointer state, const NestGuest *guest, virDomainPtr domain, NestEvidence *evidence, GError **error)
{
    (void)state, (void)domain;
    if (world.nonsense > 0 && world.nonsense-- % 2 == 0) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_ANSWER, "nonsense");
        return FALSE;
    }
    if (world.uncounted)
        return FALSE;
    *evidence = (NestEvidence){.counted = TRUE};
    if (guest->id == 1) {
        world.samples++;
        world.entries += world.grows;
        evidence->entries = world.entries;
    }
    return TRUE;
}

static gboolean
arm(gpointer state, const NestGuest *guest, virDomainPtr domain, gchar **ret_aborted, GError **error)
{
    (void)state, (void)guest, (void)domain;
    world.arms++;
    world.over = world.arm_is_late;
    if (world.arm_is_late)
        *ret_aborted = g_strdup("migration");
    world.refuses = !world.arm_fails || world.leaves_node;
    if (world.arm_fails)
        g_set_error(error, NEST_ERROR, NEST_ERROR_GUARD, "it was told to fail%.*u", world.texts_differ ? 9 : 0,
                    world.texts_differ ? world.arms : 0);
    return !world.arm_fails;
}

static gboolean
disarm(gpointer state, const NestGuest *guest, virDomainPtr domain, GError **error)
{
    (void)state, (void)guest, (void)domain;
    world.disarms++;
    if (world.disarm_fails)
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_GUARD, "it was told to stay");
    else
        world.refuses = FALSE;
    return !world.disarm_fails;
}

static gboolean
is_armed(gpointer state, const NestGuest *guest, virDomainPtr domain, gboolean *ret_armed, GError **error)
{
    (void)state, (void)domain;
    if (g_atomic_int_get(&world.check_fails))
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_GUARD, "it was told not to say");
    *ret_armed = guest->id == 1 && world.refuses;
    return !g_atomic_int_get(&world.check_fails);
}

static gboolean
watch(gpointer state, const NestGuest *guest, GError **error)
{
    (void)state;
    world.watch_calls++;
    world.watched = !world.watch_fails && guest->id == 1;
    world.followed |= world.watched;
    if (!world.watched)
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_PLUGIN, "it was told not to watch");
    return world.watched;
}

static void
unwatch(gpointer state, const NestGuest *guest)
{
    (void)state, (void)guest;
    world.watched = world.followed = FALSE;
}

static int
get_fd(gpointer state)
{
    (void)state;
    return world.events;
}

static gint64
next_entered(gpointer state, gint64 *ret_time)
{
    eventfd_t n = 0;

    (void)state;
    *ret_time = world.entered_at;
    return eventfd_read(world.events, &n) == 0 ? 100 : 0;
}

/* An entry, as the kernel passes it. */
static void
enter(void)
{
    world.entries++;
    world.entered_at = g_get_monotonic_time();
    if (world.watched)
        g_assert_cmpint(eventfd_write(world.events, 1), ==, 0);
    world.watched = FALSE;
}

static const NestPlugin watcher = {
    .name = "watcher", .kind = NEST_PLUGIN_WATCH, .watch = watch, .unwatch = unwatch, .get_fd = get_fd,
    .next_entered = next_entered};
static const NestPlugin probe = {
    .name = "probe", .kind = NEST_PLUGIN_PROBE, .counts = TRUE, .local = TRUE, .sample = sample};
static const NestPlugin asking_probe = {
    .name = "asking-probe", .kind = NEST_PLUGIN_PROBE, .counts = TRUE, .sample = sample};
static const NestPlugin guard = {
    .name = "guard", .kind = NEST_PLUGIN_GUARD, .arm = arm, .disarm = disarm, .is_armed = is_armed};

const NestLoadedPlugin *
nest_plugin_host_get(const NestPluginHost *plugins, NestPluginKind kind, guint i)
{
    static const NestLoadedPlugin loaded[] = {{&probe, NULL}, {&guard, NULL}, {&watcher, NULL}};
    static const NestLoadedPlugin asking = {&asking_probe, NULL};

    (void)plugins;
    if (kind == NEST_PLUGIN_PROBE && i == 0 && world.asks)
        return &asking;
    for (gsize k = 0; k < G_N_ELEMENTS(loaded); k++)
        if (loaded[k].plugin->kind == kind && i == 0 && (kind != NEST_PLUGIN_WATCH || world.watches))
            return &loaded[k];
    return NULL;
}

gboolean
nest_loaded_plugin_applies(const NestLoadedPlugin *loaded, const NestGuest *guest)
{
    (void)loaded, (void)guest;
    return TRUE;
}

/* --- who hears of it */

static void
on_armed(gpointer data, gboolean any)
{
    (void)data;
    world.any_armed = any;
    world.told++;
}

static void
on_other(gpointer data)
{
    (void)data;
}

static void
on_unjudged(gpointer data, const NestUnjudged *unjudged)
{
    (void)data, (void)unjudged;
}

static const NestDomainsListener listener = {on_armed, on_other, on_other, on_unjudged};

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    (void)data;
    for (gsize i = 0; i < n && level != G_LOG_LEVEL_INFO; i++)
        if (g_str_equal(fields[i].key, "MESSAGE"))
            g_string_append_printf(world.logged, "%s\n", (const char *)fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

/* --- words */

static gboolean
give_up(gpointer what)
{
    g_error("after %d s: not %s", LIMIT_SECONDS, (const char *)what);
    return G_SOURCE_REMOVE;
}

#define until(condition)                                                                           \
    do {                                                                                           \
        guint limit = g_timeout_add_seconds(LIMIT_SECONDS, give_up, (gpointer) #condition);        \
        while (!(condition))                                                                       \
            g_main_context_iteration(NULL, TRUE);                                                  \
        g_source_remove(limit);                                                                    \
    } while (0)

static void
let_samples_go_by(void)
{
    guint before = world.samples;

    until(world.samples >= before + SOME_SAMPLES);
}

static guint
count_lines(const char *words)
{
    g_auto(GStrv) parts = g_strsplit(world.logged->str, words, -1);

    return g_strv_length(parts) - 1;
}

static gboolean
end(gpointer is_over)
{
    *(gboolean *)is_over = TRUE;
    return G_SOURCE_REMOVE;
}

/* Returns: how often the main loop woke up. */
static guint
let_time_go_by(void)
{
    gboolean is_over = FALSE;
    guint wakes = 0;

    g_timeout_add(SOME_SAMPLES * INTERVAL_MS, end, &is_over);
    for (; !is_over; wakes++)
        g_main_context_iteration(NULL, TRUE);
    return wakes;
}

/* What is to be published; it is not while libvirt does a job with the domain. */
static const NestLiveStatus *
wanted(void)
{
    return nest_domains_get(world.domains, UUID)->guard.published;
}

static gboolean
guard_is(const char *word)
{
    return wanted() && g_strcmp0(wanted()->guard, word) == 0;
}

/* What a sync found. */
static NestLiveDomain *
new_live_domain(void)
{
    NestLiveDomain *live = g_atomic_rc_box_new0(NestLiveDomain);

    live->guest = (NestGuest){g_strdup("one"), g_strdup(UUID), 1, 100, TRUE, "svm", 1};
    live->qemu = g_strdup("1");
    live->tagged = live->guarded = TRUE;
    live->state = nest_state_new();
    return live;
}

static gchar *
other_uuid(int id)
{
    return g_strdup_printf("00000000-0000-4000-8000-%012x", (guint)id);
}

static void
see_live(NestLiveDomain *live)
{
    nest_domain_see(nest_domains_get(world.domains, live->guest.uuid), live);
}

static void
see(void)
{
    g_autoptr(NestLiveDomain) live = new_live_domain();

    see_live(live);
}

/* Another domain. */
static void
see_other(int id)
{
    g_autoptr(NestLiveDomain) live = new_live_domain();

    g_free((gpointer)live->guest.uuid);
    live->guest.uuid = other_uuid(id);
    live->guest.id = id;
    see_live(live);
}

/* Another that libvirt was asked for, as @world.status has it by now. */
static NestLiveDomain *
marked_live_domain(void)
{
    NestLiveDomain *live = new_live_domain();

    live->marked = TRUE;
    live->state->live.nested = TRUE;
    return live;
}

static void
see_allowed(NestAllow allow)
{
    g_autoptr(NestLiveDomain) live = new_live_domain();

    live->has_allow = TRUE;
    live->allow = allow;
    see_live(live);
}

static void
attach(void)
{
    nest_domains_attach(world.domains, virConnectOpen(NULL), "fake:///");
}

static void
begin_with(gboolean watches)
{
    world = (World){.config = NEST_CONFIG_DEFAULT, .logged = g_string_new(NULL)};
    world.watches = watches;
    world.events = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    world.config.interval_ms = INTERVAL_MS;
    world.config.linger_ms = LINGER_MS;
    world.domains = nest_domains_new(&world.config, NULL, &listener, NULL);
    attach();
}

static void
begin(void)
{
    begin_with(FALSE);
}

/* A monitored domain with an L2, armed. */
static void
begin_armed(void)
{
    begin();
    world.grows = 1;
    see();
    until(guard_is("armed"));
    g_assert_true(world.refuses && world.any_armed);
}

static void
finish(void)
{
    nest_domains_detach(world.domains);
    until(!nest_domains_are_busy(world.domains));
    nest_domains_free(world.domains);
    nest_live_status_free(world.status);
    close(world.events);
    g_string_free(world.logged, TRUE);
}

/* --- cases */

static void
test_nobody(void)
{
    begin();
    see();
    let_samples_go_by();
    nest_domain_forget_run(nest_domains_get(world.domains, UUID));
    until(!nest_domains_are_busy(world.domains));
    let_time_go_by();
    world.samples = 0;
    g_assert_cmpuint(let_time_go_by(), ==, 1); /* for its own end */
    g_assert_cmpuint(world.samples, ==, 0);
    finish();
}

static void
test_there_and_back(void)
{
    begin_armed();
    world.grows = 0;
    until(guard_is("off"));
    g_assert_false(world.refuses);
    until(!world.any_armed);
    check_says(world.logged->str, "nested guests run in it|migration and save are possible");
    g_assert_cmpuint(world.arms, ==, 1);
    g_assert_cmpuint(world.disarms, ==, 1);
    finish();
}

static void
test_never(void)
{
    begin();
    see();
    until(guard_is("off"));
    let_samples_go_by();
    g_assert_cmpuint(world.arms, ==, 0);
    g_assert_cmpuint(world.told, ==, 0);
    finish();
}

static void
test_arm_fails(void)
{
    begin();
    world.grows = 1;
    world.arm_fails = TRUE;
    see();
    until(guard_is("failed"));
    check_says(wanted()->problem, "it was told to fail");
    until(world.arms > 1);
    world.arm_fails = FALSE;
    until(guard_is("armed"));
    finish();
}

static void
test_arm_leaves_node(void)
{
    begin();
    world.grows = 1;
    world.arm_fails = world.leaves_node = TRUE;
    see();
    until(guard_is("armed"));
    g_assert_true(world.any_armed);
    world.grows = 0;
    until(guard_is("off"));
    g_assert_false(world.refuses);
    finish();
}

static void
test_disarm_fails(void)
{
    guint before = 0;

    begin_armed();
    world.disarm_fails = TRUE;
    world.grows = 0;
    until(world.disarms > 0);
    before = world.samples;
    world.disarms = 0;
    until(world.disarms >= SOME_SAMPLES);
    g_assert_cmpuint(world.samples - before + 1, >=, world.disarms); /* one a sample */
    g_assert_true(guard_is("armed"));
    world.disarm_fails = FALSE;
    until(guard_is("off"));
    finish();
}

/* Until its QEMU has said whether it is armed, its live status says what it said before. @marked: that is "armed". */
static void
check_fails(gboolean marked)
{
    g_autoptr(NestLiveDomain) live = marked ? marked_live_domain() : new_live_domain();

    live->state->live.guard = marked ? g_strdup("armed") : NULL;
    begin();
    world.refuses = marked;
    g_atomic_int_set(&world.check_fails, TRUE);
    see_live(live);
    until(count_lines("it was told not to say") > 0);
    until(world.writes > 0);
    let_time_go_by();
    g_assert_null(wanted());
    g_assert_cmpstr(world.status->guard, ==, marked ? "armed" : NULL);
    g_atomic_int_set(&world.check_fails, FALSE);
    until(guard_is("off"));
    g_assert_false(world.refuses);
    finish();
}

static void
test_check_fails(void)
{
    check_fails(FALSE);
}

static void
test_check_fails_armed(void)
{
    check_fails(TRUE);
}

static void
test_lost(void)
{
    begin();
    world.grows = 1;
    world.arm_fails = world.arm_is_late = TRUE;
    see();
    until(world.arms > 0 && !nest_domains_are_busy(world.domains));
    check_says(world.logged->str, "it was told to fail");
    nest_domain_forget_run(nest_domains_get(world.domains, UUID));
    finish();
}

static void
test_ended(void)
{
    begin();
    world.grows = 1;
    world.arm_fails = TRUE;
    world.over = TRUE;
    see();
    let_time_go_by();
    g_assert_cmpstr(world.logged->str, ==, "");
    finish();
}

static void
test_unreachable(void)
{
    begin_armed();
    world.unreachable = TRUE;
    world.grows = 0;
    until(strstr(world.logged->str, "cannot reach it"));
    let_samples_go_by();
    g_assert_true(guard_is("armed"));
    world.unreachable = FALSE;
    until(guard_is("off"));
    finish();
}

static void
test_opted_out(void)
{
    g_autoptr(NestLiveDomain) live = new_live_domain();
    g_autoptr(NestLiveDomain) again = marked_live_domain();

    begin_armed();
    live->guarded = FALSE;
    live->opted_out = TRUE;
    see_live(live);
    until(world.status && !world.status->guard); /* nothing is said of it any more */
    g_assert_false(world.refuses);
    see_live(again); /* before its live status was written anew */
    until(guard_is("armed"));
    g_assert_true(world.refuses);
    finish();
}

static void
test_untagged_stays_armed(void)
{
    g_autoptr(NestLiveDomain) live = marked_live_domain();

    begin_armed();
    live->tagged = live->guarded = FALSE;
    see_live(live);
    let_samples_go_by();
    g_assert_true(guard_is("armed") && world.refuses);
    world.grows = 0;
    until(!world.refuses);
    finish();
}

static void
test_allow_for(void)
{
    begin_armed();
    see_allowed(FOR_EVER);
    until(guard_is("lifted"));
    g_assert_false(world.refuses);
    world.in_job = TRUE; /* a migration begins, and the time is over */
    world.arms = 0;
    see();
    let_samples_go_by();
    g_assert_cmpuint(world.arms, ==, 0);
    g_assert_true(guard_is("lifted"));
    world.in_job = FALSE;
    until(guard_is("armed"));
    finish();
}

static void
test_allow_over(void)
{
    begin();
    see_allowed(FOR_EVER);
    until(guard_is("off"));
    see();
    let_samples_go_by();
    world.in_job = TRUE; /* a migration begins long after, and then an L2 */
    world.grows = 1;
    until(guard_is("armed"));
    finish();
}

static void
test_allow_once(void)
{
    begin_armed();
    see_allowed(ONCE);
    until(guard_is("lifted"));
    world.in_job = TRUE; /* one operation is over, and another has begun at once */
    nest_domains_job_ended(world.domains, UUID);
    until(guard_is("armed"));
    world.in_job = FALSE;
    until(g_atomic_int_get(&world.forgets) > 0);
    finish();
}

/* As if the hour had begun earlier. */
static void
let_an_hour_go_by(void)
{
    nest_domains_get(world.domains, UUID)->guard.once_since -= (gint64)NEST_ALLOW_ONCE_SECONDS * 1000;
}

static void
test_allow_once_unused(void)
{
    begin_armed();
    see_allowed(ONCE);
    until(guard_is("lifted"));
    let_samples_go_by();
    g_assert_true(guard_is("lifted"));
    let_an_hour_go_by();
    until(guard_is("armed"));
    until(g_atomic_int_get(&world.forgets) > 0);
    finish();
}

static void
test_allow_once_idle(void)
{
    begin();
    see_allowed(ONCE);
    until(guard_is("off"));
    let_samples_go_by();
    g_assert_cmpint(g_atomic_int_get(&world.forgets), ==, 0);
    let_an_hour_go_by();
    until(g_atomic_int_get(&world.forgets) > 0);
    finish();
}

static void
test_allow_once_under_way(void)
{
    begin_armed();
    see_allowed(ONCE);
    until(guard_is("lifted"));
    world.in_job = TRUE;
    world.arms = 0;
    let_an_hour_go_by();
    let_samples_go_by();
    g_assert_cmpuint(world.arms, ==, 0);
    g_assert_true(guard_is("lifted"));
    world.in_job = FALSE;
    until(guard_is("armed"));
    finish();
}

static void
test_allow_removed(void)
{
    begin();
    see_allowed(IS_OVER);
    until(g_atomic_int_get(&world.forgets) > 0);
    let_samples_go_by();
    g_assert_cmpint(g_atomic_int_get(&world.forgets), ==, 1); /* libvirt's event is still to come */
    see_allowed(IS_OVER); /* somebody has written it again */
    until(g_atomic_int_get(&world.forgets) == 2);
    finish();
}

static void
test_allow_snapshot(void)
{
    begin_armed();
    see_allowed(ONCE);
    until(guard_is("lifted"));
    nest_domain_guard_resumed(nest_domains_get(world.domains, UUID));
    let_samples_go_by();
    g_assert_true(guard_is("lifted")); /* after a pause */
    nest_domains_job_transferring(world.domains, UUID);
    let_samples_go_by();
    g_assert_true(guard_is("lifted"));
    nest_domain_guard_resumed(nest_domains_get(world.domains, UUID));
    until(guard_is("armed"));
    finish();
}

/* Begun so many seconds from now, when no nested guest had been seen. */
static void
begin_snapshot(gint64 from_now)
{
    begin();
    see();
    until(guard_is("off"));
    world.snapshot = g_get_real_time() / G_USEC_PER_SEC + from_now;
    world.grows = 1;
    until(guard_is("armed"));
}

static void
test_late_snapshot(void)
{
    begin_snapshot(1);
    check_says(world.logged->str, "its snapshot with memory was made before the guard was armed|'s1'");
    world.grows = 0;
    until(guard_is("off"));
    finish();
    begin_snapshot(-60);
    g_assert_null(strstr(world.logged->str, "its snapshot"));
    finish();
}

static void
test_libvirt_away(void)
{
    begin_armed();
    nest_domains_detach(world.domains);
    let_time_go_by();
    g_assert_true(world.any_armed);
    g_atomic_int_set(&world.lists_slowly, TRUE);
    attach();
    see_other(OTHER);
    let_time_go_by();
    g_assert_true(world.any_armed); /* not all domains were looked at */
    see();
    g_atomic_int_set(&world.lists_slowly, FALSE);
    let_samples_go_by();
    g_assert_cmpuint(world.told, ==, 1);
    nest_domains_detach(world.domains);
    attach(); /* it ended while libvirt was away */
    until(!world.any_armed);
    finish();
}

static void
test_listing_fails(void)
{
    begin_armed();
    nest_domains_detach(world.domains);
    g_atomic_int_set(&world.lists_fail, TRUE);
    attach();
    until(strstr(world.logged->str, "cannot list the domains"));
    let_time_go_by();
    g_assert_cmpuint(world.told, ==, 1);
    g_atomic_int_set(&world.lists_fail, FALSE);
    until(!world.any_armed); /* it ended while libvirt was away */
    finish();
}

static void
test_slow_sync(void)
{
    g_autofree gchar *other = other_uuid(OTHER);

    begin();
    until(!nest_domains_are_busy(world.domains));
    world.unreachable = TRUE;
    g_atomic_int_set(&world.others_hang, TRUE);
    g_atomic_int_set(&world.lists_slowly, TRUE);
    world.lists = 0;
    nest_domains_scan(world.domains);
    nest_domains_scan(world.domains); /* after the first */
    nest_domain_sync(nest_domains_get(world.domains, other), NEST_START_NONE);
    g_atomic_int_set(&world.lists_slowly, FALSE);
    until(g_atomic_int_get(&world.lists) == 2);
    g_atomic_int_set(&world.others_hang, FALSE);
    finish();
}

static void
test_queued_disarm(void)
{
    begin_armed();
    until(!nest_domains_are_busy(world.domains));
    g_atomic_int_set(&world.others_hang, TRUE);
    for (int id = OTHER; id <= LAST_OTHER; id++) /* each worker of the guard waits for one */
        see_other(id);
    see_allowed(FOR_EVER);
    g_assert_nonnull(nest_domains_get(world.domains, UUID)->guarding);
    nest_domains_detach(world.domains);
    attach();
    g_atomic_int_set(&world.others_hang, FALSE);
    until(!nest_domains_are_busy(world.domains));
    g_assert_cmpuint(world.disarms, ==, 0);
    finish();
}

/* More QEMUs than there are workers stop answering at once. */
static void
test_all_others_silent(void)
{
    begin();
    see();
    until(guard_is("off") && world.samples > SOME_SAMPLES);
    g_atomic_int_set(&world.others_hang, TRUE);
    for (int id = OTHER; id <= 0xf; id++)
        see_other(id);
    world.grows = 1;
    until(guard_is("armed"));
    g_atomic_int_set(&world.others_hang, FALSE);
    finish();
}

/* How many guards' jobs are stuck. */
static guint
stuck(void)
{
    g_autofree gchar *other = other_uuid(OTHER);

    return nest_workers_stuck(nest_domains_get(world.domains, other)->context->guards);
}

/* A further guest is not asked while too many others do not answer, and its live status tells that until it is. */
static void
test_unasked(void)
{
    begin();
    until(!nest_domains_are_busy(world.domains));
    g_atomic_int_set(&world.others_hang, TRUE);
    for (int id = OTHER; id <= 0xf; id++)
        see_other(id);
    until(stuck() >= 3);
    see();
    until(guard_is("failed"));
    g_assert_nonnull(strstr(wanted()->problem, "its QEMU is not asked, because too many others do not answer"));
    g_atomic_int_set(&world.others_hang, FALSE);
    until(guard_is("off"));
    g_assert_null(wanted()->problem);
    world.grows = 1;
    until(guard_is("armed"));
    finish();
}

/* One that answers and is counted without its QEMU, and others that do not answer where libvirt has so many workers. */
static void
begin_beside_silent(guint server_workers)
{
    begin();
    see();
    until(guard_is("off") && world.samples > SOME_SAMPLES);
    nest_domains_set_server_workers(world.domains, server_workers);
    g_atomic_int_set(&world.others_hang, TRUE);
    for (int id = OTHER; id <= 0xf; id++)
        see_other(id);
    until(stuck() >= 1);
    world.grows = 1;
}

/* What could not be armed, and is to be armed no more, is not shown as failed for as long as the others are silent. */
static void
test_unasked_is_over(void)
{
    begin_beside_silent(2);
    until(guard_is("failed"));
    world.grows = 0;
    until(guard_is("off"));
    g_atomic_int_set(&world.others_hang, FALSE);
    finish();
}

/* One silent QEMU does not keep others from being armed, though libvirt's daemon has few workers. */
static void
test_few_server_workers(void)
{
    begin_beside_silent(10);
    until(guard_is("armed"));
    g_atomic_int_set(&world.others_hang, FALSE);
    finish();
}

/* Others do not answer, so many that by libvirt's usual number of workers no further guest would be asked. */
static void
test_many_server_workers(void)
{
    begin();
    until(!nest_domains_are_busy(world.domains));
    nest_domains_set_server_workers(world.domains, 40);
    g_atomic_int_set(&world.others_hang, TRUE);
    for (int id = OTHER; id <= 0xf; id++)
        see_other(id);
    until(stuck() > 9);
    see();
    world.grows = 1;
    until(guard_is("armed"));
    g_atomic_int_set(&world.others_hang, FALSE);
    finish();
}

/* What is allowed is followed though no sample comes for a minute. */
static void
test_unsampled(void)
{
    begin_armed();
    world.disarm_fails = TRUE;
    see_allowed(FOR_EVER);
    until(world.disarms > 0 && !nest_domains_are_busy(world.domains));
    world.uncounted = TRUE;
    nest_backoff_fail(&nest_domains_get(world.domains, UUID)->guard.sample_backoff, 2 * LIMIT_SECONDS * 1000,
                      nest_workers_now());
    world.disarm_fails = FALSE;
    until(guard_is("lifted"));
    g_assert_false(world.refuses);
    finish();
}

/* A change of the live metadata as libvirt tells of it. */
static void
tell_metadata(void)
{
    nest_domains_metadata(world.domains, GINT_TO_POINTER(1), NEST_STATE_NAMESPACE);
}

static void
test_echo(void)
{
    begin();
    see();
    until(world.writes >= 1);
    until(!nest_domains_are_busy(world.domains));
    world.lookups = 0;
    tell_metadata();
    let_samples_go_by();
    g_assert_cmpint(g_atomic_int_get(&world.lookups), ==, 0);
    world.unreachable = TRUE;
    tell_metadata(); /* somebody else's */
    until(g_atomic_int_get(&world.lookups) > 0);
    finish();
}

/* Nothing happens any more: neither a sample nor anything else on the main loop. */
static void
check_rests(void)
{
    guint before = 0;

    for (guint i = 0; i < 100 && (let_time_go_by() > 1 || nest_domains_are_busy(world.domains)); i++)
        ; /* what is under way comes to its end */
    before = world.samples;
    g_assert_cmpuint(let_time_go_by(), ==, 1); /* its own end */
    g_assert_cmpuint(world.samples, ==, before);
}

static void
begin_watched(void)
{
    begin_with(TRUE);
    see();
    until(guard_is("off"));
    check_rests();
}

static void
test_told(void)
{
    begin_watched();
    for (int i = 0; i < 2; i++) {
        guint samples = world.samples;

        g_assert_true(world.watched);
        enter();
        until(world.refuses);
        g_assert_cmpuint(world.samples, ==, samples);
        until(guard_is("armed"));
        g_assert_cmpuint(count_lines(" ms after the first entry on"), ==, i + 1);
        g_assert_cmpstr(wanted()->probe, ==, "watcher");
        until(guard_is("off"));
        check_rests();
    }
    finish();
}

static void
test_told_seldom(void)
{
    gint64 since = 0;
    guint samples = 0;

    begin_watched();
    world.grows = 1;
    enter();
    until(guard_is("armed"));
    samples = world.samples;
    since = g_get_monotonic_time();
    let_samples_go_by();
    samples = world.samples - samples;
    /* The first one may be due at once. */
    g_assert_cmpint(g_get_monotonic_time() - since, >, (gint64)(samples - 2) * 5 * INTERVAL_MS * 1000);
    finish();
}

static void
test_begun_before_watch(void)
{
    begin_with(TRUE);
    world.entries = 7;
    see();
    until(guard_is("armed"));
    until(guard_is("off"));
    check_rests();
    finish();
}

static void
test_watch_fails(void)
{
    begin_with(TRUE);
    world.watch_fails = TRUE;
    see();
    until(guard_is("off"));
    let_samples_go_by();
    g_assert_cmpuint(count_lines("it was told not to watch"), ==, 1);
    g_assert_cmpuint(world.samples, >, world.watch_calls); /* later and later */
    world.watch_fails = FALSE;
    until(world.watched);
    check_rests();
    g_assert_cmpuint(count_lines("the kernel again reports at once when nested guests begin"), ==, 1);
    finish();
}

static void
test_watched_snapshot(void)
{
    begin_watched();
    world.snapshot = g_get_real_time() / G_USEC_PER_SEC;
    g_usleep(G_USEC_PER_SEC); /* times of snapshots have seconds */
    enter();
    until(guard_is("armed"));
    g_assert_null(strstr(world.logged->str, "its snapshot"));
    finish();
}

static void
test_unwatched_at_end(void)
{
    begin_watched();
    nest_domain_forget_run(nest_domains_get(world.domains, UUID));
    g_assert_false(world.followed);
    finish();
    begin_watched();
    enter();
    until(guard_is("armed"));
    world.watch_fails = TRUE; /* from the first try after the nested guests on */
    until(guard_is("off"));
    until(count_lines("it was told not to watch") > 0);
    nest_domain_forget_run(nest_domains_get(world.domains, UUID));
    g_assert_false(world.followed);
    finish();
}

static void
test_toggles(void)
{
    begin_armed();
    for (int i = 0; i < 2; i++) { /* the first disarming is at once, the second later */
        world.grows = 0;
        until(guard_is("off"));
        world.grows = 1;
        until(guard_is("armed"));
    }
    world.grows = 0;
    until(nest_domains_get(world.domains, UUID)->guard.verdict.state == NEST_VERDICT_NONE);
    let_samples_go_by();
    g_assert_true(world.refuses && guard_is("armed") && wanted()->nested);
    finish();
}

static void
test_other_texts(void)
{
    gint64 start = g_get_monotonic_time();

    begin();
    world.grows = 1;
    world.arm_fails = world.texts_differ = TRUE;
    see();
    until(world.arms > SOME_SAMPLES);
    g_assert_cmpuint(count_lines("it was told to fail"), ==, 1);
    /* Later and later: after 1, 2, 4, 8 and 16 intervals, each less half of one. */
    g_assert_cmpint(g_get_monotonic_time() - start, >, (gint64)28 * INTERVAL_MS * 1000);
    finish();
}

/* An arming that fails, works, and fails again: one line in a minute. */
static void
test_changing_answers(void)
{
    begin();
    world.grows = 1;
    world.arm_fails = TRUE;
    see();
    until(guard_is("failed"));
    world.arm_fails = FALSE;
    until(guard_is("armed"));
    world.grows = 0;
    until(guard_is("off"));
    world.grows = 1;
    world.arm_fails = world.texts_differ = TRUE;
    until(guard_is("failed"));
    g_assert_cmpuint(count_lines("it was told to fail"), ==, 1);
    finish();
}

static void
test_nonsense(void)
{
    gint64 start = g_get_monotonic_time();

    begin();
    world.asks = TRUE;
    world.nonsense = 12;
    see();
    until(world.nonsense == 0);
    g_assert_cmpint(g_get_monotonic_time() - start, >, (gint64)28 * INTERVAL_MS * 1000);
    finish();
}

static void
test_silent(void)
{
    begin();
    world.silent = TRUE;
    see();
    until(guard_is("off") && !nest_domains_are_busy(world.domains));
    let_samples_go_by();
    g_assert_cmpuint(world.writes, ==, 0);
    world.silent = FALSE;
    until(world.writes == 1);
    finish();
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        {"while nobody is guarded nothing is sampled", test_nobody},
        {"armed while nested guests run, disarmed after them", test_there_and_back},
        {"no nested guest, nothing is armed", test_never},
        {"arming fails, and is tried again", test_arm_fails},
        {"while its QEMU does not say whether it is armed, its live status says nothing of it", test_check_fails},
        {"... and says \"armed\" of one that an earlier virtnestd has armed", test_check_fails_armed},
        {"arming fails, and QEMU refuses all the same: it is disarmed later", test_arm_leaves_node},
        {"disarming fails, and is tried again with each sample, no faster", test_disarm_fails},
        {"a guest that was faster than its guard is told of", test_lost},
        {"one that just ended is not", test_ended},
        {"libvirt does not reach a domain, which is said, and it stays guarded", test_unreachable},
        {"opted out, and guarded again before its live status was written", test_opted_out},
        {"the tag is gone: armed until the nested guests are", test_untagged_stays_armed},
        {"what began while it was allowed goes on when the time is over", test_allow_for},
        {"what began later does not", test_allow_over},
        {"allowed once, and no second at once", test_allow_once},
        {"allowed once, and never used: over after an hour", test_allow_once_unused},
        {"so it is where there was nothing to refuse", test_allow_once_idle},
        {"what was allowed once goes on when the hour is over", test_allow_once_under_way},
        {"what virt-nest allow left is removed once", test_allow_removed},
        {"an internal snapshot uses up what is allowed once", test_allow_snapshot},
        {"a snapshot that was faster than the guard is named, an old one is not", test_late_snapshot},
        {"the echo of its own change of the metadata leads to nothing", test_echo},
        {"a guest that keeps changing its mind stays armed for longer", test_toggles},
        {"an entry that is told of arms at once; before it and after it there is no work", test_told},
        {"while nested guests run whose next entry will be told of, samples are few", test_told_seldom},
        {"nested guests that began before the watch are counted", test_begun_before_watch},
        {"a guest that cannot be watched is sampled, which is said once, and tried later and later", test_watch_fails},
        {"a snapshot before the entry that was told of is not named", test_watched_snapshot},
        {"a guest whose run is over is not watched", test_unwatched_at_end},
        {"a problem whose text changes is logged once, and tried later and later", test_other_texts},
        {"a problem that comes, goes and comes again is logged once a minute", test_changing_answers},
        {"answers of which each second one is nonsense are asked for later and later", test_nonsense},
        {"while QEMU does not answer, nothing is written that would wait for it", test_silent},
        {"libvirt was away: what was armed counts until all is looked at", test_libvirt_away},
        {"libvirt is back, and cannot list its domains: what was armed counts until it can", test_listing_fails},
        {"a slow sync does not hold up the next scan", test_slow_sync},
        {"a disarming that waits for a worker does not reach the next libvirt", test_queued_disarm},
        {"while all others do not answer, one that has answered is armed", test_all_others_silent},
        {"where libvirt's daemon has more workers, more are asked", test_many_server_workers},
        {"where it has few, a silent one keeps no other from being armed", test_few_server_workers},
        {"what was not asked in vain is told until nothing is wanted of it any more", test_unasked_is_over},
        {"while they do not, a new one is not asked, and its live status tells that", test_unasked},
        {"while samples are put off, its guard is disarmed all the same", test_unsampled},
    };

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0) /* for what is the library's own */
        return 1;
    g_log_set_writer_func(keep_line, NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *path = g_strconcat("/guard/", cases[i].name, NULL);

        g_test_add_func(path, cases[i].run);
    }
    return g_test_run();
}
