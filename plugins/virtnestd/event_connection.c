/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event connection: receives libvirt's events, opens the first two connections of connection_pool.c, and
 * connects again after libvirt was away. */
#include "virtnestd/event_connection.h"

#include "base/error.h"
#include "base/log.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <libvirt/libvirt-qemu.h>

#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 500

/* libvirt's names for the QEMU jobs that save a guest into its disk begin with this (its qemu_snapshot.c). */
#define INTERNAL_SNAPSHOT "internal-snapshot-save-"
/* The longest details that are read, in bytes: enough for libvirt's longest job name and the JSON
 * around it. */
#define LONGEST_DETAILS 4096

enum { ON_LIFECYCLE, ON_METADATA, ON_ITERATION, ON_JOB, N_CALLBACKS };

struct NestEventConnection {
    gchar *uri;                        /* libvirt's */
    const NestEventListener *listener; /* who hears of it */
    gpointer data;                     /* for the listener */
    virConnectPtr control;             /* for events; NULL while not connected */
    virConnectPtr work;                /* for calls; NULL while not connected */
    int callbacks[N_CALLBACKS];        /* libvirt's ids of ours on @control */
    int monitor;                       /* ... of the one for QEMU's own events; -1: none */
    guint pause_ms;                    /* before the next try */
    guint timer;                       /* the source of the next try, or of the closing; 0: none */
    GCancellable *cancellable; /* cancelled when the connection is freed while it connects */
    gboolean complained;       /* the failure to connect was logged */
};

/* The two connections that the connecting thread hands over. */
typedef struct {
    virConnectPtr control;
    virConnectPtr work;
} Pair;

static void
close_libvirt(virConnectPtr *libvirt)
{
    if (*libvirt)
        virConnectClose(*libvirt);
    *libvirt = NULL;
}

static void
pair_free(gpointer data)
{
    Pair *pair = data;

    close_libvirt(&pair->control);
    close_libvirt(&pair->work);
    g_free(pair);
}

static void try_to_connect(NestEventConnection *connection);

static gboolean
pause_is_over(gpointer data)
{
    NestEventConnection *connection = data;

    connection->timer = 0;
    try_to_connect(connection);
    return G_SOURCE_REMOVE;
}

static void
try_later(NestEventConnection *connection)
{
    g_clear_handle_id(&connection->timer, g_source_remove); /* on_close() may have set it by now */
    connection->timer = g_timeout_add(connection->pause_ms, pause_is_over, connection);
    connection->pause_ms = MIN(connection->pause_ms * 2, LONGEST_PAUSE_MS);
}

static void on_close(virConnectPtr libvirt, int reason, void *data);

static void
drop_connections(NestEventConnection *connection)
{
    for (int i = 0; connection->control && i < N_CALLBACKS; i++)
        if (connection->callbacks[i] >= 0)
            virConnectDomainEventDeregisterAny(connection->control, connection->callbacks[i]);
    if (connection->control && connection->monitor >= 0)
        virConnectDomainQemuMonitorEventDeregister(connection->control, connection->monitor);
    if (connection->control)
        virConnectUnregisterCloseCallback(connection->control, on_close);
    connection->monitor = -1;
    close_libvirt(&connection->control);
    close_libvirt(&connection->work);
}

static gboolean
libvirt_is_lost(gpointer data)
{
    NestEventConnection *connection = data;

    connection->timer = 0;
    nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL, "libvirt (%s) is gone: waiting for it",
             connection->uri);
    connection->listener->lost(connection->data);
    drop_connections(connection);
    connection->complained = TRUE;
    connection->pause_ms = FIRST_PAUSE_MS;
    try_later(connection);
    return G_SOURCE_REMOVE;
}

/* libvirt calls this from inside the connection, so the connection cannot be closed here. */
static void
on_close(virConnectPtr libvirt, int reason, void *data)
{
    NestEventConnection *connection = data;

    (void)libvirt, (void)reason;
    if (!connection->timer)
        connection->timer = g_idle_add(libvirt_is_lost, connection);
}

static int
on_lifecycle_event(virConnectPtr libvirt, virDomainPtr domain, int event, int detail, void *data)
{
    NestEventConnection *connection = data;

    (void)libvirt;
    connection->listener->lifecycle(connection->data, domain, event, detail);
    return 0;
}

static void
on_metadata_event(virConnectPtr libvirt, virDomainPtr domain, int type, const char *uri, void *data)
{
    NestEventConnection *connection = data;

    (void)libvirt;
    if (type == VIR_DOMAIN_METADATA_ELEMENT && uri)
        connection->listener->metadata(connection->data, domain, uri);
}

static void
on_iteration_event(virConnectPtr libvirt, virDomainPtr domain, int iteration, void *data)
{
    NestEventConnection *connection = data;

    (void)libvirt, (void)iteration;
    connection->listener->job_transferring(connection->data, domain);
}

