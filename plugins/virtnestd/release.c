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

/* One domain that a thread disarms. */
typedef struct {
    NestConnectionPool *pool;
    const NestPluginHost *plugins;
    GAsyncQueue *done; /* takes this struct when the domain is done */
    gchar *uuid;
    gchar *name;
    GError *error; /* why it could not be disarmed */
} Release;

/* An empty live part, in which no guard has a say. */
static gboolean
clear_live_status(virDomainPtr domain, const NestLiveDomain *run, GError **error)
{
    g_autoptr(NestLiveStatus) nothing = nest_live_status_new();
    gboolean busy = FALSE;

    return nest_publish_live_status(domain, run, nothing, TRUE, &busy, error);
}

/* A domain without a live status gets none. */
static void
disarm(NestGuardJob *job, virDomainPtr domain)
{
    nest_guard_disarm(job, domain);
    if (!job->error && job->run->state->live.uuid)
        clear_live_status(domain, job->run, &job->error);
}

static NestLiveDomain *
read_run(Release *release)
{
    virConnectPtr connection = nest_connection_pool_acquire(release->pool);
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(connection, release->uuid);
    NestLiveDomain *run = NULL;

    if (domain)
        (void)!nest_live_domain_read(domain, NULL, TRUE, &run, &release->error);
    nest_connection_pool_release(release->pool, connection);
    return run;
}

/* The live status may never have been written, and the tag may be gone since then, but no domain is
 * armed whose vCPUs lack the feature. Of the others, the guard asks only those QEMUs that somebody
 * has asked before, so no untagged domain is tainted by this. */
static gboolean
may_be_armed(const NestLiveDomain *run)
{
    return run->state->live.uuid || *run->guest.feature;
}

static void
run_release(gpointer data, gpointer unused)
{
    Release *release = data;
    g_autoptr(NestLiveDomain) run = read_run(release);
    NestGuardJob *job = NULL;

    (void)unused;
    if (run && may_be_armed(run)) {
        job = nest_guard_job_new(disarm, release->plugins, release->pool, run);
        nest_guard_job_run(job);
        release->error = g_steal_pointer(&job->error);
        nest_guard_job_free(job);
    }
    g_async_queue_push(release->done, release);
}

static gboolean
say_outcome(const Release *release)
{
    if (release->error)
        nest_log_error(release->name, release->uuid, release->error);
    return !release->error;
}

static void
release_free(gpointer data)
{
    Release *release = data;

    g_clear_error(&release->error);
    g_free(release->uuid);
    g_free(release->name);
    g_free(release);
}

/* Returns: how many of @n have not come back. */
static guint
wait_for(GAsyncQueue *done, guint n, gboolean *ok)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_SECONDS * G_TIME_SPAN_SECOND;

    for (; n > 0; n--) {
        Release *release =
            g_async_queue_timeout_pop(done, (guint64)MAX(end - g_get_monotonic_time(), 0));

        if (!release)
            return n;
        *ok &= say_outcome(release);
        release_free(release);
    }
    return 0;
}

static Release *
release_new(NestConnectionPool *pool, const NestPluginHost *plugins, GAsyncQueue *done,
            virDomainPtr domain)
{
    Release *release = g_new0(Release, 1);

    release->pool = pool;
    release->plugins = plugins;
    release->done = done;
    release->uuid = nest_virt_uuid(domain);
    release->name = g_strdup(virDomainGetName(domain));
    return release;
}

/* Domains that do not come back keep their threads, which end with the
 * process, and what these need. */
static gboolean
release_all(virConnectPtr connection, const NestPluginHost *plugins, virDomainPtr *list, guint n)
{
    NestConnectionPool *pool = nest_connection_pool_new(connection, connection);
    GThreadPool *workers = g_thread_pool_new(
        run_release, NULL, NEST_POOL_CONNECTIONS + NEST_POOL_EXTRA_CONNECTIONS, FALSE, NULL);
    GAsyncQueue *done = g_async_queue_new();
    gboolean ok = TRUE;
    guint left = 0;

    nest_connection_pool_extend(pool, NEST_POOL_EXTRA_CONNECTIONS);
    for (guint i = 0; i < n; i++)
        g_thread_pool_push(workers, release_new(pool, plugins, done, list[i]), NULL);
    left = wait_for(done, n, &ok);
    if (left > 0) {
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "%u domains do not answer: what is armed there ends with them", left);
        return FALSE;
    }
    g_thread_pool_free(workers, FALSE, TRUE);
    g_async_queue_unref(done);
    nest_connection_pool_unref(pool);
    return ok;
}

gboolean
nest_release(const char *uri, const NestPluginHost *plugins, GError **error)
{
    g_autoptr(virConnect) connection = virConnectOpen(uri);
    g_autoptr(NestDomainList) list = NULL;
    int n = connection
                ? virConnectListAllDomains(connection, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE)
                : -1;

    if (n < 0)
        return nest_virt_error(error, "cannot list the running domains");
    return release_all(connection, plugins, list, (guint)n);
}
