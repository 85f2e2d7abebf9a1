/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logind's delay inhibitor: it is held while a guard is armed, and makes the host's shutdown wait for the guests.
 *
 * Theory of operation: while the inhibitor is to be held, logind's name on the system bus is
 * watched, and each owner of the name is asked once for the inhibitor. The inhibitor is a file
 * descriptor, and closing it releases the inhibitor. A call whose result is no longer wanted is
 * cancelled, and GDBus closes the descriptor that comes with it. The callback finds the call
 * cancelled and touches nothing, because the NestInhibit may be gone. */
#include "virtnestd/inhibit.h"

#include "base/log.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

struct NestInhibit {
    gchar **drain;   /* the command to run at shutdown */
    gboolean wanted; /* it is to be held */
    guint
        watch; /* the watch over logind's name; 0: the inhibitor is not wanted, and no drain runs */
    GDBusConnection *bus;   /* the bus where logind is; NULL: it is not there */
    guint shutdown;         /* the subscription to PrepareForShutdown; 0 where @bus is NULL */
    GCancellable *asking;   /* a call of Inhibit is under way; NULL: none */
    int fd;                 /* the inhibitor; -1: not held */
    GCancellable *draining; /* the drain command runs; NULL: it does not */
    gboolean shutting_down; /* as logind said last */
    gboolean told;          /* the log says already that there is no inhibitor */
};

NestInhibit *
nest_inhibit_new(const char *const *drain)
{
    NestInhibit *inhibit = g_new0(NestInhibit, 1);

    inhibit->drain = g_strdupv((gchar **)drain);
    inhibit->fd = -1;
    return inhibit;
}

static void
cancel(GCancellable **call)
{
    g_cancellable_cancel(*call);
    g_clear_object(call);
}

static void
drop_inhibitor(NestInhibit *inhibit)
{
    cancel(&inhibit->asking);
    if (inhibit->fd >= 0)
        close(inhibit->fd);
    inhibit->fd = -1;
}

/* logind or the bus is gone. */
static void
lose(NestInhibit *inhibit)
{
    drop_inhibitor(inhibit);
    if (inhibit->shutdown)
        g_dbus_connection_signal_unsubscribe(inhibit->bus, inhibit->shutdown);
    inhibit->shutdown = 0;
    g_clear_object(&inhibit->bus);
}

static void
log_inhibitor_once(NestInhibit *inhibit, const char *why)
{
    if (!inhibit->told)
        nest_log(G_LOG_LEVEL_INFO, NULL, NULL,
                 "no inhibitor from logind (%s): guarded domains are shut down by "
                 "virt-nest-drain.service alone",
                 why);
    inhibit->told = TRUE;
}

static gboolean
is_cancelled(const GError *error)
{
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
on_taken(GObject *bus, GAsyncResult *result, gpointer data)
{
    NestInhibit *inhibit = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GUnixFDList) list = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(bus), &list, result, &error);
    gint32 handle = 0;

    if (is_cancelled(error))
        return;
    g_clear_object(&inhibit->asking);
    if (reply)
        g_variant_get(reply, "(h)", &handle);
    if (list)
        inhibit->fd = g_unix_fd_list_get(list, handle, &error);
    if (inhibit->fd < 0)
        log_inhibitor_once(inhibit, error ? error->message : "it sent none");
}

static void
ask(NestInhibit *inhibit)
{
    if (inhibit->asking || inhibit->fd >= 0)
        return;
    inhibit->asking = g_cancellable_new();
    g_dbus_connection_call_with_unix_fd_list(
        inhibit->bus, LOGIND, LOGIND_PATH, LOGIND_MANAGER, "Inhibit",
        g_variant_new("(ssss)", "shutdown", "virt-nest",
                      "Guests with nested guests are shut down first", "delay"),
        G_VARIANT_TYPE("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, inhibit->asking, on_taken,
        inhibit);
}

static void
on_drained(GObject *process, GAsyncResult *result, gpointer data)
{
    NestInhibit *inhibit = data;
    g_autoptr(GError) error = NULL;

    (void)g_subprocess_wait_finish(G_SUBPROCESS(process), result, &error);
    if (is_cancelled(error))
        return;
    g_clear_object(&inhibit->draining);
    drop_inhibitor(inhibit);
    if (!inhibit->wanted)
        nest_inhibit_hold(inhibit, FALSE);
    else if (!inhibit->shutting_down && inhibit->bus)
        ask(inhibit);
}

static void
drain(NestInhibit *inhibit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process =
        g_subprocess_newv((const gchar *const *)inhibit->drain, G_SUBPROCESS_FLAGS_NONE, &error);

    if (!process) {
        nest_log(G_LOG_LEVEL_WARNING, NULL, NULL,
                 "cannot shut down the guarded domains, because %s cannot be run: %s; install "
                 "virt-nest anew",
                 inhibit->drain[0], error->message);
        drop_inhibitor(inhibit);
        return;
    }
    inhibit->draining = g_cancellable_new();
    g_subprocess_wait_async(process, inhibit->draining, on_drained, inhibit);
}

/* After a cancelled shutdown, asks for the inhibitor again: at once, or when the drain has ended. */
static void
on_shutdown(GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface,
            const gchar *signal, GVariant *parameters, gpointer data)
{
    NestInhibit *inhibit = data;

    (void)bus, (void)sender, (void)path, (void)interface, (void)signal;
    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(b)")))
        return;
    g_variant_get(parameters, "(b)", &inhibit->shutting_down);
    if (!inhibit->shutting_down)
        ask(inhibit);
    else if (!inhibit->draining)
        drain(inhibit);
}

/* If the bus closes the connection, virtnestd goes on. GDBus would end the process by default. */
static void
on_appeared(GDBusConnection *bus, const gchar *name, const gchar *owner, gpointer data)
{
    NestInhibit *inhibit = data;

    (void)name;
    lose(inhibit);
    g_dbus_connection_set_exit_on_close(bus, FALSE);
    inhibit->bus = g_object_ref(bus);
    inhibit->shutting_down = FALSE;
    inhibit->shutdown = g_dbus_connection_signal_subscribe(
        bus, owner, LOGIND_MANAGER, "PrepareForShutdown", LOGIND_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_shutdown, inhibit, NULL);
    ask(inhibit);
}

static void
on_vanished(GDBusConnection *bus, const gchar *name, gpointer data)
{
    NestInhibit *inhibit = data;

    (void)name;
    if (bus)
        g_dbus_connection_set_exit_on_close(bus, FALSE);
    lose(inhibit);
    log_inhibitor_once(inhibit, bus ? "it is not on the system bus" : "there is no system bus");
}

/* If the last guard is disarmed while the drain runs, the inhibitor is held until the drain ends. */
void
nest_inhibit_hold(NestInhibit *inhibit, gboolean hold)
{
    inhibit->wanted = hold;
    if (hold == (inhibit->watch != 0) || (!hold && inhibit->draining))
        return;
    if (hold) {
        inhibit->watch = g_bus_watch_name(G_BUS_TYPE_SYSTEM, LOGIND, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                          on_appeared, on_vanished, inhibit, NULL);
        return;
    }
    g_bus_unwatch_name(inhibit->watch);
    inhibit->watch = 0;
    lose(inhibit);
}

void
nest_inhibit_free(NestInhibit *inhibit)
{
    if (!inhibit)
        return;
    cancel(&inhibit->draining);
    nest_inhibit_hold(inhibit, FALSE);
    g_strfreev(inhibit->drain);
    g_free(inhibit);
}
