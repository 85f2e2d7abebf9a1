/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest-kvm@on.service as virtnestd starts it: what comes back of its end, and when the wait for it is over; on a
 * bus of the test's own, with a fake systemd. tests/libvirt/systemd.test has the real one. */
#include "check.h"
#include "virtnestd/kvm_unit.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER SYSTEMD ".Manager"
#define PATH "/org/freedesktop/systemd1"
#define UNIT_PATH PATH "/unit/kvm"
#define JOB PATH "/job/7"

static const char interface_xml[] =
    "<node><interface name='" MANAGER "'>"
    "<method name='Subscribe'/>"
    "<method name='StartUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='o' direction='out'/></method>"
    "<method name='GetUnit'><arg type='s' direction='in'/><arg type='o' direction='out'/></method>"
    "<method name='ResetFailedUnit'><arg type='s' direction='in'/></method>"
    "<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg type='s'/></signal>"
    "</interface><interface name='" SYSTEMD ".Service'><property name='StatusText' type='s' access='read'/></interface></node>";

/* What the fake does, and what it was asked for. */
typedef struct {
    const char *refuses; /* (nullable) this method */
    const char *result;  /* (nullable) of the job; NULL: the job goes on */
    const char *status;  /* the unit's status text */
    GDBusConnection *bus;
    GString *called;     /* the methods, with their first argument */
} FakeSystemd;

static void
remove_job(const FakeSystemd *systemd, const char *job, const char *result)
{
    g_assert_true(g_dbus_connection_emit_signal(
        systemd->bus, NULL, PATH, MANAGER, "JobRemoved",
        g_variant_new("(uoss)", 7, job, "virt-nest-kvm@on.service", result), NULL));
}

static void
note_call(const FakeSystemd *systemd, const char *method, GVariant *parameters)
{
    const char *argument = "";

    if (g_variant_n_children(parameters) > 0)
        g_variant_get_child(parameters, 0, "&s", &argument);
    g_string_append_printf(systemd->called, "%s %s|", method, argument);
}

/* A job that others had is removed first, and ours perhaps before the answer to its start is there. */
static void
on_call(GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface, const gchar *method,
        GVariant *parameters, GDBusMethodInvocation *call, gpointer data)
{
    const FakeSystemd *systemd = data;
    gboolean start = g_str_equal(method, "StartUnit");

    (void)bus, (void)sender, (void)path, (void)interface;
    note_call(systemd, method, parameters);
    if (g_strcmp0(method, systemd->refuses) == 0) {
        g_dbus_method_invocation_return_dbus_error(call, SYSTEMD ".NoSuchUnit", "Unit not found.");
        return;
    }
    if (start)
        remove_job(systemd, PATH "/job/6", "failed");
    if (start && systemd->result)
        remove_job(systemd, JOB, systemd->result);
    if (start)
        g_dbus_method_invocation_return_value(call, g_variant_new("(o)", JOB));
    else
        g_dbus_method_invocation_return_value(
            call, g_str_equal(method, "GetUnit") ? g_variant_new("(o)", UNIT_PATH) : NULL);
}

static GVariant *
get_property(GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface, const gchar *property,
             GError **error, gpointer data)
{
    (void)bus, (void)sender, (void)path, (void)interface, (void)property, (void)error;
    return g_variant_new_string(((const FakeSystemd *)data)->status);
}

static const GDBusInterfaceVTable vtable = {.method_call = on_call, .get_property = get_property};

static void
export(FakeSystemd *systemd, GDBusNodeInfo *info, guint interface, const char *path)
{
    GError *error = NULL;

    g_dbus_connection_register_object(systemd->bus, path, info->interfaces[interface], &vtable, systemd, NULL, &error);
    g_assert_no_error(error);
}

