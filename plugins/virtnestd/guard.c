/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard: watches running domains for nested guests, and has migration and save refused while they run.
 *
 * Theory of operation: a running domain that is to be guarded is a ward. Each interval a ward is sampled, by
 * probes that only read files here on the main loop, by others on a worker (guard_job.c); the sample goes
 * into the ward's verdict (common/guard/verdict.c), and where verdict and guard disagree a worker arms or disarms.
 * There is at most one piece of work a ward, so that a QEMU that does not answer holds up nobody else: its
 * worker does not count among those there may be. What has come out is published: in the domain's live
 * metadata, by the look that the listener asks for, and by the exports. Nothing is written down besides: after
 * a restart of virtnestd or libvirt, a ward's QEMU says itself whether it is armed. */
#include "virtnestd/guard.h"

#include "base/error.h"
#include "base/log.h"
#include "virtnestd/ward.h"

/* Without an answer for so long a QEMU counts as stuck. */
#define STUCK_MS 3000
/* How old the exports' figures may be. */
#define EXPORT_MS 15000

struct NestGuardian {
    const NestConfig *config;
    const NestPluginHost *plugins;
    const NestGuardListener *listener;
    gpointer data;            /* for the listener */
    NestConnectionPool *pool; /* where the calls go; NULL while libvirt is away */
    GThreadPool *workers;     /* of NestGuardJob */
    GHashTable *wards;        /* uuid -> NestWard */
    GHashTable
        *farewells;  /* uuids of domains whose guard has ended, until their live statuses say so */
    guint working;   /* jobs under way */
    guint stuck;     /* ... of which so many whose QEMU does not answer */
    guint timer;     /* the source of the next sample; 0: no ward */
    guint export;    /* the source of the export that is due; 0: none is */
    gint64 exported; /* when the last was */
    gboolean any_armed; /* as the listener knows it */
    gboolean settling;  /* libvirt is back, and not all its domains were looked at */
};

/* --- saying it */

static gboolean
export_now(gpointer data)
{
    NestGuardian *guardian = data;
    g_autoptr(GArray) shown = g_array_new(FALSE, FALSE, sizeof(NestShown));
    const NestLoadedPlugin *loaded = NULL;
    GHashTableIter iter;
    NestWard *ward = NULL;

    g_hash_table_iter_init(&iter, guardian->wards);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&ward)) {
        NestShown row = {&ward->run->guest, &ward->verdict, nest_ward_guard(ward), ward->probe,
                         ward->problem};

        g_array_append_val(shown, row);
    }
    for (guint i = 0; (loaded = nest_plugin_host_get(guardian->plugins, NEST_PLUGIN_EXPORT, i));
         i++) {
        g_autoptr(GError) error = NULL;

        if (!loaded->plugin->publish(loaded->state, (const NestShown *)shown->data, shown->len,
                                     &error))
            nest_log_error(NULL, NULL, error);
    }
    guardian->export = 0;
    guardian->exported = nest_guard_now();
    return G_SOURCE_REMOVE;
}

static void
export_soon(NestGuardian *guardian)
{
    if (!guardian->export)
        guardian->export = g_idle_add(export_now, guardian);
}

static void
tell_armed(NestGuardian *guardian, gboolean any)
{
    if (any == guardian->any_armed)
        return;
    guardian->any_armed = any;
    guardian->listener->armed(guardian->data, any);
}

/* That none is armed any more is told when the interval is over. */
static void
set_armed(NestWard *ward, gboolean armed)
{
    ward->armed = armed;
    if (armed)
        tell_armed(ward->guardian, TRUE);
}

