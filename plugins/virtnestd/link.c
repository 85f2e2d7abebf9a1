/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The link to libvirt: its events, the two connections that connection_pool.c begins with, and connecting
 * again after libvirt was away. */
#include "virtnestd/link.h"

#include "base/error.h"
#include "base/log.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <libvirt/libvirt-qemu.h>

#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 500

/* The beginning of libvirt's names for the jobs of QEMU that save a guest into its
 * disk (its qemu_snapshot.c). */
#define INTERNAL_SNAPSHOT "internal-snapshot-save-"
/* The longest details that are read, in bytes: libvirt's longest name of a
 * job, and what is around it. */
#define LONGEST_DETAILS 4096

enum { ON_LIFECYCLE, ON_METADATA, ON_ITERATION, ON_JOB, N_CALLBACKS };

struct NestLink {
    gchar *uri;                       /* libvirt's */
    const NestLinkListener *listener; /* who hears of it */
    gpointer data;                    /* for the listener */
    virConnectPtr control;            /* for events; NULL while not connected */
    virConnectPtr work;               /* for calls; NULL while not connected */
    int callbacks[N_CALLBACKS];       /* libvirt's ids of ours on @control */
    int monitor;                      /* ... of the one for QEMU's own events; -1: none */
    guint pause_ms;                   /* before the next try */
    guint timer;                      /* the source of the next try, or of the closing; 0: none */
    GCancellable *cancellable;        /* cancelled when the link is freed while it connects */
    gboolean complained;              /* the failing to connect was logged */
};

/* What the connecting thread hands over. */
typedef struct {
    virConnectPtr control;
    virConnectPtr work;
} Pair;

static void
close_connection(virConnectPtr *connection)
{
    if (*connection)
        virConnectClose(*connection);
    *connection = NULL;
}

static void
pair_free(gpointer data)
{
    Pair *pair = data;

    close_connection(&pair->control);
    close_connection(&pair->work);
    g_free(pair);
}

static void try_to_connect(NestLink *link);

static gboolean
pause_is_over(gpointer data)
{
    NestLink *link = data;

    link->timer = 0;
    try_to_connect(link);
    return G_SOURCE_REMOVE;
}

static void
try_later(NestLink *link)
{
    link->timer = g_timeout_add(link->pause_ms, pause_is_over, link);
    link->pause_ms = MIN(link->pause_ms * 2, LONGEST_PAUSE_MS);
}

static void on_close(virConnectPtr connection, int reason, void *data);

static void
drop_connections(NestLink *link)
{
    for (int i = 0; link->control && i < N_CALLBACKS; i++)
        if (link->callbacks[i] >= 0)
            virConnectDomainEventDeregisterAny(link->control, link->callbacks[i]);
    if (link->control && link->monitor >= 0)
        virConnectDomainQemuMonitorEventDeregister(link->control, link->monitor);
    if (link->control)
        virConnectUnregisterCloseCallback(link->control, on_close);
    link->monitor = -1;
    close_connection(&link->control);
    close_connection(&link->work);
}

static gboolean
connection_is_lost(gpointer data)
{
    NestLink *link = data;

    link->timer = 0;
    nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL, "libvirt (%s) is gone: waiting for it", link->uri);
    link->listener->lost(link->data);
    drop_connections(link);
    link->complained = TRUE;
    link->pause_ms = FIRST_PAUSE_MS;
    try_later(link);
    return G_SOURCE_REMOVE;
}

/* libvirt calls this from inside the connection, which cannot be closed there. */
static void
on_close(virConnectPtr connection, int reason, void *data)
{
    NestLink *link = data;

    (void)connection, (void)reason;
    if (!link->timer)
        link->timer = g_idle_add(connection_is_lost, link);
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *data)
{
    NestLink *link = data;

    (void)connection;
    link->listener->lifecycle(link->data, domain, event, detail);
    return 0;
}

static void
on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *uri, void *data)
{
    NestLink *link = data;

    (void)connection;
    if (type == VIR_DOMAIN_METADATA_ELEMENT && uri)
        link->listener->metadata(link->data, domain, uri);
}

static void
on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration, void *data)
{
    NestLink *link = data;

    (void)connection, (void)iteration;
    link->listener->job_moves(link->data, domain);
}

static void
on_job(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr parameters, int n,
       void *data)
{
    NestLink *link = data;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    (void)connection;
    virTypedParamsGetInt(parameters, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    if (operation == VIR_DOMAIN_JOB_OPERATION_SAVE ||
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT ||
        operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT)
        link->listener->job_ended(link->data, domain);
}

/* (transfer full)(nullable) A member of an event's details, if it is text. */
static gchar *
read_detail(JsonNode *details, const char *name)
{
    JsonNode *node = details && JSON_NODE_HOLDS_OBJECT(details)
                         ? json_object_get_member(json_node_get_object(details), name)
                         : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) ? g_strdup(json_node_get_string(node)) : NULL;
}

