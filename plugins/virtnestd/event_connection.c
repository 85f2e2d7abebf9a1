/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event connection: receives libvirt's events, and connects again when it has lost libvirt. */
#include "virtnestd/event_connection.h"

#include "base/error.h"
#include "base/log.h"
#include "host/libvirt_daemon.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <libvirt/libvirt-qemu.h>

#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 500
/* After libvirt was lost, this many failures to connect are not logged: a restart of libvirt takes some seconds. */
#define PATIENCE 20
/* How long nest_event_connection_free() waits for connections that are being opened or closed. */
#define CLOSE_MS 1000

/* The names of libvirt's QEMU jobs that save a guest's memory into its disk begin with this (libvirt's qemu_snapshot.c). */
#define INTERNAL_SNAPSHOT "internal-snapshot-save-"
/* The longest details that are read, in bytes: enough for libvirt's longest job name and the JSON
 * around it. */
#define LONGEST_DETAILS 4096

struct NestEventConnection {
    gchar *uri;                        /* libvirt's */
    const NestEventListener *listener; /* who hears of it */
    gpointer data;                     /* for the listener */
    virConnectPtr control;             /* for events; NULL while not connected */
    guint server_workers;      /* of the libvirt that it is connected to, or is about to be */
    GAsyncQueue *closing;      /* connections that a thread is to close */
    GAsyncQueue *closed;       /* an entry for each thread that has closed or opened one */
    guint threads;             /* how many of these have been started */
    guint pause_ms;            /* before the next try */
    guint timer;               /* the source of the next try, or of the closing; 0: none */
    GCancellable *cancellable; /* cancelled when the connection is freed while it connects */
    guint failures;            /* to connect, since it was connected last */
    guint patience;            /* how many of them are not logged */
    gchar *told;               /* (nullable) the reason that was logged last */
};

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

static gpointer
close_control(gpointer data)
{
    NestEventConnection *connection = data;
    virConnectPtr control = g_async_queue_pop(connection->closing);

    virConnectUnregisterCloseCallback(control, on_close);
    virConnectClose(control);
    g_async_queue_push(connection->closed, connection);
    return NULL;
}

/* Closing is a call of libvirt, which may wait, so a thread does it. */
static void
drop_control(NestEventConnection *connection)
{
    GThread *thread = NULL;

    if (!connection->control)
        return;
    g_async_queue_push(connection->closing, g_steal_pointer(&connection->control));
    thread = g_thread_try_new("close", close_control, connection, NULL);
    if (!thread)
        return;
    connection->threads++;
    g_thread_unref(thread);
}

static gboolean
libvirt_is_lost(gpointer data)
{
    NestEventConnection *connection = data;

    connection->timer = 0;
    nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL, "libvirt (%s) is gone: waiting for it",
             connection->uri);
    connection->listener->lost(connection->data);
    drop_control(connection);
    connection->pause_ms = FIRST_PAUSE_MS;
    try_later(connection);
    return G_SOURCE_REMOVE;
}

/* libvirt calls this from within the connection's own code, so the connection cannot be closed here. */
static void
on_close(virConnectPtr libvirt, int reason, void *data)
{
    NestEventConnection *connection = data;

    (void)reason;
    if (libvirt == connection->control && !connection->timer)
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

/* libvirt's events, each with what is called for it. */
static const struct {
    int event;
    virConnectDomainEventGenericCallback callback;
} events[] = {
    {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle_event)},
    {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata_event)},
    {VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, VIR_DOMAIN_EVENT_CALLBACK(on_iteration_event)},
    {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job_event)},
};

static gboolean
register_events(virConnectPtr control, NestEventConnection *connection)
{
    for (gsize i = 0; i < G_N_ELEMENTS(events); i++)
        if (virConnectDomainEventRegisterAny(control, NULL, events[i].event, events[i].callback,
                                             connection, NULL) < 0)
            return FALSE;
    /* If libvirt does not offer QEMU's own events, the other events are enough. */
    (void)virConnectDomainQemuMonitorEventRegister(control, NULL, "JOB_STATUS_CHANGE", on_qemu_job,
                                                   connection, NULL, 0);
    return virConnectRegisterCloseCallback(control, on_close, connection, NULL) == 0;
}

static void
close_control_connection(gpointer control)
{
    virConnectClose(control);
}

