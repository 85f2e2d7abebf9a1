/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the hook share: a world of its own for each case, and running the hook in it.
 *
 * A world is a directory with a host from tests/fakes/hosts, a configuration, a definition, a flag, and this
 * process holding virtnestd's lock, as the case says. */
#pragma once

#include "base/config.h"
#include "base/rules_peek.h"
#include "base/liveness.h"
#include "base/root.h"
#include "base/runtime_flag.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define UUID "11111111-1111-4111-8111-111111111111"
#define SECRET "pass-w0rd"

#define TAG_WITH(attributes) "<nest:enable xmlns:nest='urn:virt-nest:1' " attributes "/>"
#define TAG TAG_WITH("")

#define PASSTHROUGH "<cpu mode='host-passthrough' check='none' migratable='on'/>"
#define PLAIN "<cpu mode='custom'><model>qemu64</model></cpu>"

/* What a case finds in its world. */
enum {
    DEFINITION = 1 << 0, /* the domain has a persistent definition */
    DAEMON = 1 << 1,     /* a virtnestd lives */
    FLAG = 1 << 2,      /* a migrate came just before */
    OLD_FLAG = 1 << 3,  /* one came two minutes ago */
    RESTART = 1 << 4,    /* the configuration says on-stale=restart */
    BAD_CONFIG = 1 << 5, /* the configuration cannot be read */
    SESSION = 1 << 6,    /* an ordinary user runs the hook, as qemu:///session does */
    IMAGE = 1 << 7,      /* a restore came just before */
    OLD_IMAGE = 1 << 8,  /* one came two minutes ago */
    FORBIDS = 1 << 9,    /* the configuration says policy=disable */
    MISTAKE = 1 << 10,   /* ... and has a mistake elsewhere */
    LEAVES = 1 << 11,    /* it says policy=leave */
    MEMORY = 1 << 12,    /* the domain has a snapshot with memory */
    DISKS = 1 << 13,     /* it has one without */
    MISTAKEN_RULE = 1 << 14, /* the host has a rule that cannot be evaluated, and may be meant to disable */
};

/* A host and what else stands on the disk, gone with the case. */
typedef struct {
    gchar *directory; /* of everything */
    gchar *root;   /* $VIRT_NEST_ROOT */
    gchar *prefilter;  /* the hook to run */
    guint given;   /* bits */
    int lock;      /* virtnestd's, held by this process; -1: not held */
} World;

/* How a call ended. */
typedef struct {
    int status; /* exit status; -1: killed */
    gchar *out;
    gchar *err;
} Result;

static inline void
result_free(Result *result)
{
    g_free(result->out);
    g_free(result->err);
    g_free(result);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Result, result_free)

static inline void
must_run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    gint status = 0;

    g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

