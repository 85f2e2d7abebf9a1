/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logind's inhibitor: taken while it shall be held, let go in time, and what comes at a shutdown; on a bus of
 * the test's own, with a fake logind. */
#include "check.h"
#include "virtnestd/inhibit.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

/* A logind that knows inhibitors. Each is a pipe, as the real one's: it is held while somebody has the
 * writing end open. */
typedef struct {
    GDBusConnection *bus;
    guint name;           /* its ownership of the name */
    gboolean owned;       /* ... has come */
    guint object;         /* the exported manager */
    guint asked;          /* calls of Inhibit */
    gchar *arguments;     /* of the last one */
    GArray *pipes;        /* the reading ends, one a call */
    gboolean late;        /* answer when told: */
    GPtrArray *unanswered; /* GDBusMethodInvocation * */
    gboolean refuse;      /* answer with an error */
} FakeLogind;

/* The bus of all tests, and what was logged. */
typedef struct {
    GTestDBus *daemon;
    guint infos;    /* lines of level info */
    guint warnings; /* ... of level warning */
} World;

static const char interface_xml[] =
    "<node><interface name='" LOGIND_MANAGER "'>"
    "<method name='Inhibit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='h' direction='out'/></method>"
    "<signal name='PrepareForShutdown'><arg type='b'/></signal>"
    "</interface></node>";

static void
fake_logind_answer(FakeLogind *logind, GDBusMethodInvocation *call)
{
    g_autoptr(GUnixFDList) list = g_unix_fd_list_new();
    int ends[2];

    if (logind->refuse) {
        g_dbus_method_invocation_return_dbus_error(call, LOGIND ".OperationInProgress", "not now");
        return;
    }
    g_assert_true(g_unix_open_pipe(ends, FD_CLOEXEC, NULL));
    g_assert_cmpint(g_unix_fd_list_append(list, ends[1], NULL), ==, 0);
    close(ends[1]);
    g_array_append_val(logind->pipes, ends[0]);
    g_dbus_method_invocation_return_value_with_unix_fd_list(call, g_variant_new("(h)", 0), list);
}

static void
fake_logind_called(GDBusConnection *bus, const gchar *sender, const gchar *path,
                   const gchar *interface, const gchar *method, GVariant *parameters,
                   GDBusMethodInvocation *call, gpointer data)
{
    FakeLogind *logind = data;

    (void)bus, (void)sender, (void)path, (void)interface, (void)method;
    logind->asked++;
    g_free(logind->arguments);
    logind->arguments = g_variant_print(parameters, FALSE);
    if (logind->late)
        g_ptr_array_add(logind->unanswered, call);
    else
        fake_logind_answer(logind, call);
}

static const GDBusInterfaceVTable vtable = {.method_call = fake_logind_called};

/* Not all that is waited for wakes the main loop: a descriptor may be closed by GDBus's thread. */
static void
pass_a_moment(void)
{
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(1000);
}

static void
wait_until(gboolean (*condition)(const FakeLogind *logind), const FakeLogind *logind)
{
    while (!condition(logind))
        pass_a_moment();
}

static void
note_owned(GDBusConnection *bus, const gchar *name, gpointer data)
{
    (void)bus, (void)name;
    ((FakeLogind *)data)->owned = TRUE;
}

static gboolean
is_owned(const FakeLogind *logind)
{
    return logind->owned;
}

static void
fake_logind_start(FakeLogind *logind)
{
    g_autoptr(GDBusNodeInfo) info = g_dbus_node_info_new_for_xml(interface_xml, NULL);
    GError *error = NULL;

    logind->pipes = g_array_new(FALSE, FALSE, sizeof(int));
    logind->unanswered = g_ptr_array_new();
    logind->bus = g_dbus_connection_new_for_address_sync(
        g_getenv("DBUS_SYSTEM_BUS_ADDRESS"),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
        NULL, &error);
    g_assert_no_error(error);
    logind->object = g_dbus_connection_register_object(logind->bus, LOGIND_PATH, info->interfaces[0], &vtable,
                                                       logind, NULL, &error);
    g_assert_no_error(error);
    logind->name = g_bus_own_name_on_connection(logind->bus, LOGIND, G_BUS_NAME_OWNER_FLAGS_NONE, note_owned,
                                                NULL, logind, NULL);
    wait_until(is_owned, logind);
}

static void
close_pipe(const FakeLogind *logind, guint i)
{
    close(g_array_index(logind->pipes, int, i));
}