/* Opens the connection and registers for the events; runs on a thread. Events may come before the listener knows of the
 * connection; the scan that follows then finds what they report.
 * @data: (transfer full) the task */
static gpointer
open_control(gpointer data)
{
    g_autoptr(GTask) task = data;
    NestEventConnection *connection = g_task_get_task_data(task);
    virConnectPtr control = virConnectOpen(connection->uri);
    GError *error = NULL;

    if (control && register_events(control, connection)) {
        connection->server_workers =
            nest_virt_is_session(control) ? NEST_LIBVIRT_WORKERS : nest_libvirt_daemon_workers();
        g_task_return_pointer(task, control, close_control_connection);
    } else {
        nest_virt_error(&error, control ? "cannot listen to libvirt's events"
                                        : "cannot connect to libvirt");
        g_clear_pointer(&control, virConnectClose);
        g_task_return_error(task, error);
    }
    g_async_queue_push(connection->closed, connection);
    return NULL;
}

/* Logs each reason once, when it has lasted long enough. */
static void
connecting_failed(NestEventConnection *connection, const GError *error)
{
    gboolean is_new = g_strcmp0(connection->told, error->message) != 0;

    if (connection->failures++ >= connection->patience && is_new) {
        g_autoptr(GError) told = g_error_new(
            error->domain, error->code, "%s; virtnestd tries again until it works", error->message);

        nest_log_error(NULL, NULL, told);
        g_free(connection->told);
        connection->told = g_strdup(error->message);
    }
    try_later(connection);
}

static void
control_is_open(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    virConnectPtr control = g_task_propagate_pointer(G_TASK(result), &error);
    NestEventConnection *connection = data;

    (void)source;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* the event connection was freed */
    connection->control = control;
    if (control && virConnectIsAlive(control) != 1) {
        g_set_error_literal(&error, NEST_ERROR, NEST_ERROR_LIBVIRT,
                            "cannot connect to libvirt: it closed the connection");
        drop_control(connection);
    }
    if (!connection->control) {
        connecting_failed(connection, error);
        return;
    }
    connection->failures = 0;
    g_clear_pointer(&connection->told, g_free);
    connection->patience = PATIENCE;
    connection->pause_ms = FIRST_PAUSE_MS;
    nest_log(G_LOG_LEVEL_INFO, NULL, NULL, "connected to libvirt (%s)", connection->uri);
    connection->listener->connected(connection->data, control, connection->uri,
                                    connection->server_workers);
}

/* The connection gets a thread of its own. If no thread can be started, GTask's pool would keep the task silently until
 * another user of the pool needs a thread. */
static void
try_to_connect(NestEventConnection *connection)
{
    GTask *task = g_task_new(NULL, connection->cancellable, control_is_open, connection);
    GError *error = NULL;
    GThread *thread = NULL;

    g_task_set_task_data(task, connection, NULL);
    thread = g_thread_try_new("connect", open_control, g_object_ref(task), &error);
    if (thread) {
        connection->threads++;
        g_thread_unref(thread);
    } else {
        g_object_unref(task); /* the thread's */
        g_prefix_error_literal(&error, "cannot start a thread that connects to libvirt: ");
        g_task_return_error(task, error);
    }
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
    connection->closing = g_async_queue_new();
    connection->closed = g_async_queue_new();
    try_to_connect(connection);
    return connection;
}

/* Returns: whether all threads have ended in time. */
static gboolean
wait_for_threads(NestEventConnection *connection)
{
    gint64 end = g_get_monotonic_time() + CLOSE_MS * G_TIME_SPAN_MILLISECOND;

    for (; connection->threads > 0; connection->threads--)
        if (!g_async_queue_timeout_pop(connection->closed,
                                       (guint64)MAX(end - g_get_monotonic_time(), 0)))
            return FALSE;
    return TRUE;
}

void
nest_event_connection_free(NestEventConnection *connection)
{
    if (!connection)
        return;
    g_cancellable_cancel(connection->cancellable);
    g_clear_handle_id(&connection->timer, g_source_remove);
    drop_control(connection);
    if (!wait_for_threads(connection))
        return; /* a thread waits for libvirt and still needs the connection; the process ends now */
    g_async_queue_unref(connection->closing);
    g_async_queue_unref(connection->closed);
    g_object_unref(connection->cancellable);
    g_free(connection->told);
    g_free(connection->uri);
    g_free(connection);
}