static inline void
world_free(World *world)
{
    must_run((const char *const[]){"rm", "-rf", world->directory, NULL});
    if (world->lock >= 0)
        close(world->lock);
    g_free(world->directory);
    g_free(world->root);
    g_free(world->prefilter);
    g_free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static inline gchar *
built(const char *program)
{
    const char *directory = g_getenv("BUILD");
    g_autofree gchar *path = g_build_filename(directory ? directory : "build", program, NULL);

    return g_canonicalize_filename(path, NULL);
}

static inline void
put_file(const World *world, const char *path, const char *text)
{
    g_autofree gchar *full = g_strconcat(world->directory, path, NULL);
    g_autofree gchar *directory = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

/* A copy of the hook that anybody may run, with or without its judge. */
static inline void
copy_hook(World *world, gboolean with_judge)
{
    g_autofree gchar *prefilter = built(with_judge ? "tests/prefilter" : "tests/alone/prefilter");
    g_autofree gchar *second = built("libexec/qemu-hook.so");
    g_autofree gchar *hooks = g_build_filename(world->directory, "hooks", NULL);
    g_autofree gchar *libexec = g_build_filename(world->directory, "libexec", NULL);

    must_run((const char *const[]){"mkdir", "-p", hooks, libexec, NULL});
    g_free(world->prefilter);
    world->prefilter = g_build_filename(hooks, "qemu", NULL);
    must_run((const char *const[]){"cp", prefilter, world->prefilter, NULL});
    if (with_judge)
        must_run((const char *const[]){"cp", second, libexec, NULL});
}

/* A copy of the hook whose judge becomes this shell script. */
static inline void
copy_hook_with_script(World *world, const char *script)
{
    g_autofree gchar *stand_in = built("tests/script-judge.so");
    g_autofree gchar *second = g_strconcat(world->directory, "/libexec/qemu-hook.so", NULL);

    copy_hook(world, FALSE);
    must_run((const char *const[]){"cp", stand_in, second, NULL});
    put_file(world, "/libexec/qemu-hook.so.sh", script);
    must_run((const char *const[]){"chmod", "-R", "755", world->directory, NULL});
}

static inline void
hold_lock(World *world)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    g_autofree gchar *path = nest_root_runtime_path("virtnestd.lock");
    g_autofree gchar *directory = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    world->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    g_assert_cmpint(world->lock, >=, 0);
    g_assert_cmpint(fcntl(world->lock, F_OFD_SETLK, &lock), ==, 0);
}

/* As a directory that pam_systemd makes for a user who logs in. */
static inline void
make_user(World *world)
{
    g_autofree gchar *directory = g_strdup_printf("%s/run/user/%d", world->root, NOBODY);

    copy_hook(world, TRUE);
    g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
    g_assert_cmpint(chown(directory, NOBODY, NOBODY), ==, 0);
}

static inline void
set_flag(NestRuntimeFlag flag, const char *note, gboolean old)
{
    g_autofree gchar *path = nest_root_runtime_path(note);
    gint64 then = g_get_real_time() / G_USEC_PER_SEC - 120;
    struct timespec times[2] = {{.tv_sec = then}, {.tv_sec = then}};

    g_assert_true(nest_runtime_flag_set(flag, UUID, NULL));
    if (old)
        g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static inline gboolean
has_flag_file(void)
{
    g_autofree gchar *arriving = nest_root_runtime_path("resume/" UUID);
    g_autofree gchar *restoring = nest_root_runtime_path("restore/" UUID);

    return g_file_test(arriving, G_FILE_TEST_EXISTS) || g_file_test(restoring, G_FILE_TEST_EXISTS);
}

static inline World *
world_new(const char *host, guint given)
{
    World *world = g_new0(World, 1);
    g_autofree gchar *fake = g_build_filename("tests/fakes/hosts", host, NULL);

    world->directory = g_dir_make_tmp("nest-hook-XXXXXX", NULL);
    world->root = g_build_filename(world->directory, "root", NULL);
    world->prefilter = built("tests/prefilter");
    world->given = given;
    world->lock = -1;
    g_assert_cmpint(g_chmod(world->directory, 0755), ==, 0);
    must_run((const char *const[]){"cp", "-r", fake, world->root, NULL});
    g_setenv("VIRT_NEST_ROOT", world->root, TRUE);
    if (given & DEFINITION) {
        put_file(world, "/root/etc/libvirt/qemu/lab1.xml", "<domain/>\n");
        put_file(world, "/home/.config/libvirt/qemu/lab1.xml", "<domain/>\n");
    }
    if (given & RESTART)
        put_file(world, "/root" NEST_CONFIG_FILE, "[start]\non-stale=restart\n");
    if (given & BAD_CONFIG)
        put_file(world, "/root" NEST_CONFIG_FILE, "[start]\non-stale=perhaps\n");
    if (given & FORBIDS)
        put_file(world, "/root" NEST_CONFIG_FILE,
                 given & MISTAKE ? "[untagged]\n policy = disable\n[guard]\ninterval=often\n"
                                 : "# policy\n[untagged]\npolicy=disable");
    if (given & LEAVES)
        put_file(world, "/root" NEST_CONFIG_FILE, "[untagged]\n#policy=disable\npolicy=leave\n");
    if (given & (MEMORY | DISKS))
        put_file(world, given & SESSION ? "/home/.config/libvirt/qemu/snapshot/lab1/one.xml" : "/root/var/lib/libvirt/qemu/snapshot/lab1/one.xml",
                 given & MEMORY ? "<domainsnapshot>\n  <state>running</state>\n</domainsnapshot>\n"
                                : "<domainsnapshot>\n  <state>shutoff</state>\n</domainsnapshot>\n");
    if (given & MISTAKEN_RULE)
        put_file(world, "/root" NEST_RULES_DIRECTORY "/50.conf", "[web]\nmatch=name[\ntag=disable\n");
    if (given & DAEMON)
        hold_lock(world);
    if (given & (FLAG | OLD_FLAG))
        set_flag(NEST_RUNTIME_FLAG_RESUMING, "resume/" UUID, !!(given & OLD_FLAG));
    if (given & (IMAGE | OLD_IMAGE))
        set_flag(NEST_RUNTIME_FLAG_RESTORING, "restore/" UUID, !!(given & OLD_IMAGE));
    if (given & SESSION)
        make_user(world);
    return world;
}

/* What the child does before it becomes the hook: the input, and in a session the user. */
typedef struct {
    int input;        /* to be standard input */
    gboolean session; /* as an ordinary user */
} Child;

static inline void
set_up_child(gpointer data)
{
    const Child *child = data;

    if (dup2(child->input, STDIN_FILENO) < 0)
        _exit(99);
    if (child->session && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        _exit(99);
}

static inline int
as_input(const World *world, const char *text, gsize length)
{
    g_autofree gchar *path = g_build_filename(world->directory, "input.xml", NULL);
    int fd = -1;

    g_assert_true(g_file_set_contents(path, text, (gssize)length, NULL));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* The environment is the one libvirt gives (facts.md, "Hooks"), and the fake root. */
static inline Result *
run(const World *world, const char *const *argv, const char *input, gsize length)
{
    Child child = {as_input(world, input, length), !!(world->given & SESSION)};
    g_autofree gchar *root = g_strconcat("VIRT_NEST_ROOT=", world->root, NULL);
    g_autofree gchar *home = g_strconcat("HOME=", world->directory, "/home", NULL);
    const char *environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", home, root, NULL};
    Result *result = g_new0(Result, 1);
    g_autoptr(GError) error = NULL;
    gint status = 0;

    g_spawn_sync(world->directory, (gchar **)argv, (gchar **)environment,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, set_up_child, &child,
                 &result->out, &result->err, &status, &error);
    g_assert_no_error(error);
    close(child.input);
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    /* Whatever happens, nothing of a password is ever shown. */
    g_assert_null(strstr(result->err, SECRET));
    return result;
}

static inline Result *
call(const World *world, const char *operation, const char *xml)
{
    const char *argv[] = {world->prefilter, "lab1", operation, "begin", "-", NULL};

    return run(world, argv, xml, strlen(xml));
}

/* As libvirt formats it, with a password as at migrate and restore. */
static inline gchar *
domain(const char *type, const char *metadata, const char *cpu)
{
    const char *os = strstr(cpu, "<os>") ? "" : "<os><type arch='x86_64'>hvm</type></os>";

    return g_strdup_printf("<domain type='%s'>\n  <name>lab1</name>\n  <uuid>" UUID "</uuid>\n"
                           "  <metadata>\n    %s\n  </metadata>\n  %s\n  %s\n"
                           "  <devices>\n    <graphics type='vnc' passwd='" SECRET "'/>\n"
                           "  </devices>\n</domain>\n",
                           type, metadata, os, cpu);
}

static inline void
assert_contains(const char *text, const char *word)
{
    if (!strstr(text, word))
        g_error("'%s' is not in: %s", word, text);
}

/* The form of every refusal: one line, what was refused first, the code last. */
static inline void
assert_refused(const Result *result, const char *code)
{
    g_autofree gchar *end = g_strdup_printf(" [%s]\n", code);

    g_assert_cmpint(result->status, ==, 1);
    g_assert_cmpstr(result->out, ==, "");
    /* On a line of its own, whatever libvirt prints before it; lines of the log may come first here. */
    if (!g_str_has_prefix(result->err, "\nnest: cannot ") &&
        !strstr(result->err, "\n\nnest: cannot "))
        g_error("not on a line of its own: %s", result->err);
    assert_contains(result->err, "domain 'lab1'");
    if (!g_str_has_suffix(result->err, end))
        g_error("not refused with %s but: %s", code, result->err);
}

static inline void
assert_passed(const Result *result)
{
    if (result->status != 0)
        g_error("refused: %s", result->err);
}

static inline void
assert_passed_silently(const Result *result)
{
    assert_passed(result);
    g_assert_cmpstr(result->out, ==, "");
    g_assert_cmpstr(result->err, ==, "");
}

/* Every operation libvirt has, and some it has not. */
static const struct {
    const char *name;
    gboolean may_refuse;
    gboolean tolerant; /* a mistaken tag is no reason to refuse */
} operations[] = {
    {"prepare", TRUE, FALSE}, {"start", TRUE, FALSE},     {"migrate", TRUE, TRUE},
    {"restore", FALSE, TRUE}, {"stopped", FALSE, TRUE},   {"release", FALSE, TRUE},
    {"started", FALSE, TRUE}, {"reconnect", FALSE, TRUE}, {"attach", FALSE, TRUE},
    {"unknown", FALSE, TRUE}, {"", FALSE, TRUE},
};