/* While something is under way for it, it is about to change. */
static void
publish(NestWard *ward)
{
    NestGuardian *guardian = ward->guardian;

    if (ward->job || !ward->checked || !nest_ward_show(ward, nest_guard_now()))
        return;
    export_soon(guardian);
    guardian->listener->changed(guardian->data, ward->run->guest.uuid);
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
push(NestWard *ward, NestGuardJob *job)
{
    ward->job = job;
    ward->guardian->working++;
    g_thread_pool_push(ward->guardian->workers, job, NULL);
}

static NestGuardJob *
new_job(NestWard *ward, NestGuardWork work)
{
    NestGuardian *guardian = ward->guardian;
    NestGuardJob *job = nest_guard_job_new(work, guardian->plugins, guardian->pool, ward->run);

    job->guardian = guardian;
    job->owner = ward;
    job->armed = ward->armed;
    job->yields = ward->lifted;
    job->since = ward->lifted ? 0 : ward->quiet;
    return job;
}

static void
begin(NestWard *ward, NestGuardWork work)
{
    push(ward, new_job(ward, work));
}

/* @evidence, @probe: what is known of the sample already, and from where. */
static void
begin_sample(NestWard *ward, const NestEvidence *evidence, const char *probe)
{
    NestGuardJob *job = new_job(ward, nest_guard_sample);

    job->evidence = *evidence;
    job->probe = probe;
    job->wants_bit = nest_ward_wants_bit(ward);
    push(ward, job);
}

/* So that those whose QEMU answers have as many workers as ever. */
static void
allow_workers(NestGuardian *guardian)
{
    guint more = MIN(guardian->stuck, NEST_POOL_EXTRA_CONNECTIONS);

    g_thread_pool_set_max_threads(guardian->workers, (gint)(NEST_POOL_CONNECTIONS + more), NULL);
    if (guardian->pool)
        nest_connection_pool_extend(guardian->pool, more);
}

static void
notice_stuck(NestWard *ward)
{
    g_autoptr(GError) error = NULL;

    if (!ward->job || ward->job->stuck || nest_guard_job_took(ward->job) < STUCK_MS)
        return;
    ward->job->stuck = TRUE;
    ward->guardian->stuck++;
    allow_workers(ward->guardian);
    if (ward->guardian->stuck == NEST_POOL_CONNECTIONS + NEST_POOL_EXTRA_CONNECTIONS)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "%u domains do not answer: until one of them does, no guard is armed or disarmed",
                 ward->guardian->stuck);
    error =
        g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                    "its QEMU has not answered for %d s: until it does, nothing is known of its "
                    "nested guests, and its guard stays as it is",
                    STUCK_MS / 1000);
    nest_ward_say_once(ward, error);
}

/* Whether an operation that is under way may have begun while the guard was lifted. */
static gboolean
was_lifted(const NestWard *ward)
{
    return nest_ward_is_lifted(ward) ||
           (ward->lifted && !ward->spent && ward->verdict.state == NEST_VERDICT_RUNNING);
}

/* Makes the guard what the verdict asks for. */
static void
decide(NestWard *ward)
{
    if (ward->job)
        return;
    ward->lifted = was_lifted(ward);
    if (nest_ward_wants_arms(ward) && !ward->armed)
        begin(ward, nest_guard_arm);
    else if (ward->armed && (nest_ward_is_lifted(ward) || ward->verdict.state == NEST_VERDICT_NONE))
        begin(ward, nest_guard_disarm);
    publish(ward);
}

static void
take_sample(NestWard *ward, const NestEvidence *evidence, const char *probe, gint64 now)
{
    const NestConfig *config = ward->guardian->config;
    NestVerdictRules rules = {config->linger_ms, config->release == NEST_RELEASE_STRICT};

    nest_verdict_add(&ward->verdict, evidence, &rules, ward->run->started_ms, now);
    if (ward->verdict.state == NEST_VERDICT_NONE)
        ward->quiet = (g_get_real_time() - (nest_guard_now() - now) * G_TIME_SPAN_MILLISECOND) /
                      G_USEC_PER_SEC;
    if (probe)
        ward->probe = probe;
    decide(ward);
}