/* Called for a job of QEMU's own. An internal snapshot is one in libvirt 11.3 and 12.9, where it
 * has no other event that a plain pause does not have as well (facts.md, "Events"). Listening to
 * QEMU's events does not taint. */
static void
on_qemu_job(virConnectPtr connection, virDomainPtr domain, const char *event, long long seconds,
            unsigned int micros, const char *details, void *data)
{
    NestLink *link = data;
    g_autoptr(JsonNode) node =
        details && strlen(details) <= LONGEST_DETAILS ? json_from_string(details, NULL) : NULL;
    g_autofree gchar *id = read_detail(node, "id");
    g_autofree gchar *status = read_detail(node, "status");

    (void)connection, (void)event, (void)seconds, (void)micros;
    if (!id || !g_str_has_prefix(id, INTERNAL_SNAPSHOT))
        return;
    if (g_strcmp0(status, "running") == 0)
        link->listener->job_moves(link->data, domain);
    else if (g_strcmp0(status, "concluded") == 0)
        link->listener->job_ended(link->data, domain);
}

static gboolean
register_events(NestLink *link)
{
    link->callbacks[ON_LIFECYCLE] =
        virConnectDomainEventRegisterAny(link->control, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), link, NULL);
    link->callbacks[ON_METADATA] =
        virConnectDomainEventRegisterAny(link->control, NULL, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_metadata), link, NULL);
    link->callbacks[ON_ITERATION] = virConnectDomainEventRegisterAny(
        link->control, NULL, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
        VIR_DOMAIN_EVENT_CALLBACK(on_iteration), link, NULL);
    link->callbacks[ON_JOB] =
        virConnectDomainEventRegisterAny(link->control, NULL, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_job), link, NULL);
    for (int i = 0; i < N_CALLBACKS; i++)
        if (link->callbacks[i] < 0)
            return FALSE;
    link->monitor = virConnectDomainQemuMonitorEventRegister(
        link->control, NULL, "JOB_STATUS_CHANGE", on_qemu_job, link, NULL, 0);
    return virConnectRegisterCloseCallback(link->control, on_close, link, NULL) == 0 &&
           virConnectIsAlive(link->control) == 1;
}

static void
open_connections(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Pair *pair = g_new0(Pair, 1);
    GError *error = NULL;

    (void)source, (void)cancellable;
    pair->control = virConnectOpen(data);
    pair->work = pair->control ? virConnectOpen(data) : NULL;
    if (pair->work) {
        g_task_return_pointer(task, pair, pair_free);
        return;
    }
    nest_virt_error(&error, "cannot connect to libvirt");
    pair_free(pair);
    g_task_return_error(task, error);
}

static void
connecting_failed(NestLink *link, const GError *error)
{
    if (!link->complained)
        nest_log_error(NULL, NULL, error);
    link->complained = TRUE;
    try_later(link);
}

static void
connections_are_open(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    Pair *pair = g_task_propagate_pointer(G_TASK(result), &error);
    NestLink *link = data;

    (void)source;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the link is gone */
    if (!pair) {
        connecting_failed(link, error);
        return;
    }
    link->control = g_steal_pointer(&pair->control);
    link->work = g_steal_pointer(&pair->work);
    pair_free(pair);
    if (!register_events(link)) {
        nest_virt_error(&error, "cannot listen to libvirt's events");
        drop_connections(link);
        connecting_failed(link, error);
        return;
    }
    link->complained = FALSE;
    link->pause_ms = FIRST_PAUSE_MS;
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "connected to libvirt (%s)", link->uri);
    link->listener->connected(link->data, link->control, link->work);
}

static void
try_to_connect(NestLink *link)
{
    GTask *task = g_task_new(NULL, link->cancellable, connections_are_open, link);

    g_task_set_task_data(task, g_strdup(link->uri), g_free);
    g_task_run_in_thread(task, open_connections);
    g_object_unref(task);
}

NestLink *
nest_link_new(const char *uri, const NestLinkListener *listener, gpointer data)
{
    NestLink *link = g_new0(NestLink, 1);

    link->uri = g_strdup(uri);
    link->listener = listener;
    link->data = data;
    link->pause_ms = FIRST_PAUSE_MS;
    link->cancellable = g_cancellable_new();
    link->monitor = -1;
    for (int i = 0; i < N_CALLBACKS; i++)
        link->callbacks[i] = -1;
    try_to_connect(link);
    return link;
}

void
nest_link_free(NestLink *link)
{
    if (!link)
        return;
    g_cancellable_cancel(link->cancellable);
    g_clear_handle_id(&link->timer, g_source_remove);
    drop_connections(link);
    g_object_unref(link->cancellable);
    g_free(link->uri);
    g_free(link);
}