static void
fake_start(FakeSystemd *systemd)
{
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(interface_xml, NULL);
    g_autoptr(GVariant) owned = NULL;
    GError *error = NULL;

    systemd->called = g_string_new(NULL);
    systemd->bus = g_dbus_connection_new_for_address_sync(
        g_getenv("DBUS_SYSTEM_BUS_ADDRESS"),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL,
        &error);
    g_assert_no_error(error);
    export(systemd, info, 0, PATH);
    export(systemd, info, 1, UNIT_PATH);
    owned = g_dbus_connection_call_sync(systemd->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "RequestName", g_variant_new("(su)", SYSTEMD, 0), NULL,
                                        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    g_assert_no_error(error);
}

static void
fake_stop(FakeSystemd *systemd)
{
    (void)g_dbus_connection_close_sync(systemd->bus, NULL, NULL); /* the bus may have done that */
    g_object_unref(systemd->bus);
    g_string_free(systemd->called, TRUE);
}

/* The call on its own thread, as in virtnestd, while the fake answers on this one. */
typedef struct {
    GCancellable *cancellable;
    GError *error;
    gboolean done;
    gint ended;
} Call;

static gpointer
run_call(gpointer data)
{
    Call *call = data;

    call->done = nest_kvm_unit_start(call->cancellable, &call->error);
    g_atomic_int_set(&call->ended, TRUE);
    return NULL;
}

static void
pass_a_moment(void)
{
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(1000);
}

static void
end_call(Call *call, GThread *thread)
{
    while (!g_atomic_int_get(&call->ended))
        pass_a_moment();
    g_thread_join(thread);
    g_object_unref(call->cancellable);
}

static GThread *
begin_call(Call *call)
{
    call->cancellable = g_cancellable_new();
    return g_thread_new("call", run_call, call);
}

static void
wait_started(const FakeSystemd *systemd)
{
    while (!strstr(systemd->called->str, "StartUnit"))
        pass_a_moment();
}

#define STARTED "Subscribe |StartUnit virt-nest-kvm@on.service|"
#define ASKED STARTED "GetUnit virt-nest-kvm@on.service|ResetFailedUnit virt-nest-kvm@on.service|"

/* How the unit's start may end. */
static const struct {
    const char *sentence;
    FakeSystemd systemd;
    int code; /* of the error; -1: none */
    const char *says;
    const char *called;
} ends[] = {
    {"it is done", {.result = "done", .status = "old [NEST-IO]"}, -1, NULL, STARTED},
    {"its own error", {.result = "failed", .status = "nest: in use by domain \\\\a [b] (pid 7) [NEST-HOST-BUSY]"},
     NEST_ERROR_HOST_BUSY, "in use by domain \\\\a [b] (pid 7)", ASKED},
    {"no word of it", {.result = "timeout", .status = ""}, NEST_ERROR_HOST_LOAD, "(timeout)|journalctl -u virt-nest-kvm@on.service", ASKED},
    {"a word that is no error", {.result = "failed", .status = "nest: half [NEST-HOST"}, NEST_ERROR_HOST_LOAD, "(failed)", ASKED},
    {"a code that does not exist", {.result = "failed", .status = "nest: odd [NEST-ODD]"}, NEST_ERROR_HOST_LOAD, "(failed)", ASKED},
    {"no such unit", {.refuses = "StartUnit", .status = ""}, NEST_ERROR_HOST_LOAD,
     "Unit not found|virt-nest-kvm@on.service|virt-nest host enable", STARTED},
};

static void
test_end(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    FakeSystemd systemd = ends[i].systemd;
    Call call = {0};

    fake_start(&systemd);
    end_call(&call, begin_call(&call));
    g_assert_cmpint(call.done, ==, ends[i].code < 0);
    if (ends[i].code >= 0) {
        g_assert_error(call.error, NEST_ERROR, ends[i].code);
        check_says(call.error->message, ends[i].says);
    }
    g_assert_cmpstr(systemd.called->str, ==, ends[i].called);
    g_clear_error(&call.error);
    fake_stop(&systemd);
}

static void
test_cancelled(void)
{
    FakeSystemd systemd = {.status = ""};
    Call call = {0};
    GThread *thread = NULL;

    g_test_summary("the wait for a unit that goes on ends as soon as it is told to");
    fake_start(&systemd);
    thread = begin_call(&call);
    wait_started(&systemd);
    g_cancellable_cancel(call.cancellable);
    end_call(&call, thread);
    g_assert_error(call.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&call.error);
    fake_stop(&systemd);
}

static void
test_bus_gone(gconstpointer bus)
{
    FakeSystemd systemd = {.status = ""};
    Call call = {0};
    GThread *thread = NULL;

    g_test_summary("the wait ends with the bus, which virtnestd outlives; without a bus it does not begin");
    fake_start(&systemd);
    g_dbus_connection_set_exit_on_close(systemd.bus, FALSE);
    thread = begin_call(&call);
    wait_started(&systemd);
    while (g_main_context_iteration(NULL, FALSE)) /* the answer goes out */
        ;
    g_assert_true(g_dbus_connection_flush_sync(systemd.bus, NULL, NULL));
    g_test_dbus_stop((GTestDBus *)bus);
    end_call(&call, thread);
    g_assert_error(call.error, NEST_ERROR, NEST_ERROR_HOST_LOAD);
    check_says(call.error->message, "could not be asked to start virt-nest-kvm@on.service");
    g_clear_error(&call.error);
    fake_stop(&systemd);
    call = (Call){0};
    end_call(&call, begin_call(&call));
    g_assert_error(call.error, NEST_ERROR, NEST_ERROR_HOST_LOAD);
    g_clear_error(&call.error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GTestDBus) bus = g_test_dbus_new(G_TEST_DBUS_NONE);

    g_test_init(&argc, &argv, NULL);
    g_test_dbus_up(bus);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(bus), TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++)
        check_add_row("kvm-unit", ends[i].sentence, GSIZE_TO_POINTER(i), test_end);
    g_test_add_func("/kvm-unit/the wait is called off", test_cancelled);
    g_test_add_data_func("/kvm-unit/the bus goes away", bus, test_bus_gone); /* stops it for all, so it is the last */
    return g_test_run();
}