static void
sample(NestWard *ward)
{
    const NestPluginHost *plugins = ward->guardian->plugins;
    const NestGuest *guest = &ward->run->guest;
    NestEvidence evidence = {0};
    const char *probe = NULL;

    notice_stuck(ward);
    if (ward->job)
        return;
    probe = nest_guard_sample_here(plugins, guest, &evidence);
    if (evidence.counted && !nest_verdict_wants_bit(&ward->verdict))
        take_sample(ward, &evidence, probe, nest_guard_now());
    else
        begin_sample(ward, &evidence, probe);
}

static void
sample_is_done(NestWard *ward, const NestGuardJob *job)
{
    const NestGuest *guest = &ward->run->guest;

    ward->blind = job->error ? ward->blind + 1 : 0;
    if (ward->blind == NEST_WARD_MAX_BLIND)
        nest_log_error(guest->name, guest->uuid, job->error);
    take_sample(ward, &job->evidence, job->probe, job->sampled);
}

static void
check_is_done(NestWard *ward, const NestGuardJob *job)
{
    if (job->error) {
        nest_ward_say_once(ward, job->error); /* and it is checked again with the next sample */
        return;
    }
    ward->checked = TRUE;
    set_armed(ward, job->armed);
    sample(ward);
}

/* What the guard came too late for, and the guest has not left with. */
static void
tell_late(NestWard *ward, const NestGuardJob *job)
{
    const NestGuest *guest = &ward->run->guest;
    g_autoptr(GError) error = NULL;

    if (!job->late || ward->armed)
        return;
    error = g_error_new(NEST_ERROR, NEST_ERROR_GUARD,
                        "its snapshot with memory was made before the guard was armed, and may "
                        "hold nested guests (%s): revert to it only on a host with nesting on",
                        job->late);
    nest_log_error(guest->name, guest->uuid, error);
}

/* One that is not armed yet, as what was allowed goes on, is tried again with the next sample. */
static void
arm_is_done(NestWard *ward, const NestGuardJob *job)
{
    const NestGuest *guest = &ward->run->guest;

    ward->lifted = job->yields;
    if (job->aborted)
        nest_log_event(NEST_LOG_ABORTED, guest->name, guest->uuid,
                       "its %s was aborted: nested guests began to run while it was under way",
                       job->aborted);
    g_clear_pointer(&ward->problem, g_free);
    if (job->error) {
        ward->problem = nest_error_text(job->error);
        nest_ward_say_once(ward, job->error);
    } else {
        g_clear_pointer(&ward->said, g_free);
    }
    if (job->armed && !ward->armed)
        nest_log_event(NEST_LOG_ARMED, guest->name, guest->uuid,
                       "nested guests run in it (%s): migration and save are refused",
                       nest_ward_reason(ward));
    tell_late(ward, job);
    set_armed(ward, job->armed);
    publish(ward);
    ward->checked = !job->unsure;
}

static void
disarm_is_done(NestWard *ward, const NestGuardJob *job)
{
    const NestGuest *guest = &ward->run->guest;

    if (job->error)
        nest_ward_say_once(ward, job->error);
    else
        nest_log_event(
            NEST_LOG_DISARMED, guest->name, guest->uuid, "%s: migration and save are possible",
            nest_ward_is_lifted(ward) ? "its guard is lifted by hand" : nest_ward_reason(ward));
    set_armed(ward, job->armed);
    if (job->error)
        publish(ward); /* and it is tried again with the next sample */
    else
        decide(ward);
}

/* The last that is heard of a guest which was faster than its guard. */
static void
tell_lost(const NestGuardJob *job)
{
    const NestGuest *guest = &job->run->guest;

    if (job->gone && job->aborted && job->error)
        nest_log_error(guest->name, guest->uuid, job->error);
}

