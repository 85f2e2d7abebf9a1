/* The watch over our own redefinitions: did one bring back a domain that somebody undefined? */
#include "virtnestd/watch.h"

/* What happened to one watched domain since the watch began. */
typedef struct {
    gboolean undefined; /* it was undefined */
    guint defines;      /* all defines */
    guint since;        /* defines since it was undefined last */
} Watched;

struct NestWatch {
    GMutex lock;         /* over what follows */
    GCond settled;       /* a thread's `flag` was set */
    GHashTable *watched; /* uuid -> Watched */
};

/* One thread that waits until the main loop has come to its end of the queue. */
typedef struct {
    NestWatch *watch;
    gboolean flag;
} Waiting;

NestWatch *
nest_watch_new(void)
{
    NestWatch *watch = g_new0(NestWatch, 1);

    g_mutex_init(&watch->lock);
    g_cond_init(&watch->settled);
    watch->watched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return watch;
}

void
nest_watch_free(NestWatch *watch)
{
    if (!watch)
        return;
    g_hash_table_unref(watch->watched);
    g_cond_clear(&watch->settled);
    g_mutex_clear(&watch->lock);
    g_free(watch);
}

void
nest_watch_note(NestWatch *watch, virDomainPtr domain, int event, int detail)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->lock);
    Watched *watched = g_hash_table_lookup(watch->watched, uuid);

    if (!watched)
        return;
    if (event == VIR_DOMAIN_EVENT_UNDEFINED && detail == VIR_DOMAIN_EVENT_UNDEFINED_REMOVED) {
        watched->undefined = TRUE;
        watched->since = 0;
    } else if (event == VIR_DOMAIN_EVENT_DEFINED && detail != VIR_DOMAIN_EVENT_DEFINED_RENAMED) {
        watched->defines++;
        watched->since++;
    }
    (void)locker;
}

void
nest_watch_begin(NestWatch *watch, const char *uuid)
{
    g_mutex_lock(&watch->lock);
    g_hash_table_replace(watch->watched, g_strdup(uuid), g_new0(Watched, 1));
    g_mutex_unlock(&watch->lock);
}

static gboolean
settle(gpointer data)
{
    Waiting *waiting = data;
    NestWatch *watch = waiting->watch;

    g_mutex_lock(&watch->lock);
    waiting->flag = TRUE;
    g_cond_broadcast(&watch->settled);
    g_mutex_unlock(&watch->lock);
    return G_SOURCE_REMOVE;
}

/* libvirt queues an event before it answers the call that caused it, so the answer to one more call
 * comes behind it; the main loop then runs our idle source behind the event's callback. */
static void
wait_for_reports(NestWatch *watch, virConnectPtr control)
{
    Waiting waiting = {.watch = watch};
    unsigned long version = 0;

    virConnectGetLibVersion(control, &version);
    g_idle_add_full(G_PRIORITY_LOW, settle, &waiting, NULL);
    g_mutex_lock(&watch->lock);
    while (!waiting.flag)
        g_cond_wait(&watch->settled, &watch->lock);
    g_mutex_unlock(&watch->lock);
}

static NestCameBack
judge(const Watched *watched)
{
    if (!watched || !watched->undefined || watched->since != 1)
        return NEST_CAME_BACK_NO;
    return watched->defines == 1 ? NEST_CAME_BACK_YES : NEST_CAME_BACK_PERHAPS;
}

NestCameBack
nest_watch_end(NestWatch *watch, virConnectPtr control, const char *uuid)
{
    NestCameBack verdict = NEST_CAME_BACK_NO;

    wait_for_reports(watch, control);
    g_mutex_lock(&watch->lock);
    verdict = judge(g_hash_table_lookup(watch->watched, uuid));
    g_hash_table_remove(watch->watched, uuid);
    g_mutex_unlock(&watch->lock);
    return verdict;
}
