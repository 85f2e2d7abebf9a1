/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers: the threads and connections of one kind of work, so that no kind of work holds up another.
 *
 * Theory of operation: a call to libvirt cannot be cancelled. If it asks a QEMU that does not answer, it waits as long as
 * that QEMU lives. So a slow job does not count against the limit any more, and a further job may begin. A job that may get
 * stuck has a limit of its own, so that some workers stay free for the others. All this is decided on the main loop; a job
 * reaches its thread only when it may begin. A timer checks the jobs only while some are under way that are not stuck. */
#include "virtnestd/workers.h"

#include "base/log.h"

struct NestWorkers {
    guint n;
    guint extra;
    GThreadPool *threads;
    NestConnectionPool *pool;       /* NULL while libvirt is away */
    GHashTable *jobs;               /* set of all NestJob */
    GQueue waiting;                 /* those of them that have no worker yet */
    guint slow;                     /* how many jobs are slow */
    guint stuck;                    /* how many jobs are stuck */
    guint costly;                   /* how many costly jobs run and are not stuck */
    guint timer;                    /* the source that checks the jobs; 0: none */
    void (*changed)(gpointer data); /* (nullable) of nest_workers_watch() */
    gpointer data;                  /* for it */
    gboolean starved;               /* the log says already that no thread can be started */
};

gint64
nest_workers_now(void)
{
    return g_get_monotonic_time() / G_TIME_SPAN_MILLISECOND;
}

gint64
nest_job_took(const NestJob *job)
{
    gint waited = g_atomic_int_get(&job->waited);

    return waited < 0 ? 0 : nest_workers_now() - job->made - waited;
}

void
nest_job_clear(NestJob *job)
{
    g_clear_pointer(&job->pool, nest_connection_pool_unref);
    g_clear_error(&job->error);
}

static void
notify_changed(const NestWorkers *workers)
{
    if (workers->changed)
        workers->changed(workers->data);
}

static void begin_jobs(NestWorkers *workers);

static gboolean
call_job_done(gpointer data)
{
    NestJob *job = data;
    NestWorkers *workers = job->workers;

    g_hash_table_remove(workers->jobs, job);
    if (g_hash_table_size(workers->jobs) == 0)
        g_clear_handle_id(&workers->timer, g_source_remove);
    workers->slow -= job->slow;
    workers->stuck -= job->stuck;
    workers->costly -= job->costly && !job->turned_away && !job->stuck;
    job->done(job);
    begin_jobs(workers);
    notify_changed(workers);
    return G_SOURCE_REMOVE;
}

static void
run_job_in_thread(gpointer data, gpointer user)
{
    NestJob *job = data;
    const NestWorkers *workers = user;
    virConnectPtr connection = nest_connection_pool_acquire(job->pool, &job->error);

    g_atomic_int_set(&job->waited, (gint)(nest_workers_now() - job->made));
    job->run(job, connection);
    nest_connection_pool_release(job->pool, connection, workers->n);
    g_idle_add_full(G_PRIORITY_DEFAULT, call_job_done, job, NULL);
}

/* If no thread can be started, the job waits until a running thread is free, or a later push starts a thread. */
static void
push_to_thread(NestWorkers *workers, NestJob *job)
{
    g_autoptr(GError) error = NULL;

    if (!g_thread_pool_push(workers->threads, job, &error) && !workers->starved)
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "cannot start a thread (%s): its work waits; raise TasksMax= or the memory "
                 "of virtnestd.service",
                 error->message);
    workers->starved = error != NULL;
}

/* Begins the jobs that may begin now, and turns away those that would wait for stuck ones. */
static void
begin_jobs(NestWorkers *workers)
{
    guint limit = workers->n + MIN(workers->slow, workers->extra);
    guint busy = g_hash_table_size(workers->jobs) - workers->waiting.length;
    GList *next = NULL;

    for (GList *at = workers->waiting.head; at && (busy < limit || workers->stuck); at = next) {
        NestJob *job = at->data;
        gboolean may_begin =
            busy < limit && (!job->most || busy < job->most) && !(job->costly && workers->costly);

        next = at->next;
        job->turned_away = job->most && workers->stuck >= job->most;
        if (!may_begin && !job->turned_away)
            continue;
        g_queue_delete_link(&workers->waiting, at);
        busy++;
        if (job->turned_away) {
            g_idle_add_full(G_PRIORITY_DEFAULT, call_job_done, job, NULL);
        } else {
            workers->costly += job->costly;
            push_to_thread(workers, job);
        }
    }
}

