/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command's connection to libvirt: the domains it works on, and all that a correction needs.
 *
 * Theory of operation: a command works on the main thread and may wait for libvirt there. A second
 * thread runs GLib's default main loop, which delivers libvirt's events; the tracker of our own
 * redefinitions (define_tracker.h) waits for that loop. */
#include "connection.h"
#include "daemon.h"
#include "host_load.h"

#include "base/error.h"
#include "base/liveness.h"
#include "base/log.h"
#include "base/root.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <unistd.h>

static gpointer
run_loop(gpointer connection)
{
    g_main_loop_run(((NestConnection *)connection)->loop);
    return NULL;
}

static gboolean
quit_loop(gpointer connection)
{
    g_main_loop_quit(((NestConnection *)connection)->loop);
    return G_SOURCE_REMOVE;
}

static void
note_lifecycle(virConnectPtr libvirt, virDomainPtr domain, int event, int detail, void *watch)
{
    (void)libvirt;
    nest_define_tracker_add_event(watch, domain, event, detail);
}

static gboolean
watch_lifecycle(NestConnection *connection, GError **error)
{
    /* This type makes sure that the cast in VIR_DOMAIN_EVENT_CALLBACK() is right. */
    void (*note)(virConnectPtr, virDomainPtr, int, int, void *) = note_lifecycle;

    connection->lifecycle = virConnectDomainEventRegisterAny(
        connection->libvirt, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(note),
        connection->corrector.tracker, NULL);
    return connection->lifecycle >= 0 ||
           nest_virt_error(error, "cannot listen to libvirt's events");
}

/* Refuses a URI with a server's name in it: it leads to another host, be it by ssh, TLS or TCP. */
static gboolean
check_local(virConnectPtr libvirt, GError **error)
{
    g_autofree gchar *uri = virConnectGetURI(libvirt);
    g_autofree gchar *server = NULL;

    if (!uri ||
        !g_uri_split(uri, G_URI_FLAGS_PARSE_RELAXED, NULL, NULL, &server, NULL, NULL, NULL, NULL,
                     NULL) ||
        !server || !*server || g_str_equal(server, "localhost"))
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_LIBVIRT,
        "%s is the libvirt of another host, whose CPU and modules cannot be seen from here: "
        "run virt-nest there (ssh %s virt-nest ...)",
        uri, server);
    return FALSE;
}

/* As libvirt chooses (libvirt docs/uri.rst). */
const char *
nest_connection_default_uri(void)
{
    const char *uri = g_getenv("LIBVIRT_DEFAULT_URI");

    return uri && *uri ? uri : nest_virt_usual_uri();
}

/* The remedy for a libvirt that cannot be reached; virt-nest doctor examines more of the host. */
static const struct {
    int code;
    const char *remedy;
} remedies[] = {
    {VIR_ERR_SYSTEM_ERROR, "sudo virt-nest doctor says what is missing"},
    {VIR_ERR_AUTH_UNAVAILABLE, "use sudo, or be a member of the group libvirt"},
    {VIR_ERR_AUTH_CANCELLED, "use sudo, or be a member of the group libvirt"},
    {VIR_ERR_AUTH_FAILED, "use sudo, or be a member of the group libvirt"},
};

static void
add_remedy(GError *error, int code)
{
    for (gsize i = 0; i < G_N_ELEMENTS(remedies); i++) {
        g_autofree gchar *message = NULL;

        if (remedies[i].code != code)
            continue;
        message = g_strdup_printf("%s: %s", error->message, remedies[i].remedy);
        g_free(error->message);
        error->message = g_steal_pointer(&message);
    }
}

/* If both ways fail, the first error is the one that is reported. @ret_limits: (out) that error, where the second way
 * leads to libvirt. */
static virConnectPtr
open_libvirt(const char *uri, NestConnectionUse use, gchar **ret_limits, GError **error)
{
    virConnectPtr libvirt = virConnectOpenAuth(uri, virConnectAuthPtrDefault, 0);
    int code = virGetLastErrorCode();
    g_autoptr(GError) problem = NULL;

    if (libvirt)
        return libvirt;
    nest_virt_error(&problem, "cannot connect to libvirt");
    if (use != NEST_CONNECTION_TO_DIAGNOSE)
        add_remedy(problem, code);
    if (!g_str_equal(uri ? uri : nest_connection_default_uri(), NEST_VIRT_SYSTEM_URI))
        g_prefix_error(&problem, "%s: ", uri ? uri : nest_connection_default_uri());
    if (use != NEST_CONNECTION_TO_CHANGE)
        libvirt = virConnectOpenReadOnly(uri);
    if (!libvirt)
        g_propagate_error(error, g_steal_pointer(&problem));
    else
        *ret_limits = g_strdup(problem->message);
    return libvirt;
}