/* What follows each kind of work, on the main loop. */
static const struct {
    NestGuardWork work;
    void (*done)(NestWard *ward, const NestGuardJob *job);
} works[] = {
    {nest_guard_sample, sample_is_done},
    {nest_guard_check, check_is_done},
    {nest_guard_arm, arm_is_done},
    {nest_guard_disarm, disarm_is_done},
};

static void drop_if_over(NestWard *ward);

static gboolean
job_is_done(gpointer data)
{
    NestGuardJob *job = data;
    NestGuardian *guardian = job->guardian;
    NestWard *ward = job->owner;

    guardian->working--;
    if (job->stuck) {
        guardian->stuck--;
        allow_workers(guardian);
    }
    tell_lost(job);
    if (ward)
        ward->job = NULL;
    if (ward && !job->gone) {
        for (gsize i = 0; i < G_N_ELEMENTS(works); i++)
            if (works[i].work == job->work)
                works[i].done(ward, job);
        drop_if_over(ward);
    }
    nest_guard_job_free(job);
    return G_SOURCE_REMOVE;
}

/* --- the wards */

static gboolean interval_is_over(gpointer data);

static void
start_timer(NestGuardian *guardian)
{
    if (!guardian->timer)
        guardian->timer = g_timeout_add(guardian->config->interval_ms, interval_is_over, guardian);
}

/* While libvirt is away, and until each domain has been asked anew, what was armed counts as armed. */
static gboolean
interval_is_over(gpointer data)
{
    NestGuardian *guardian = data;
    g_autoptr(GList) wards = g_hash_table_get_values(guardian->wards);
    gboolean any = guardian->any_armed && guardian->settling;

    for (GList *i = wards; i; i = i->next) {
        NestWard *ward = i->data;

        any |= ward->armed || (guardian->any_armed && !ward->checked);
        if (ward->checked || ward->job)
            sample(ward);
        else
            begin(ward, nest_guard_check);
    }
    if (guardian->pool)
        tell_armed(guardian, any);
    if (wards && nest_guard_now() - guardian->exported > EXPORT_MS)
        export_soon(guardian);
    guardian->timer = 0;
    if (wards)
        start_timer(guardian);
    return G_SOURCE_REMOVE;
}

static void
remove_ward(NestGuardian *guardian, const char *uuid)
{
    if (!g_hash_table_remove(guardian->wards, uuid))
        return;
    export_soon(guardian);
}

/* Its tag is gone, or says migration='allow', and it is disarmed. */
static void
drop_if_over(NestWard *ward)
{
    NestGuardian *guardian = ward->guardian;
    g_autofree gchar *uuid = NULL;

    if (ward->run->guarded || ward->armed || !ward->checked || ward->job)
        return;
    uuid = g_strdup(ward->run->guest.uuid);
    g_hash_table_add(guardian->farewells, g_strdup(uuid));
    remove_ward(guardian, uuid);
    guardian->listener->changed(guardian->data, uuid);
}

/* Whether virtnestd, this one or an earlier, has armed it. */
static gboolean
may_be_armed(const NestLiveDomain *run)
{
    return run->marked && run->state->live.nested;
}

static void
add_ward(NestGuardian *guardian, NestLiveDomain *run)
{
    NestWard *ward = nest_ward_new(guardian, run);

    g_hash_table_remove(guardian->farewells, run->guest.uuid);
    g_hash_table_insert(guardian->wards, g_strdup(run->guest.uuid), ward);
    begin(ward, nest_guard_check);
    start_timer(guardian);
}

/* One that has just been let go is marked as guarded until its live status has been written anew. */
static void
see_new(NestGuardian *guardian, NestLiveDomain *run)
{
    const char *uuid = run->guest.uuid;

    if (!may_be_armed(run))
        g_hash_table_remove(guardian->farewells, uuid);
    if (guardian->pool &&
        (run->guarded || (may_be_armed(run) && !g_hash_table_contains(guardian->farewells, uuid))))
        add_ward(guardian, run);
}

