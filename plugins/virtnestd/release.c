/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtnestd --release: disarms every guard of the host, as the removal of the package does. */
#include "virtnestd/release.h"

#include "base/error.h"
#include "base/log.h"
#include "virt/virt.h"
#include "virtnestd/guard_job.h"
#include "virtnestd/publish.h"

/* How long all of them may take together. */
#define PATIENCE_SECONDS 20
/* How many domains are disarmed at a time: few at first, and one more each time when none has finished for a while, because
 * QEMUs that do not answer keep the others waiting. libvirtd has up to 20 workers for all its clients, and begins with five.
 * If a burst of calls finds no free worker, libvirtd may start no further ones (facts.md, "Clients"). */
#define FIRST_WORKERS 3
#define MAX_WORKERS 16
#define A_WHILE_MS 250

/* One domain that a thread disarms. */
typedef struct {
    NestConnectionPool *pool;
    const NestPluginHost *plugins;
    GAsyncQueue *done; /* takes this struct when the domain is done */
    gchar *uuid;
    gchar *name;
    GError *error; /* why it could not be disarmed */
} Disarming;

/* Disarms a domain, and writes a live status that says nothing of a guard. A domain without a live status gets
 * none. */
static void
disarm_and_publish(NestGuardJob *job, virDomainPtr domain)
{
    g_autoptr(NestLiveStatus) nothing = nest_live_status_new();
    NestPublishJob *publish = NULL;

    nest_guard_disarm(job, domain);
    if (job->job.error || !job->live->state->live.uuid)
        return;
    publish = nest_publish_job_new(job->live);
    publish->element = nest_publish_element(job->live, nothing);
    publish->writes = TRUE;
    publish->forgets = job->live->has_allow;
    nest_publish(publish, domain);
    if (!publish->gone)
        job->job.error = g_steal_pointer(&publish->job.error);
    nest_publish_job_free(publish);
}

static NestLiveDomain *
disarming_read_live_domain(Disarming *disarming, virConnectPtr connection)
{
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(connection, disarming->uuid);
    NestLiveDomain *live = NULL;

    if (domain)
        (void)!nest_live_domain_read(domain, NULL, NULL, TRUE, &live, &disarming->error);
    return live;
}

/* An armed domain may have neither a live status nor a tag any more, but its vCPUs have the feature.
 * The guard asks a QEMU only if somebody has already sent a command to its monitor, so this taints no
 * domain that was not tainted before. */
static void
disarming_run(gpointer data, gpointer unused)
{
    Disarming *disarming = data;
    virConnectPtr connection = nest_connection_pool_acquire(disarming->pool, &disarming->error);
    g_autoptr(NestLiveDomain) live =
        connection ? disarming_read_live_domain(disarming, connection) : NULL;
    NestGuardJob *job = NULL;

    (void)unused;
    if (live && (live->state->live.uuid || *live->guest.feature)) {
        job = nest_guard_job_new(disarm_and_publish, disarming->plugins, live);
        nest_guard_job_run(&job->job, connection);
        disarming->error = g_steal_pointer(&job->job.error);
        if (job->stopped)
            g_set_error_literal(
                &disarming->error, NEST_ERROR, NEST_ERROR_GUARD,
                "a signal has stopped its QEMU, so it is not asked, and a guard that is armed there stays; "
                "continue it (kill -CONT), then run virtnestd --release, or stop the domain");
        nest_guard_job_free(job);
    }
    nest_connection_pool_release(disarming->pool, connection, G_MAXINT);
    g_async_queue_push(disarming->done, disarming);
}

static void
disarming_free(gpointer data)
{
    Disarming *disarming = data;

    g_clear_error(&disarming->error);
    g_free(disarming->uuid);
    g_free(disarming->name);
    g_free(disarming);
}

/* (nullable) The next domain that is done; NULL if none is done in time. */
static Disarming *
disarming_next(GThreadPool *workers, GAsyncQueue *done, gint64 end)
{
    Disarming *disarming = NULL;

    while (!disarming && g_get_monotonic_time() < end) {
        gint n = g_thread_pool_get_max_threads(workers);

        disarming = g_async_queue_timeout_pop(done, A_WHILE_MS * G_TIME_SPAN_MILLISECOND);
        if (!disarming && n < MAX_WORKERS)
            g_thread_pool_set_max_threads(workers, n + 1, NULL);
    }
    return disarming;
}

/* Returns: how many of @n domains are not done in time. */
static guint
disarming_wait(GThreadPool *workers, GAsyncQueue *done, guint n, gboolean *ok)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_SECONDS * G_TIME_SPAN_SECOND;

    for (; n > 0; n--) {
        Disarming *disarming = disarming_next(workers, done, end);

        if (!disarming)
            return n;
        if (disarming->error)
            nest_log_error(disarming->name, disarming->uuid, disarming->error);
        *ok &= !disarming->error;
        disarming_free(disarming);
    }
    return 0;
}

static Disarming *
disarming_new(NestConnectionPool *pool, const NestPluginHost *plugins, GAsyncQueue *done,
              virDomainPtr domain)
{
    Disarming *disarming = g_new0(Disarming, 1);

    disarming->pool = pool;
    disarming->plugins = plugins;
    disarming->done = done;
    disarming->uuid = nest_virt_uuid(domain);
    disarming->name = g_strdup(virDomainGetName(domain));
    return disarming;
}

/* If some domains are not done in time, their threads run until the process ends. So what the threads
 * need is not freed. */
static gboolean
disarm_domains(virConnectPtr connection, const char *uri, const NestPluginHost *plugins,
               virDomainPtr *list, guint n)
{
    NestConnectionPool *pool = nest_connection_pool_new(connection, uri);
    GThreadPool *workers = g_thread_pool_new(disarming_run, NULL, FIRST_WORKERS, FALSE, NULL);
    GAsyncQueue *done = g_async_queue_new();
    gboolean ok = TRUE;
    guint left = 0;

    for (guint i = 0; i < n; i++)
        g_thread_pool_push(workers, disarming_new(pool, plugins, done, list[i]), NULL);
    left = disarming_wait(workers, done, n, &ok);
    if (left > 0) {
        nest_log(
            G_LOG_LEVEL_WARNING, NULL, NULL,
            "%u domain%s not answer: a guard that is armed there stays until the domain is stopped",
            left, left == 1 ? " does" : "s do");
        return FALSE;
    }
    g_thread_pool_free(workers, FALSE, TRUE);
    g_async_queue_unref(done);
    nest_connection_pool_unref(pool);
    return ok;
}

gboolean
nest_disarm_all(const char *uri, const NestPluginHost *plugins, GError **error)
{
    g_autoptr(virConnect) connection = virConnectOpen(uri);
    g_autoptr(NestDomainList) list = NULL;
    int n = connection
                ? virConnectListAllDomains(connection, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE)
                : -1;

    if (n < 0)
        return nest_virt_error(error, "cannot list the running domains");
    return disarm_domains(connection, uri, plugins, list, (guint)n);
}