static void
on_job_event(virConnectPtr libvirt, virDomainPtr domain, virTypedParameterPtr parameters, int n,
             void *data)
{
    NestEventConnection *connection = data;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    (void)libvirt;
    virTypedParamsGetInt(parameters, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    if (operation == VIR_DOMAIN_JOB_OPERATION_SAVE ||
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT ||
        operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT)
        connection->listener->job_ended(connection->data, domain);
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

/* Called for QEMU's own jobs. In libvirt 11.3 and 12.9 an internal snapshot is such a job; its
 * other events are those of a plain pause (facts.md, "Events"). Listening to QEMU's events does not
 * taint the domain. */
static void
on_qemu_job(virConnectPtr libvirt, virDomainPtr domain, const char *event, long long seconds,
            unsigned int micros, const char *details, void *data)
{
    NestEventConnection *connection = data;
    g_autoptr(JsonNode) node =
        details && strlen(details) <= LONGEST_DETAILS ? json_from_string(details, NULL) : NULL;
    g_autofree gchar *id = read_detail(node, "id");
    g_autofree gchar *status = read_detail(node, "status");

    (void)libvirt, (void)event, (void)seconds, (void)micros;
    if (!id || !g_str_has_prefix(id, INTERNAL_SNAPSHOT))
        return;
    if (g_strcmp0(status, "running") == 0)
        connection->listener->job_transferring(connection->data, domain);
    else if (g_strcmp0(status, "concluded") == 0)
        connection->listener->job_ended(connection->data, domain);
}

static gboolean
register_events(NestEventConnection *connection)
{
    connection->callbacks[ON_LIFECYCLE] = virConnectDomainEventRegisterAny(
        connection->control, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle_event), connection, NULL);
    connection->callbacks[ON_METADATA] = virConnectDomainEventRegisterAny(
        connection->control, NULL, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
        VIR_DOMAIN_EVENT_CALLBACK(on_metadata_event), connection, NULL);
    connection->callbacks[ON_ITERATION] = virConnectDomainEventRegisterAny(
        connection->control, NULL, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
        VIR_DOMAIN_EVENT_CALLBACK(on_iteration_event), connection, NULL);
    connection->callbacks[ON_JOB] = virConnectDomainEventRegisterAny(
        connection->control, NULL, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
        VIR_DOMAIN_EVENT_CALLBACK(on_job_event), connection, NULL);
    for (int i = 0; i < N_CALLBACKS; i++)
        if (connection->callbacks[i] < 0)
            return FALSE;
    connection->monitor = virConnectDomainQemuMonitorEventRegister(
        connection->control, NULL, "JOB_STATUS_CHANGE", on_qemu_job, connection, NULL, 0);
    return virConnectRegisterCloseCallback(connection->control, on_close, connection, NULL) == 0 &&
           virConnectIsAlive(connection->control) == 1;
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
connecting_failed(NestEventConnection *connection, const GError *error)
{
    if (!connection->complained)
        nest_log_error(NULL, NULL, error);
    connection->complained = TRUE;
    try_later(connection);
}

static void
connections_are_open(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    Pair *pair = g_task_propagate_pointer(G_TASK(result), &error);
    NestEventConnection *connection = data;

    (void)source;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the event connection was freed */
    if (!pair) {
        connecting_failed(connection, error);
        return;
    }
    connection->control = g_steal_pointer(&pair->control);
    connection->work = g_steal_pointer(&pair->work);
    pair_free(pair);
    if (!register_events(connection)) {
        nest_virt_error(&error, "cannot listen to libvirt's events");
        drop_connections(connection);
        connecting_failed(connection, error);
        return;
    }
    connection->complained = FALSE;
    connection->pause_ms = FIRST_PAUSE_MS;
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "connected to libvirt (%s)", connection->uri);
    connection->listener->connected(connection->data, connection->control, connection->work);
}

static void
try_to_connect(NestEventConnection *connection)
{
    GTask *task = g_task_new(NULL, connection->cancellable, connections_are_open, connection);

    g_task_set_task_data(task, g_strdup(connection->uri), g_free);
    g_task_run_in_thread(task, open_connections);
    g_object_unref(task);
}

NestEventConnection *
nest_event_connection_new(const char *uri, const NestEventListener *listener, gpointer data)
{
    NestEventConnection *connection = g_new0(NestEventConnection, 1);

    connection->uri = g_strdup(uri);
    connection->listener = listener;
    connection->data = data;
    connection->pause_ms = FIRST_PAUSE_MS;
    connection->cancellable = g_cancellable_new();
    connection->monitor = -1;
    for (int i = 0; i < N_CALLBACKS; i++)
        connection->callbacks[i] = -1;
    try_to_connect(connection);
    return connection;
}

void
nest_event_connection_free(NestEventConnection *connection)
{
    if (!connection)
        return;
    g_cancellable_cancel(connection->cancellable);
    g_clear_handle_id(&connection->timer, g_source_remove);
    drop_connections(connection);
    g_object_unref(connection->cancellable);
    g_free(connection->uri);
    g_free(connection);
}