void
nest_guardian_see(NestGuardian *guardian, NestLiveDomain *run)
{
    NestWard *ward = g_hash_table_lookup(guardian->wards, run->guest.uuid);

    if (ward && !nest_live_domain_is(ward->run, run)) {
        remove_ward(guardian, run->guest.uuid);
        ward = NULL;
    }
    if (!ward) {
        see_new(guardian, run);
        return;
    }
    nest_live_domain_unref(ward->run);
    ward->run = nest_live_domain_ref(run);
    ward->spent &= run->has_allow;
    decide(ward);
    drop_if_over(ward);
}

void
nest_guardian_forget(NestGuardian *guardian, const char *uuid)
{
    g_hash_table_remove(guardian->farewells, uuid);
    remove_ward(guardian, uuid);
}

void
nest_guardian_job_moves(NestGuardian *guardian, const char *uuid)
{
    NestWard *ward = g_hash_table_lookup(guardian->wards, uuid);

    if (ward)
        ward->moves = TRUE;
}

void
nest_guardian_resumed(NestGuardian *guardian, const char *uuid)
{
    NestWard *ward = g_hash_table_lookup(guardian->wards, uuid);

    if (ward && ward->moves)
        nest_guardian_job_ended(guardian, uuid);
}

void
nest_guardian_job_ended(NestGuardian *guardian, const char *uuid)
{
    NestWard *ward = g_hash_table_lookup(guardian->wards, uuid);

    if (!ward)
        return;
    ward->moves = FALSE;
    if (!ward->run->allow.once || ward->spent)
        return;
    ward->spent = TRUE;
    decide(ward);
    guardian->listener->changed(guardian->data, uuid);
}

NestLiveStatus *
nest_guardian_live(NestGuardian *guardian, const char *uuid, gboolean *ret_allow_is_over)
{
    const NestWard *ward = g_hash_table_lookup(guardian->wards, uuid);

    *ret_allow_is_over = ward && ward->spent;
    if (g_hash_table_contains(guardian->farewells, uuid))
        return nest_live_status_new();
    return ward && ward->shown ? nest_live_status_copy(ward->shown) : NULL;
}

gboolean
nest_guardian_is_busy(const NestGuardian *guardian)
{
    return guardian->working > 0;
}

void
nest_guardian_attach(NestGuardian *guardian, NestConnectionPool *pool)
{
    g_hash_table_remove_all(guardian->wards);
    g_hash_table_remove_all(guardian->farewells);
    g_clear_pointer(&guardian->pool, nest_connection_pool_unref);
    if (pool) {
        guardian->pool = nest_connection_pool_ref(pool);
        guardian->settling = TRUE;
    }
    allow_workers(guardian);
    export_soon(guardian);
}

void
nest_guardian_settle(NestGuardian *guardian)
{
    guardian->settling = FALSE;
    start_timer(guardian);
}

NestGuardian *
nest_guardian_new(const NestConfig *config, const NestPluginHost *plugins,
                  const NestGuardListener *listener, gpointer data)
{
    NestGuardian *guardian = g_new0(NestGuardian, 1);

    guardian->config = config;
    guardian->plugins = plugins;
    guardian->listener = listener;
    guardian->data = data;
    guardian->wards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, nest_ward_free);
    guardian->farewells = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guardian->workers = g_thread_pool_new(run_job, NULL, NEST_POOL_CONNECTIONS, FALSE, NULL);
    return guardian;
}

void
nest_guardian_free(NestGuardian *guardian)
{
    if (!guardian)
        return;
    nest_guardian_attach(guardian, NULL);
    g_thread_pool_free(guardian->workers, FALSE, TRUE);
    g_clear_handle_id(&guardian->timer, g_source_remove);
    g_clear_handle_id(&guardian->export, g_source_remove);
    (void)export_now(guardian);
    g_hash_table_unref(guardian->wards);
    g_hash_table_unref(guardian->farewells);
    g_free(guardian);
}
