/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock that says virtnestd lives, and the flags that restore and migrate leave. */
#include "base/liveness.h"
#include "base/root.h"
#include "base/runtime_flag.h"
#include "check.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER "6695eb01-f6a4-8304-79aa-97f2502e1930"

/* A child that takes the lock, says so through a pipe and stays until it is killed. */
static pid_t
child_with_lock(void)
{
    int ready[2];
    char byte = 0;
    pid_t child = -1;

    g_assert_cmpint(pipe(ready), ==, 0);
    child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        close(ready[0]);
        byte = nest_liveness_take(NULL) ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    close(ready[1]);
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    close(ready[0]);
    g_assert_cmpint(byte, ==, 'y');
    return child;
}

static void
kill_child(pid_t child)
{
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
}

static void
test_child(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;
    pid_t child = -1;

    g_test_summary("another process's lock is seen, refuses a second, and is gone with kill -9");
    g_assert_false(nest_liveness_is_held());
    child = child_with_lock();
    g_assert_true(nest_liveness_is_held());
    g_assert_false(nest_liveness_take(&error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_DAEMON);
    check_says(error->message, "another virtnestd|virtnestd.lock|systemctl stop virtnestd");
    g_assert_true(nest_liveness_is_held());
    kill_child(child);
    g_assert_false(nest_liveness_is_held());
    child = child_with_lock(); /* the file that is left does no harm */
    g_assert_true(nest_liveness_is_held());
    kill_child(child);
    check_root_free(root);
}

static void
test_own(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;

    g_test_summary("the lock lasts as long as its process, and is taken once");
    g_assert_true(nest_liveness_take(NULL));
    g_assert_true(nest_liveness_is_held());
    g_assert_true(nest_liveness_is_held()); /* asking, with a close after it, does not let go */
    g_assert_false(nest_liveness_take(&error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_DAEMON);
    g_assert_true(nest_liveness_is_held());
    check_root_free(root);
}

static void
test_not_inherited(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = nest_root_runtime_path("virtnestd.lock");
    g_autofree gchar *output = NULL;

    g_test_summary("a program that virtnestd runs does not keep the lock alive");
    g_assert_true(nest_liveness_take(NULL));
    g_assert_true(g_spawn_sync(NULL, (gchar *[]){(gchar *)"/bin/sh", (gchar *)"-c",
                                                 (gchar *)"for f in /proc/self/fd/*; do readlink $f; done", NULL},
                               NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, &output, NULL, NULL, NULL));
    g_assert_null(strstr(output, path));
    check_root_free(root);
}

static void
test_no_directory(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;

    g_test_summary("where no file can be made the error names it");
    check_root_write("run", "in the way");
    g_assert_false(nest_liveness_take(&error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, "virtnestd.lock");
    g_assert_false(nest_liveness_is_held());
    check_root_free(root);
}

static gchar *
flag_path(const char *uuid)
{
    g_autofree gchar *name = g_strconcat("resume/", uuid, NULL);

    return nest_root_runtime_path(name);
}

static void
test_flag(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;

    g_test_summary("a flag is there for its domain until it is removed");
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, UUID);
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, &error));
    g_assert_no_error(error);
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID)); /* asking does not use it */
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, OTHER));
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, OTHER);
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, UUID);
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    check_root_free(root);
}

static void
age(const char *path, time_t seconds)
{
    time_t then = time(NULL) - seconds;
    struct utimbuf times = {then, then};

    g_assert_cmpint(utime(path, &times), ==, 0);
}

static void
test_stale(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = flag_path(UUID);

    g_test_summary("a flag is void after a minute, and fresh again when left again");
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, NULL));
    age(path, 30);
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    age(path, 61);
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    age(path, 1000000);
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    age(path, -3600); /* the clock was set back */
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, NULL));
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    check_root_free(root);
}

static void
test_flag_modes(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = flag_path(UUID);
    g_autofree gchar *directory = g_path_get_dirname(path);
    mode_t before = umask(0);

    g_test_summary("the directory is its owner's alone, and so is the flag, whatever the umask");
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, NULL));
    umask(before);
    g_assert_cmpuint(check_mode(directory), ==, 0700);
    g_assert_cmpuint(check_mode(path), ==, 0600);
    check_root_free(root);
}

static void
test_bad_uuid(void)
{
    static const char *const bad[] = {
        "",  "x", ".", "..", "../virtnestd.lock", "../../../etc/passwd", "/etc/passwd",
        UUID "/x", UUID "x", "6695eb01-f6a4-8304-79aa-97f2502e193", "6695eb01f6a4830479aa97f2502e193f",
        "6695eb01-f6a4-8304-79aa-97f2502e193/", "6695eb01-f6a4-8304-../-97f2502e193f",
    };
    gchar *root = check_root_new();
    g_autofree gchar *lock = nest_root_runtime_path("virtnestd.lock");

    g_test_summary("what is not a uuid is never part of a path");
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, NULL));
    g_assert_true(g_file_set_contents(lock, "", -1, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, bad[i], &error));
        g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
        check_says(error->message, "not a uuid");
        g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, bad[i]));
        nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, bad[i]);
    }
    g_assert_true(g_file_test(lock, G_FILE_TEST_EXISTS));
    g_assert_true(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    check_root_free(root);
}

static void
test_link(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = flag_path(UUID);
    g_autofree gchar *target = g_build_filename(root, "target", NULL);
    g_autofree gchar *text = NULL;

    g_test_summary("a link in a flag's place is replaced, not followed");
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, OTHER, NULL));
    g_assert_true(g_file_set_contents(target, "kept", -1, NULL));
    g_assert_cmpint(symlink(target, path), ==, 0);
    g_assert_true(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, NULL));
    g_assert_false(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
    g_assert_true(g_file_get_contents(target, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "kept");
    check_root_free(root);
}

static void
test_flag_no_directory(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) error = NULL;

    g_test_summary("a flag that cannot be left is an error with the path in it");
    check_root_write("run", "in the way");
    g_assert_false(nest_runtime_flag_set(NEST_RUNTIME_FLAG_RESUMING, UUID, &error));
    g_assert_error(error, NEST_ERROR, NEST_ERROR_IO);
    check_says(error->message, UUID);
    g_assert_false(nest_runtime_flag_test(NEST_RUNTIME_FLAG_RESUMING, UUID));
    nest_runtime_flag_clear(NEST_RUNTIME_FLAG_RESUMING, UUID);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/liveness/a child's lock is seen and gone with it", test_child);
    g_test_add_func("/liveness/the own lock lasts", test_own);
    g_test_add_func("/liveness/the lock is not inherited", test_not_inherited);
    g_test_add_func("/liveness/no file can be made", test_no_directory);
    g_test_add_func("/flag/is there until removed", test_flag);
    g_test_add_func("/flag/is void after a minute", test_stale);
    g_test_add_func("/flag/is its owner's alone", test_flag_modes);
    g_test_add_func("/flag/never leaves its directory", test_bad_uuid);
    g_test_add_func("/flag/does not follow a link", test_link);
    g_test_add_func("/flag/cannot be left", test_flag_no_directory);
    return g_test_run();
}
