/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a VMI of KubeVirt may leave its node, by what the kernel counts: a node laid out in a directory, and looks at it. */
#include "../../hooks/managers/node_leave.h"
#include "check.h"

#include <unistd.h>

#define PID 4711
#define OTHER 4712 /* a second process that has the name, too */
#define BOOTED "qemu-kvm\n-name\nguest=default_lab1,debug-threads=on\n-S\n-machine\nq35\n"
#define ARRIVED BOOTED "-incoming\ndefer\n"
#define STRANGER "qemu-kvm\n-name\nguest=default_lab2\n"

#define VMI(annotations)                                                                           \
    "{\"kind\":\"VirtualMachineInstance\",\"metadata\":{\"name\":\"lab1\",\"namespace\":\"default\"," \
    "\"annotations\":{\"kubevirt.io/latest-observed-api-version\":\"v1\"" annotations "}},\"spec\":{\"domain\":{}}}"
#define ENABLE ",\"virt-nest.io/enable\":\"true\""
#define ALLOW ENABLE ",\"virt-nest.io/migration\":\"allow\""

/* KubeVirt's call comes with the last of the steps, and the node was looked at in those before. */
typedef struct {
    const char *sentence;
    const char *vmi;
    const char *command; /* of the QEMU, its arguments on lines; NULL: there is none */
    const char *steps;   /* "SECOND:ENTRIES ..."; no entries: the kernel does not count */
    int code;            /* -1: it may leave */
    const char *words;   /* pieces of the refusal */
    const char *point;   /* NULL: PreMigrationSource */
    const char *other;   /* the same of the second process */
    gboolean strict;
} Case;

static const Case cases[] = {
    {"nested guests run", VMI(ENABLE), BOOTED, "0:0 1:5 2:9", .code = NEST_ERROR_LIVE_RUNNING,
     .words = "default/lab1 may not leave its node, because nested guests run in it: nested guests are entered: |migration: \"allow\""},
    {"... since the last look", VMI(ENABLE), BOOTED, "0:0 1:0 2:1", .code = NEST_ERROR_LIVE_RUNNING, .words = "entered"},
    {"none was ever entered", VMI(ENABLE), BOOTED, "0:0 1:0", .code = -1},
    {"... and the server has just begun", VMI(ENABLE), BOOTED, "0:0", .code = -1},
    {"... since the VMI came here two seconds ago", VMI(ENABLE), ARRIVED, "0:0 1:0 2:0", .code = NEST_ERROR_LIVE_UNKNOWN,
     .words = "nobody can tell whether nested guests run in it: it was migrated here|60 seconds"},
    {"... since it came here a minute ago", VMI(ENABLE), ARRIVED, "0:0 30:0 60:0", .code = -1},
    {"the last was entered half a minute ago", VMI(ENABLE), BOOTED, "0:3 1:9 31:9", .code = NEST_ERROR_LIVE_RUNNING, .words = "not long ago"},
    {"the last was entered a minute ago", VMI(ENABLE), BOOTED, "0:3 1:9 31:9 61:9", .code = -1},
    {"... and strict rules wait for the hypervisor's end", VMI(ENABLE), BOOTED, "0:3 1:9 31:9 61:9", .code = NEST_ERROR_LIVE_RUNNING,
     .words = "its hypervisor has not been off", .strict = TRUE},
    {"some were entered before the server began", VMI(ENABLE), BOOTED, "0:7", .code = NEST_ERROR_LIVE_RUNNING, .words = "not long ago"},
    {"the kernel does not count", VMI(ENABLE), BOOTED, "0: 1:", .code = NEST_ERROR_LIVE_UNKNOWN, .words = "Linux does so from 5.14 on|mend that"},
    {"... any more", VMI(ENABLE), BOOTED, "0:0 1:0 2:", .code = NEST_ERROR_LIVE_UNKNOWN, .words = "the VM has just gone"},
    {"its QEMU is not seen", VMI(ENABLE), NULL, "0:0", .code = NEST_ERROR_LIVE_UNKNOWN, .words = "no QEMU|default_lab1|hostPID"},
    {"another VMI's QEMU", VMI(ENABLE), STRANGER, "0:0", .code = NEST_ERROR_LIVE_UNKNOWN, .words = "no QEMU"},
    {"another process of the name has none", VMI(ENABLE), BOOTED, "0:0 1:5 2:9", .code = NEST_ERROR_LIVE_RUNNING, .words = "entered", .other = "0"},
    {"another process of the name has some", VMI(ENABLE), BOOTED, "0:0 1:0 2:0", .code = NEST_ERROR_LIVE_RUNNING, .words = "not long ago", .other = "5"},
    {"they may come along", VMI(ALLOW), BOOTED, "0:0 1:5 2:9", .code = -1},
    {"... also where nothing is seen", VMI(ALLOW), NULL, "0:0", .code = -1},
    {"the VMI does not ask for nested guests", VMI(""), BOOTED, "0:0 1:5 2:9", .code = -1},
    {"the VMI has none by its own words", VMI(",\"virt-nest.io/enable\":\"false\""), BOOTED, "0:0 1:5 2:9", .code = -1},
    {"a VMI without annotations", "{\"metadata\":{\"name\":\"lab1\"}}", BOOTED, "0:0 1:5 2:9", .code = -1},
    {"a misspelled annotation", VMI(ENABLE ",\"virt-nest.io/migraton\":\"allow\""), BOOTED, "0:0", .code = NEST_ERROR_TAG_ATTRIBUTE,
     .words = "default/lab1: |virt-nest.io/migration"},
    {"no VMI", "VMI", BOOTED, "0:0", .code = NEST_ERROR_USAGE, .words = "is not the JSON of a VMI"},
    {"another hook point", "VMI", BOOTED, "0:0 1:5 2:9", .code = -1, .point = "PreVMStop"},
};

