/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker of our own defines: finds out whether one has brought back a domain that somebody undefined. */
#include "virt/define_tracker.h"

/* What happened to one domain since its tracking began. */
struct NestTrackedDefine {
    gchar *uuid;        /* the domain's */
    gboolean undefined; /* it was undefined */
    guint defines;      /* all defines */
    guint since;        /* defines since it was undefined last */
    guint ours; /* defines of this process that succeeded, this correction's and any other's */
};

struct NestDefineTracker {
    GMutex asking; /* held for a call over the control connection (connection_pool.h says why) */
    GMutex lock;   /* over what follows */
    GCond settled; /* a thread's `flag` was set */
    GPtrArray *watched; /* of NestTrackedDefine, never many */
};

/* A thread that waits until the main loop has handled all that is in its queue. */
typedef struct {
    NestDefineTracker *tracker;
    gboolean flag;
} Waiting;

static void
watched_domain_free(gpointer data)
{
    NestTrackedDefine *watched = data;

    g_free(watched->uuid);
    g_free(watched);
}

NestDefineTracker *
nest_define_tracker_new(void)
{
    NestDefineTracker *tracker = g_new0(NestDefineTracker, 1);

    g_mutex_init(&tracker->asking);
    g_mutex_init(&tracker->lock);
    g_cond_init(&tracker->settled);
    tracker->watched = g_ptr_array_new_with_free_func(watched_domain_free);
    return tracker;
}

void
nest_define_tracker_free(NestDefineTracker *tracker)
{
    if (!tracker)
        return;
    g_ptr_array_unref(tracker->watched);
    g_cond_clear(&tracker->settled);
    g_mutex_clear(&tracker->lock);
    g_mutex_clear(&tracker->asking);
    g_free(tracker);
}

static void
note(NestTrackedDefine *watched, int event, int detail)
{
    if (event == VIR_DOMAIN_EVENT_UNDEFINED && detail == VIR_DOMAIN_EVENT_UNDEFINED_REMOVED) {
        watched->undefined = TRUE;
        watched->since = 0;
    } else if (event == VIR_DOMAIN_EVENT_DEFINED && detail != VIR_DOMAIN_EVENT_DEFINED_RENAMED) {
        watched->defines++;
        watched->since++;
    }
}

void
nest_define_tracker_add_event(NestDefineTracker *tracker, virDomainPtr domain, int event,
                              int detail)
{
    g_autofree gchar *uuid = nest_virt_uuid(domain);

    g_mutex_lock(&tracker->lock);
    for (guint i = 0; i < tracker->watched->len; i++) {
        NestTrackedDefine *watched = g_ptr_array_index(tracker->watched, i);

        if (g_str_equal(watched->uuid, uuid))
            note(watched, event, detail);
    }
    g_mutex_unlock(&tracker->lock);
}

NestTrackedDefine *
nest_define_tracker_begin(NestDefineTracker *tracker, const char *uuid)
{
    NestTrackedDefine *watched = g_new0(NestTrackedDefine, 1);

    watched->uuid = g_strdup(uuid);
    g_mutex_lock(&tracker->lock);
    g_ptr_array_add(tracker->watched, watched);
    g_mutex_unlock(&tracker->lock);
    return watched;
}

void
nest_define_tracker_we_defined(NestDefineTracker *tracker, const char *uuid)
{
    g_mutex_lock(&tracker->lock);
    for (guint i = 0; i < tracker->watched->len; i++) {
        NestTrackedDefine *watched = g_ptr_array_index(tracker->watched, i);

        if (g_str_equal(watched->uuid, uuid))
            watched->ours++;
    }
    g_mutex_unlock(&tracker->lock);
}

static gboolean
settle_reports(gpointer data)
{
    Waiting *waiting = data;
    NestDefineTracker *tracker = waiting->tracker;

    g_mutex_lock(&tracker->lock);
    waiting->flag = TRUE;
    g_cond_broadcast(&tracker->settled);
    g_mutex_unlock(&tracker->lock);
    return G_SOURCE_REMOVE;
}

/* libvirt queues an event before it answers the call that caused it, so the answer to one more call
 * comes after the event; the main loop then runs our idle source after the event's callback. */
static void
wait_for_reports(NestDefineTracker *tracker, virConnectPtr control)
{
    Waiting waiting = {.tracker = tracker};
    unsigned long version = 0;

    g_mutex_lock(&tracker->asking);
    virConnectGetLibVersion(control, &version);
    g_mutex_unlock(&tracker->asking);
    g_idle_add_full(G_PRIORITY_LOW, settle_reports, &waiting, NULL);
    g_mutex_lock(&tracker->lock);
    while (!waiting.flag)
        g_cond_wait(&tracker->settled, &tracker->lock);
    g_mutex_unlock(&tracker->lock);
}

gboolean
nest_define_tracker_end(NestDefineTracker *tracker, NestTrackedDefine *watched,
                        virConnectPtr control)
{
    gboolean back = FALSE;

    wait_for_reports(tracker, control);
    g_mutex_lock(&tracker->lock);
    /* If one define came after the undefine, it may be ours. If several came, all are ours only if nobody
     * else has made any define. Otherwise somebody may have defined the domain again before us, so it stays. */
    back = watched->undefined &&
           (watched->since == 1 || (watched->since > 1 && watched->defines <= watched->ours));
    g_ptr_array_remove_fast(tracker->watched, watched);
    g_mutex_unlock(&tracker->lock);
    return back;
}