/* As when its process ends. */
static void
fake_logind_stop(FakeLogind *logind)
{
    g_bus_unown_name(logind->name);
    g_dbus_connection_unregister_object(logind->bus, logind->object);
    (void)g_dbus_connection_close_sync(logind->bus, NULL, NULL); /* the bus may have done that */
    g_object_unref(logind->bus);
    for (guint i = 0; i < logind->pipes->len; i++)
        close_pipe(logind, i);
    g_array_unref(logind->pipes);
    g_ptr_array_unref(logind->unanswered);
    g_free(logind->arguments);
    *logind = (FakeLogind){0};
}

static void
fake_logind_says(const FakeLogind *logind, gboolean shutting_down)
{
    g_assert_true(g_dbus_connection_emit_signal(logind->bus, NULL, LOGIND_PATH, LOGIND_MANAGER,
                                                "PrepareForShutdown", g_variant_new("(b)", shutting_down), NULL));
}

static gboolean
pipe_is_held(const FakeLogind *logind, guint i)
{
    struct pollfd poll_fd = {.fd = g_array_index(logind->pipes, int, i)};

    g_assert_cmpint(poll(&poll_fd, 1, 0), >=, 0);
    return !(poll_fd.revents & POLLHUP);
}

/* How many inhibitors are held. */
static guint
held(const FakeLogind *logind)
{
    guint n = 0;

    for (guint i = 0; i < logind->pipes->len; i++)
        n += pipe_is_held(logind, i);
    return n;
}

static gboolean
is_held_once(const FakeLogind *logind)
{
    return held(logind) == 1;
}

static gboolean
is_not_held(const FakeLogind *logind)
{
    return logind->asked > 0 && held(logind) == 0;
}

static void
wait_asked(const FakeLogind *logind, guint n)
{
    while (logind->asked < n)
        pass_a_moment();
    g_assert_cmpuint(logind->asked, ==, n);
}

static guint
count_fds(void)
{
    g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(directory))
        n++;
    return n;
}

/* GDBus's thread closes what it has sent when it comes to it. */
static void
wait_fds(guint n)
{
    gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    while (count_fds() > n && g_get_monotonic_time() < end)
        pass_a_moment();
    g_assert_cmpuint(count_fds(), <=, n);
}

/* Round trips of virtnestd's connection and of the fake's, both ways: what was sent before has arrived, and the
 * answer to it. */
static void
settle(const FakeLogind *logind)
{
    g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
    GDBusConnection *both[] = {bus, logind->bus, logind->bus, bus};

    for (gsize i = 0; i < G_N_ELEMENTS(both); i++) {
        g_autoptr(GVariant) reply =
            g_dbus_connection_call_sync(both[i], "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, 0, -1, NULL, NULL);

        g_assert_nonnull(reply);
        while (g_main_context_iteration(NULL, FALSE))
            continue;
    }
}

static const char *const nothing[] = {"/bin/true", NULL};

static void
test_hold(void)
{
    FakeLogind logind = {0};
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);

    g_test_summary("it is taken when it shall be held, and let go when not, and again");
    fake_logind_start(&logind);
    settle(&logind);
    g_assert_cmpuint(logind.asked, ==, 0);
    for (guint round = 1; round <= 3; round++) {
        nest_inhibit_hold(inhibit, TRUE);
        nest_inhibit_hold(inhibit, TRUE);
        wait_until(is_held_once, &logind);
        g_assert_cmpuint(logind.asked, ==, round);
        g_assert_true(g_str_has_prefix(logind.arguments, "('shutdown', 'virt-nest', "));
        g_assert_true(g_str_has_suffix(logind.arguments, ", 'delay')"));
        nest_inhibit_hold(inhibit, FALSE);
        nest_inhibit_hold(inhibit, FALSE);
        wait_until(is_not_held, &logind);
    }
    fake_logind_stop(&logind);
}

static void
test_free(void)
{
    FakeLogind logind = {0};
    NestInhibit *inhibit = nest_inhibit_new(nothing);

    g_test_summary("who ends lets go");
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    nest_inhibit_free(inhibit);
    wait_until(is_not_held, &logind);
    nest_inhibit_free(NULL);
    fake_logind_stop(&logind);
}

/* Whatever is toggled before the bus, before logind's answer and after it. */
static void
toggle(NestInhibit *inhibit, const FakeLogind *logind, guint pattern)
{
    for (guint i = 0; i < 8; i++) {
        nest_inhibit_hold(inhibit, pattern >> i & 1);
        for (guint steps = 0; steps < (pattern >> i) % 5; steps++)
            g_main_context_iteration(NULL, FALSE);
        if (pattern % 7 == i)
            settle(logind);
    }
}