NestConnection *
nest_connection_open(const char *uri, NestConnectionUse use, GError **error)
{
    g_autoptr(NestConnection) connection = g_new0(NestConnection, 1);

    nest_virt_init();
    connection->lifecycle = -1;
    connection->corrector.tracker = nest_define_tracker_new();
    connection->loop = g_main_loop_new(NULL, FALSE);
    connection->thread = g_thread_new("events", run_loop, connection);
    connection->host = nest_kvm_module_read();
    connection->policy = nest_policy_load(&connection->no_policy);
    connection->corrector.policy = connection->policy;
    connection->libvirt = open_libvirt(uri, use, &connection->limits, error);
    connection->corrector.control = connection->libvirt;
    connection->corrector.load_module = nest_host_load_absent;
    connection->uri = connection->libvirt ? virConnectGetURI(connection->libvirt) : NULL;
    nest_log(G_LOG_LEVEL_DEBUG, NULL, NULL, "connected to %s",
             connection->uri ? connection->uri : "no libvirt");
    if (!connection->libvirt || !check_local(connection->libvirt, error))
        return NULL;
    if (use == NEST_CONNECTION_TO_CHANGE && !watch_lifecycle(connection, error))
        return NULL;
    return g_steal_pointer(&connection);
}

NestConnection *
nest_connection_open_for(const NestCall *call, NestConnectionUse use, GError **error)
{
    NestConnection *connection = nest_connection_open(call->uri, use, error);

    if (connection && !call->uri)
        connection->line = g_strdup(call->line);
    return connection;
}

/* The loop ends last, after all the work that closing the connection has left to it. */
void
nest_connection_free(NestConnection *connection)
{
    if (!connection)
        return;
    if (connection->lifecycle >= 0)
        virConnectDomainEventDeregisterAny(connection->libvirt, connection->lifecycle);
    if (connection->libvirt)
        virConnectClose(connection->libvirt);
    g_idle_add_full(G_PRIORITY_LOW, quit_loop, connection, NULL);
    g_thread_join(connection->thread);
    g_main_loop_unref(connection->loop);
    nest_define_tracker_free(connection->corrector.tracker);
    nest_policy_unref(connection->policy);
    g_clear_error(&connection->no_policy);
    g_free(connection->uri);
    g_free(connection->line);
    g_free(connection->limits);
    g_free(connection);
}

/* Through another transport of this host, as qemu+unix:///system, it is the same. */
gboolean
nest_connection_is_system(const NestConnection *connection)
{
    return connection->uri && g_str_has_prefix(connection->uri, "qemu") &&
           strstr(connection->uri, ":///system") != NULL;
}

gboolean
nest_connection_is_watched(const NestConnection *connection)
{
    if (nest_virt_is_session(connection->libvirt))
        return nest_root_is_session() && nest_liveness_is_held();
    return nest_connection_is_system(connection) && nest_daemon_runs();
}

gchar *
nest_connection_where(const NestConnection *connection)
{
    return nest_connection_is_system(connection) ? g_strdup("")
                                                 : g_strdup_printf(" in %s", connection->uri);
}

gchar *
nest_connection_elsewhere(const NestConnection *connection)
{
    if (nest_connection_is_system(connection) || !connection->line)
        return g_strdup("");
    return g_strdup_printf(
        "; for the system's: sudo virt-nest %s, or virt-nest -c " NEST_VIRT_SYSTEM_URI " %s",
        connection->line, connection->line);
}

gboolean
nest_connection_can_nest(const NestConnection *connection)
{
    return nest_kvm_module_can_nest(&connection->host);
}

gboolean
nest_connection_check_policy(const NestConnection *connection, GError **error)
{
    if (connection->no_policy)
        g_propagate_error(error, g_error_copy(connection->no_policy));
    return !connection->no_policy;
}

gboolean
nest_connection_check_persistent(virDomainPtr domain, GError **error)
{
    int persistent = virDomainIsPersistent(domain);

    if (persistent < 0)
        return nest_virt_error(error, "cannot see whether it has a definition");
    if (persistent == 0)
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_START_TRANSIENT,
            "it is transient, so it has no definition that could be tagged and "
            "corrected: define it (virsh define), or create it from corrected XML (virt-nest "
            "rewrite FILE | virsh create /dev/stdin)");
    return persistent > 0;
}