/* --- the node */

static void
write_process(int pid, const char *name, const char *text)
{
    g_autofree gchar *path = g_strdup_printf("/proc/%d/%s", pid, name);

    check_root_write(path, text);
}

/* @command: its arguments, a NUL between them as in /proc. */
static void
add_process(int pid, const char *command)
{
    g_autofree gchar *directory = g_strdup_printf("%s/proc/%d", g_getenv("VIRT_NEST_ROOT"), pid);
    g_autofree gchar *cmdline = g_build_filename(directory, "cmdline", NULL);
    g_autofree gchar *fds = g_build_filename(directory, "fd", NULL);
    g_autofree gchar *fd = g_build_filename(fds, "9", NULL);
    g_autofree gchar *text = g_strdelimit(g_strdup(command), "\n", '\0');

    write_process(pid, "comm", "qemu-kvm\n");
    write_process(pid, "stat", "4711 (qemu-kvm) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 0 0");
    g_assert_true(g_file_set_contents(cmdline, text, (gssize)strlen(command), NULL));
    g_assert_cmpint(g_mkdir_with_parents(fds, 0755), ==, 0);
    g_assert_cmpint(symlink("anon_inode:kvm-vm", fd), ==, 0);
}

/* @entries: what the kernel has counted; "": nothing. */
static void
set_entries(int pid, const char *entries)
{
    g_autofree gchar *path = g_strdup_printf("/sys/kernel/debug/kvm/%d-9/nested_run", pid);
    g_autofree gchar *full = g_build_filename(g_getenv("VIRT_NEST_ROOT"), path, NULL);

    check_root_write(path, entries);
    if (!*entries)
        g_assert_cmpint(unlink(full), ==, 0);
}

/* The time and the entries of a step. */
static gint64
take_step(const Case *c, const char *step)
{
    g_auto(GStrv) pair = g_strsplit(step, ":", 2);

    set_entries(PID, pair[1]);
    if (c->other)
        set_entries(OTHER, c->other);
    return g_ascii_strtoll(pair[0], NULL, 10) * 1000;
}

static void
lay_out(const Case *c)
{
    if (c->command)
        add_process(PID, c->command);
    if (c->other)
        add_process(OTHER, c->command);
}

static void
check_answer(const Case *c, gboolean good, const GError *error)
{
    if (c->code < 0) {
        g_assert_no_error(error);
        g_assert_true(good);
        return;
    }
    g_assert_false(good);
    g_assert_error(error, NEST_ERROR, c->code);
    check_says(error->message, c->words);
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    gchar *root = check_root_new();
    g_auto(GStrv) steps = g_strsplit(c->steps, " ", -1);
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(NestNodeWatch) watch = NULL;
    g_autoptr(GError) error = NULL;
    gint64 now = 0;
    gboolean good = FALSE;

    config.release = c->strict ? NEST_RELEASE_STRICT : NEST_RELEASE_LINGER;
    lay_out(c);
    watch = nest_node_watch_new(&config, &error);
    g_assert_no_error(error);
    for (gsize i = 0; steps[i]; i++) {
        now = take_step(c, steps[i]);
        if (steps[i + 1])
            nest_node_watch_look(watch, now);
    }
    good = nest_node_leave_check(watch, c->point ? c->point : "PreMigrationSource", c->vmi, -1, now, &error);
    check_answer(c, good, error);
    check_root_free(root);
}

/* A PID that is used again is another VM: what was counted of the former says nothing. */
static void
test_pid_again(void)
{
    gchar *root = check_root_new();
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(GError) error = NULL;
    g_autoptr(NestNodeWatch) watch = nest_node_watch_new(&config, &error);

    g_assert_no_error(error);
    add_process(PID, ARRIVED);
    set_entries(PID, "0");
    nest_node_watch_look(watch, 0);
    write_process(PID, "stat", "4711 (qemu-kvm) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9000 0 0");
    g_assert_false(nest_node_watch_check(watch, PID, 61000, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_add_row("node-leave", cases[i].sentence, &cases[i], test_case);
    g_test_add_func("/node-leave/a PID that is used again", test_pid_again);
    return g_test_run();
}