static void
test_toggle(void)
{
    FakeLogind logind = {0};
    g_autoptr(GDBusConnection) kept = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);
    guint before = 0;

    g_test_summary("however quickly it is toggled, the last word counts, and no descriptor is left over");
    fake_logind_start(&logind);
    settle(&logind);
    before = count_fds();
    for (guint pattern = 0; pattern < 256; pattern++) {
        toggle(inhibit, &logind, pattern);
        nest_inhibit_hold(inhibit, TRUE);
        wait_until(is_held_once, &logind);
        nest_inhibit_hold(inhibit, FALSE);
        settle(&logind);
        g_assert_cmpuint(held(&logind), ==, 0);
        for (guint i = 0; i < logind.pipes->len; i++)
            close_pipe(&logind, i);
        g_array_set_size(logind.pipes, 0);
    }
    wait_fds(before);
    fake_logind_stop(&logind);
}

static void
answer_all(FakeLogind *logind)
{
    for (guint i = 0; i < logind->unanswered->len; i++)
        fake_logind_answer(logind, g_ptr_array_index(logind->unanswered, i));
    g_ptr_array_set_size(logind->unanswered, 0);
}

static void
test_late(void)
{
    FakeLogind logind = {.late = TRUE};
    NestInhibit *inhibit = nest_inhibit_new(nothing);

    g_test_summary("an answer that comes when nobody wants it any more is let go at once");
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_asked(&logind, 1);
    nest_inhibit_hold(inhibit, FALSE);
    nest_inhibit_hold(inhibit, TRUE);
    wait_asked(&logind, 2);
    answer_all(&logind);
    wait_until(is_held_once, &logind);
    settle(&logind);
    g_assert_false(pipe_is_held(&logind, 0));
    g_assert_true(pipe_is_held(&logind, 1));
    nest_inhibit_hold(inhibit, FALSE);
    nest_inhibit_hold(inhibit, TRUE);
    wait_asked(&logind, 3);
    nest_inhibit_free(inhibit);
    answer_all(&logind);
    settle(&logind);
    g_assert_cmpuint(held(&logind), ==, 0);
    fake_logind_stop(&logind);
}

static void
test_restart(void)
{
    FakeLogind logind = {0};
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);

    g_test_summary("a logind that comes late, or again, is asked");
    nest_inhibit_hold(inhibit, TRUE);
    for (guint round = 0; round < 3; round++) {
        fake_logind_start(&logind);
        wait_until(is_held_once, &logind);
        g_assert_cmpuint(logind.asked, ==, 1);
        fake_logind_stop(&logind);
    }
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, FALSE);
    settle(&logind);
    g_assert_cmpuint(held(&logind), ==, 0);
    fake_logind_stop(&logind);
}

static void
wait_infos(const World *world, guint n)
{
    while (world->infos < n)
        pass_a_moment();
    g_assert_cmpuint(world->infos, ==, n);
}

static void
bus_start(World *world)
{
    world->daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(world->daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(world->daemon), TRUE);
}

static void
bus_stop(World *world)
{
    g_test_dbus_stop(world->daemon);
    g_clear_object(&world->daemon);
}

static void
test_no_bus(gconstpointer data)
{
    World *world = (World *)data;
    g_autofree gchar *address = g_strdup(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"));
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);
    FakeLogind logind = {0};

    g_test_summary("without a system bus it says so once, and finds one that comes later");
    world->infos = 0;
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
    nest_inhibit_hold(inhibit, TRUE);
    wait_infos(world, 1);
    nest_inhibit_hold(inhibit, FALSE);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    g_assert_cmpuint(world->infos, ==, 1);
    fake_logind_stop(&logind);
}

static void
test_bus_ends(gconstpointer data)
{
    World *world = (World *)data;
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);
    FakeLogind logind = {0};

    g_test_summary("the end of the bus ends nothing else, and the next one is found");
    world->infos = 0;
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    bus_stop(world);
    wait_until(is_not_held, &logind);
    wait_infos(world, 1);
    fake_logind_stop(&logind);
    bus_start(world);
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, FALSE);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_stop(&logind);
}

static void
test_no_logind(gconstpointer data)
{
    World *world = (World *)data;
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);
    FakeLogind logind = {0};

    g_test_summary("without a logind it says so once");
    world->infos = 0;
    nest_inhibit_hold(inhibit, TRUE);
    wait_infos(world, 1);
    fake_logind_start(&logind);
    wait_until(is_held_once, &logind);
    fake_logind_stop(&logind);
    fake_logind_start(&logind);
    wait_until(is_held_once, &logind);
    g_assert_cmpuint(world->infos, ==, 1);
    fake_logind_stop(&logind);
}

