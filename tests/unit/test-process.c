/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process's start time, from what the kernel shows of it. */
#include "check.h"
#include "host/process.h"

#include <unistd.h>

/* The fields before the start time, as of a QEMU. */
#define BEFORE(name) "4711 (" name ") S 1 4711 4711 0 -1 4194560 5 0 0 0 10 20 0 0 20 0 3 0 "

static const struct {
    const char *sentence, *stat, *start_time;
} rows[] = {
    {"a QEMU's", BEFORE("qemu-system-x86") "1234567 1000 2000\n", "1234567"},
    {"a name with brackets and spaces", BEFORE("a) S 1 (b) ") "12 1000\n", "12"},
    {"zero", BEFORE("init") "0 1000\n", "0"},
    {"the last field", BEFORE("a") "99", "99"},
    {"fifteen digits", BEFORE("a") "999999999999999 1", "999999999999999"},
    {"more digits than there can be", BEFORE("a") "9999999999999999 1", ""},
    {"negative", BEFORE("a") "-5 1", ""},
    {"no number", BEFORE("a") "x 1", ""},
    {"cut in front of it", BEFORE("a"), ""},
    {"too few fields", "4711 (a) S 1 2 3\n", ""},
    {"no name", "4711 a S 1 4711 4711 0 -1 4194560 5 0 0 0 10 20 0 0 20 0 3 0 7 8", ""},
    {"empty", "", ""},
};

static void
test_start_time(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *start_time = nest_process_start_time(rows[i].stat);

    g_assert_cmpstr(start_time, ==, rows[i].start_time);
}

static void
test_other_fields(void)
{
    g_assert_true(nest_process_is_stopped("1 (a) T 1"));
    g_assert_true(nest_process_is_stopped("1 (a) t 1"));
    g_assert_false(nest_process_is_stopped("1 (a) T) S 1"));
    g_assert_false(nest_process_is_stopped("1 (a)"));
    g_assert_cmpuint(nest_process_cpu_time(BEFORE("a")), ==, 30);
    g_assert_cmpuint(nest_process_cpu_time("1 (a) S 1 2 3"), ==, 0);
}

static void
test_own(void)
{
    g_autofree gchar *stat = NULL;
    g_autofree gchar *start_time = NULL;

    g_test_summary("the kernel shows this process so");
    g_assert_true(g_file_get_contents("/proc/self/stat", &stat, NULL, NULL));
    start_time = nest_process_start_time(stat);
    g_assert_cmpint(g_ascii_strtoll(start_time, NULL, 10), >, 0);
}

static void
test_began(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *pid = g_strdup_printf("%d\n", (int)getpid());
    g_autofree gchar *path = g_strdup_printf("proc/%d/stat", (int)getpid());
    g_autofree gchar *stat = NULL;
    gint64 now = g_get_real_time() / G_TIME_SPAN_MILLISECOND;
    gint64 began = 0;

    g_test_summary("a process has begun before now, and after the host; without its file it has not");
    g_assert_cmpint(nest_process_began("/run/x.pid"), ==, 0);
    check_root_write("run/x.pid", pid);
    g_assert_cmpint(nest_process_began("/run/x.pid"), ==, 0);
    g_assert_true(g_file_get_contents("/proc/self/stat", &stat, NULL, NULL));
    check_root_write(path, stat);
    began = nest_process_began("/run/x.pid");
    g_assert_cmpint(began, <=, now + 20); /* the kernel counts in hundredths */
    g_assert_cmpint(began, >, now - 3600 * 1000);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("process", rows[i].sentence, GSIZE_TO_POINTER(i), test_start_time);
    g_test_add_func("/process/its state and its processor time", test_other_fields);
    g_test_add_func("/process/this one", test_own);
    g_test_add_func("/process/began", test_began);
    return g_test_run();
}
