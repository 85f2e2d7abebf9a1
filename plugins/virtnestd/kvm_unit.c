/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest-kvm@.service: changes the host's KVM module for a virtnestd that may not do that itself.
 *
 * Theory of operation: the start of a unit is a job of systemd. A signal on the system bus says when the job is removed, and
 * with which result. A oneshot unit's job is removed when its program has ended. The program leaves its error in the unit's
 * property StatusText (hooks/kvm_unit.c), which systemd keeps until the unit is started again. Each call has its own
 * connection to the bus, and its own main context for the signals; both are freed with the call. */
#include "virtnestd/kvm_unit.h"

#include "base/error.h"
#include "base/root.h"
#include "base/systemd.h"

#include <linux/capability.h>
#include <sys/prctl.h>

#define UNIT "virt-nest-kvm@on.service"
#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD ".Manager"

/* The wait for one job. */
typedef struct {
    GDBusConnection *bus;
    GCancellable *cancellable;
    gchar *job;    /* its object path */
    gchar *result; /* (nullable) of the job, once it is removed */
} Wait;

/* A virtnestd in a container or in a private host of the tests loads the module itself, or says why it cannot. */
gboolean
nest_kvm_unit_is_needed(void)
{
    return !nest_root_is_fake() && prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 0 &&
           nest_systemd_runs();
}

/* A connection of its own: the shared one would end the process when the bus goes away. */
static GDBusConnection *
connect_to_bus(GCancellable *cancellable, GError **error)
{
    g_autofree gchar *address =
        g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, cancellable, error);

    return address ? g_dbus_connection_new_for_address_sync(
                         address,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                             G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                         NULL, cancellable, error)
                   : NULL;
}

/* @parameters: floating, consumed; @reply: the type of the answer */
static GVariant *
call_systemd(const Wait *wait, const char *path, const char *interface, const char *method,
             GVariant *parameters, const char *reply, GError **error)
{
    return g_dbus_connection_call_sync(wait->bus, SYSTEMD, path, interface, method, parameters,
                                       G_VARIANT_TYPE(reply), G_DBUS_CALL_FLAGS_NONE, -1,
                                       wait->cancellable, error);
}

static void
on_job_removed(GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface,
               const gchar *signal, GVariant *parameters, gpointer data)
{
    Wait *wait = data;
    const char *job = NULL;
    const char *result = NULL;

    (void)bus, (void)sender, (void)path, (void)interface, (void)signal;
    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(uoss)")))
        return;
    g_variant_get(parameters, "(u&o&s&s)", NULL, &job, NULL, &result);
    if (g_strcmp0(job, wait->job) == 0 && !wait->result)
        wait->result = g_strdup(result);
}

/* Only wakes the loop in wait_for_job(). */
static gboolean
on_cancelled(GCancellable *cancellable, gpointer unused)
{
    (void)cancellable, (void)unused;
    return G_SOURCE_CONTINUE;
}

/* Also ends when the bus closes the connection: the connection's signal "closed" wakes the loop. */
static gboolean
wait_for_job(Wait *wait, GMainContext *context, GError **error)
{
    g_autoptr(GSource) source = g_cancellable_source_new(wait->cancellable);

    g_source_set_callback(source, G_SOURCE_FUNC(on_cancelled), NULL, NULL);
    g_source_attach(source, context);
    while (!wait->result && !g_dbus_connection_is_closed(wait->bus) &&
           !g_cancellable_is_cancelled(wait->cancellable))
        g_main_context_iteration(context, TRUE);
    g_source_destroy(source);
    if (!wait->result && !g_cancellable_set_error_if_cancelled(wait->cancellable, error))
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                            "the system bus has closed the connection");
    return wait->result != NULL;
}

/* Starts the unit. The signal that its job has ended may come at once. It is not missed, because it stays queued until
 * wait_for_job() looks at it. */
static gboolean
start_job(Wait *wait, GError **error)
{
    g_autoptr(GVariant) subscribed =
        call_systemd(wait, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, "()", error);
    g_autoptr(GVariant) started =
        subscribed ? call_systemd(wait, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartUnit",
                                  g_variant_new("(ss)", UNIT, "replace"), "(o)", error)
                   : NULL;

    if (started)
        g_variant_get(started, "(o)", &wait->job);
    return started != NULL;
}

/* (transfer full)(nullable) What the unit's program has said last. */
static gchar *
read_status_text(const Wait *wait)
{
    g_autoptr(GVariant) unit = call_systemd(wait, SYSTEMD_PATH, SYSTEMD_MANAGER, "GetUnit",
                                            g_variant_new("(s)", UNIT), "(o)", NULL);
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) text = NULL;
    const char *path = NULL;

    if (!unit)
        return NULL;
    g_variant_get(unit, "(&o)", &path);
    reply = call_systemd(wait, path, "org.freedesktop.DBus.Properties", "Get",
                         g_variant_new("(ss)", SYSTEMD ".Service", "StatusText"), "(v)", NULL);
    if (reply)
        g_variant_get(reply, "(v)", &text);
    return text && g_variant_is_of_type(text, G_VARIANT_TYPE_STRING)
               ? g_variant_dup_string(text, NULL)
               : NULL;
}

static gboolean
check_result(const Wait *wait, GError **error)
{
    g_autofree gchar *text = NULL;
    g_autoptr(GVariant) reset = NULL;
    GError *problem = NULL;

    if (g_str_equal(wait->result, "done"))
        return TRUE;
    text = read_status_text(wait);
    /* virtnestd logs the failure. systemd must not call the host degraded for it: a guest may just keep the module in use. */
    reset = call_systemd(wait, SYSTEMD_PATH, SYSTEMD_MANAGER, "ResetFailedUnit",
                         g_variant_new("(s)", UNIT), "()", NULL);
    (void)reset; /* it may fail */
    problem = nest_error_parse(text);
    if (problem)
        g_propagate_error(error, problem);
    else
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
            UNIT
            ", which turns nesting on, has not said why it ended (%s): see journalctl -u " UNIT,
            wait->result);
    return FALSE;
}

static gboolean
start_and_await_unit(Wait *wait, GMainContext *context, GError **error)
{
    g_autoptr(GError) problem = NULL;
    guint removed = 0;
    gboolean ended = FALSE;

    wait->bus = connect_to_bus(wait->cancellable, &problem);
    if (wait->bus) {
        removed = g_dbus_connection_signal_subscribe(
            wait->bus, SYSTEMD, SYSTEMD_MANAGER, "JobRemoved", SYSTEMD_PATH, NULL,
            G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, wait, NULL);
        ended = start_job(wait, &problem) && wait_for_job(wait, context, &problem);
        g_dbus_connection_signal_unsubscribe(wait->bus, removed);
    }
    if (ended)
        return check_result(wait, error);
    if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_propagate_error(error, g_steal_pointer(&problem));
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_LOAD,
                    "systemd could not be asked to start " UNIT
                    ", which turns nesting on (%s): run virt-nest host enable",
                    problem->message);
    return FALSE;
}

gboolean
nest_kvm_unit_start(GCancellable *cancellable, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Wait wait = {.cancellable = cancellable};
    gboolean done = FALSE;

    g_main_context_push_thread_default(context);
    done = start_and_await_unit(&wait, context, error);
    g_clear_object(&wait.bus);
    g_main_context_pop_thread_default(context);
    g_free(wait.job);
    g_free(wait.result);
    return done;
}