static void
test_refused(gconstpointer data)
{
    World *world = (World *)data;
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(nothing);
    FakeLogind logind = {.refuse = TRUE};

    g_test_summary("where logind refuses it says so once, and asks again the next time");
    world->infos = 0;
    fake_logind_start(&logind);
    for (guint round = 1; round <= 2; round++) {
        nest_inhibit_hold(inhibit, TRUE);
        wait_asked(&logind, round);
        settle(&logind);
        g_assert_cmpuint(world->infos, ==, 1);
        nest_inhibit_hold(inhibit, FALSE);
    }
    logind.refuse = FALSE;
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_stop(&logind);
}

/* A drain command that notes each run in a file, and ends when told. */
typedef struct {
    gchar *directory; /* of the two: */
    gchar *runs;   /* a line for each run */
    gchar *end;    /* a pipe; the command waits for a line in it */
    const char *command[6];
} FakeDrain;

static void
fake_drain_init(FakeDrain *drain)
{
    const char *const command[] = {"/bin/sh", "-c", "echo run >>\"$0\"; read -r line <\"$1\"", NULL, NULL, NULL};

    drain->directory = g_dir_make_tmp("virt-nest-test-XXXXXX", NULL);
    drain->runs = g_build_filename(drain->directory, "runs", NULL);
    drain->end = g_build_filename(drain->directory, "end", NULL);
    g_assert_true(g_file_set_contents(drain->runs, "", -1, NULL));
    g_assert_cmpint(mkfifo(drain->end, 0600), ==, 0);
    memcpy(drain->command, command, sizeof command);
    drain->command[3] = drain->runs;
    drain->command[4] = drain->end;
}

static void
fake_drain_clear(FakeDrain *drain)
{
    g_assert_cmpint(g_unlink(drain->runs), ==, 0);
    g_assert_cmpint(g_unlink(drain->end), ==, 0);
    g_assert_cmpint(g_rmdir(drain->directory), ==, 0);
    g_free(drain->directory);
    g_free(drain->runs);
    g_free(drain->end);
}

static guint
fake_drain_runs(const FakeDrain *drain)
{
    g_autofree gchar *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(drain->runs, &text, &length, NULL));
    return (guint)(length / strlen("run\n"));
}

/* Returns when one more run waits for its end, which is then told. */
static void
fake_drain_end(const FakeDrain *drain)
{
    int fd = open(drain->end, O_WRONLY | O_CLOEXEC); /* waits for the command */

    g_assert_cmpint(write(fd, "end\n", 4), ==, 4);
    close(fd);
}