static void
notice_slow(NestWorkers *workers, NestJob *job)
{
    gint64 took = nest_job_took(job);

    if (!job->slow && took >= NEST_WORKERS_SLOW_MS) {
        job->slow = TRUE;
        workers->slow++;
    }
    if (!job->stuck && took >= NEST_WORKERS_STUCK_MS) {
        job->stuck = TRUE;
        workers->stuck++;
        workers->costly -= job->costly;
    }
}

static gboolean
check_jobs(gpointer data)
{
    NestWorkers *workers = data;
    guint before = workers->slow + workers->stuck;
    GHashTableIter iter;
    gpointer job = NULL;

    g_hash_table_iter_init(&iter, workers->jobs);
    while (g_hash_table_iter_next(&iter, &job, NULL))
        notice_slow(workers, job);
    if (workers->slow + workers->stuck != before) {
        begin_jobs(workers);
        notify_changed(workers);
    }
    if (g_hash_table_size(workers->jobs) > workers->stuck)
        return G_SOURCE_CONTINUE;
    workers->timer = 0;
    return G_SOURCE_REMOVE;
}

void
nest_workers_push(NestWorkers *workers, NestJob *job)
{
    job->workers = workers;
    job->pool = nest_connection_pool_ref(workers->pool);
    job->made = nest_workers_now();
    job->waited = -1;
    g_hash_table_add(workers->jobs, job);
    g_queue_push_tail(&workers->waiting, job);
    if (!workers->timer)
        workers->timer = g_timeout_add(NEST_WORKERS_SLOW_MS, check_jobs, workers);
    begin_jobs(workers);
}

void
nest_workers_watch(NestWorkers *workers, void (*changed)(gpointer data), gpointer data)
{
    workers->changed = changed;
    workers->data = data;
}

NestWorkers *
nest_workers_new(guint n, guint extra)
{
    NestWorkers *workers = g_new0(NestWorkers, 1);

    workers->n = n;
    workers->extra = extra;
    workers->threads =
        g_thread_pool_new(run_job_in_thread, workers, (gint)(n + extra), FALSE, NULL);
    workers->jobs = g_hash_table_new(NULL, NULL);
    return workers;
}

void
nest_workers_set_extra(NestWorkers *workers, guint extra)
{
    workers->extra = extra;
    (void)g_thread_pool_set_max_threads(workers->threads, (gint)(workers->n + extra), NULL);
}

void
nest_workers_free(NestWorkers *workers)
{
    if (!workers)
        return;
    g_thread_pool_free(workers->threads, FALSE, TRUE);
    g_clear_handle_id(&workers->timer, g_source_remove);
    nest_workers_attach(workers, NULL, NULL);
    g_queue_clear(&workers->waiting);
    g_hash_table_unref(workers->jobs);
    g_free(workers);
}

void
nest_workers_attach(NestWorkers *workers, virConnectPtr control, const char *uri)
{
    if (workers->pool)
        nest_connection_pool_close(workers->pool);
    g_clear_pointer(&workers->pool, nest_connection_pool_unref);
    if (control)
        workers->pool = nest_connection_pool_new(control, uri);
}

gboolean
nest_workers_are_attached(const NestWorkers *workers)
{
    return workers->pool != NULL;
}

guint
nest_workers_under_way(const NestWorkers *workers)
{
    return g_hash_table_size(workers->jobs);
}

guint
nest_workers_slow(const NestWorkers *workers)
{
    return workers->slow;
}

guint
nest_workers_stuck(const NestWorkers *workers)
{
    return workers->stuck;
}