static void
test_shutdown(void)
{
    FakeLogind logind = {0};
    FakeDrain drain;
    NestInhibit *inhibit = NULL;

    g_test_summary("at a shutdown the drain is run, once, and held until it has ended");
    fake_drain_init(&drain);
    inhibit = nest_inhibit_new(drain.command);
    fake_logind_start(&logind);
    fake_logind_says(&logind, TRUE);
    settle(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_says(&logind, TRUE);
    fake_logind_says(&logind, TRUE);
    settle(&logind);
    g_assert_cmpuint(held(&logind), ==, 1);
    fake_drain_end(&drain);
    wait_until(is_not_held, &logind);
    g_assert_cmpuint(fake_drain_runs(&drain), ==, 1);
    g_assert_cmpuint(logind.asked, ==, 1);
    fake_logind_says(&logind, FALSE); /* called off */
    wait_until(is_held_once, &logind);
    nest_inhibit_free(inhibit);
    fake_logind_stop(&logind);
    fake_drain_clear(&drain);
}

static void
test_disarmed(void)
{
    FakeLogind logind = {0};
    FakeDrain drain;
    NestInhibit *inhibit = NULL;

    g_test_summary("while the drain runs it is held though no guard is armed any more, and not after that");
    fake_drain_init(&drain);
    inhibit = nest_inhibit_new(drain.command);
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_says(&logind, TRUE);
    settle(&logind);
    nest_inhibit_hold(inhibit, FALSE);
    settle(&logind);
    g_assert_cmpuint(held(&logind), ==, 1);
    fake_drain_end(&drain);
    wait_until(is_not_held, &logind);
    fake_logind_says(&logind, FALSE);
    settle(&logind);
    g_assert_cmpuint(logind.asked, ==, 1);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    nest_inhibit_free(inhibit);
    fake_logind_stop(&logind);
    fake_drain_clear(&drain);
}

static void
test_called_off(void)
{
    FakeLogind logind = {0};
    FakeDrain drain;
    NestInhibit *inhibit = NULL;

    g_test_summary("a shutdown that is called off while the drain runs has it taken again");
    fake_drain_init(&drain);
    inhibit = nest_inhibit_new(drain.command);
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_says(&logind, TRUE);
    fake_logind_says(&logind, FALSE);
    settle(&logind);
    fake_drain_end(&drain);
    wait_asked(&logind, 2);
    wait_until(is_held_once, &logind);
    g_assert_true(pipe_is_held(&logind, 1));
    fake_logind_says(&logind, TRUE);
    settle(&logind);
    nest_inhibit_free(inhibit); /* the drain goes on */
    wait_until(is_not_held, &logind);
    fake_drain_end(&drain);
    g_assert_cmpuint(fake_drain_runs(&drain), ==, 2);
    fake_logind_stop(&logind);
    fake_drain_clear(&drain);
}

static void
test_forged(void)
{
    FakeLogind logind = {0};
    FakeDrain drain;
    NestInhibit *inhibit = NULL;
    g_autoptr(GDBusConnection) other = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
    FakeLogind forger = {.bus = other};

    g_test_summary("what somebody else says of a shutdown counts for nothing");
    fake_drain_init(&drain);
    inhibit = nest_inhibit_new(drain.command);
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_says(&logind, TRUE);
    settle(&logind);
    fake_logind_says(&forger, FALSE); /* were it believed, it would be asked for again after the drain */
    settle(&logind);
    fake_drain_end(&drain);
    wait_until(is_not_held, &logind);
    settle(&logind);
    g_assert_cmpuint(logind.asked, ==, 1);
    nest_inhibit_free(inhibit);
    fake_logind_stop(&logind);
    fake_drain_clear(&drain);
}

static void
test_no_drain(gconstpointer data)
{
    static const char *const missing[] = {"/nonexistent/virt-nest", "drain", NULL};
    World *world = (World *)data;
    g_autoptr(NestInhibit) inhibit = nest_inhibit_new(missing);
    FakeLogind logind = {0};

    g_test_summary("where the drain cannot be run, that is said, and the shutdown is not held up");
    world->warnings = 0;
    fake_logind_start(&logind);
    nest_inhibit_hold(inhibit, TRUE);
    wait_until(is_held_once, &logind);
    fake_logind_says(&logind, TRUE);
    wait_until(is_not_held, &logind);
    g_assert_cmpuint(world->warnings, ==, 1);
    fake_logind_stop(&logind);
}

static GLogWriterOutput
count_line(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    World *world = data;

    world->infos += (level & G_LOG_LEVEL_INFO) != 0;
    world->warnings += (level & G_LOG_LEVEL_WARNING) != 0;
    return level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_WARNING)
               ? G_LOG_WRITER_HANDLED
               : g_log_writer_default(level, fields, n, NULL);
}

int
main(int argc, char **argv)
{
    World world = {0};
    int status = 0;

    g_test_init(&argc, &argv, NULL);
    alarm(300); /* what is waited for in vain */
    g_log_set_writer_func(count_line, &world, NULL);
    bus_start(&world);
    g_test_add_func("/inhibit/is taken and let go", test_hold);
    g_test_add_func("/inhibit/ends with its holder", test_free);
    g_test_add_func("/inhibit/is toggled quickly", test_toggle);
    g_test_add_func("/inhibit/comes too late", test_late);
    g_test_add_func("/inhibit/is asked of a new logind", test_restart);
    g_test_add_func("/inhibit/drains at a shutdown", test_shutdown);
    g_test_add_func("/inhibit/is held while it drains", test_disarmed);
    g_test_add_func("/inhibit/a shutdown is called off", test_called_off);
    g_test_add_func("/inhibit/a shutdown is forged", test_forged);
    g_test_add_data_func("/inhibit/no drain", &world, test_no_drain);
    g_test_add_data_func("/inhibit/no logind", &world, test_no_logind);
    g_test_add_data_func("/inhibit/logind refuses", &world, test_refused);
    g_test_add_data_func("/inhibit/no bus", &world, test_no_bus);
    g_test_add_data_func("/inhibit/the bus ends", &world, test_bus_ends);
    status = g_test_run();
    bus_stop(&world);
    return status;
}
