/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a domain may leave: the answer to each kind of facts, and that each reason says what has to be done. */
#include "../../hooks/virt-nest/leave_answer.h"
#include "check.h"

/* Live statuses as virtnestd writes them. */
static NestLiveStatus running = {.nested = TRUE, .reason = (gchar *)"entries"};
static NestLiveStatus none = {.reason = (gchar *)"clear"};
static NestLiveStatus unasked = {.reason = (gchar *)"clear", .guard = (gchar *)"failed"};
static NestLiveStatus nothing = {.reason = (gchar *)"nothing"};

#define ALIVE .runs = TRUE, .has_feature = TRUE
#define WATCHED ALIVE, .watched = TRUE
#define SAMPLED(why) .sampled = {.reason = NEST_REASON_##why}

static const struct {
    const char *sentence;
    NestLeaveFacts facts;
    NestLeaveAnswer answer;
    const char *reason;
} rows[] = {
    {"a domain that does not run", {0}, NEST_LEAVE_MAY, "not-running"},
    {"no feature, also without virtnestd", {.runs = TRUE}, NEST_LEAVE_MAY, "no-feature"},
    {"no feature, but a guard", {.runs = TRUE, .armed = TRUE}, NEST_LEAVE_RUNNING, "armed"},
    {"virtnestd sees none", {WATCHED, .status = &none}, NEST_LEAVE_MAY, "none"},
    {"virtnestd saw none, and cannot ask any more", {WATCHED, .status = &unasked}, NEST_LEAVE_UNKNOWN, "not-yet"},
    {"virtnestd sees some", {WATCHED, .status = &running}, NEST_LEAVE_RUNNING, "nested"},
    {"... and the guard is armed",
     {WATCHED, .status = &running, .armed = TRUE},
     NEST_LEAVE_RUNNING,
     "armed"},
    {"... and QEMU is stopped",
     {WATCHED, .status = &running, .silent = TRUE},
     NEST_LEAVE_RUNNING,
     "nested"},
    {"virtnestd saw none, and QEMU is stopped",
     {WATCHED, .status = &none, .silent = TRUE},
     NEST_LEAVE_UNKNOWN,
     "no-answer"},
    {"virtnestd sees none, and QEMU refuses all the same",
     {WATCHED, .status = &none, .armed = TRUE},
     NEST_LEAVE_RUNNING,
     "armed"},
    {"virtnestd could read nothing", {WATCHED, .status = &nothing}, NEST_LEAVE_UNKNOWN, "not-yet"},
    {"... but a probe could",
     {WATCHED, .status = &nothing, SAMPLED(ENTRIES)},
     NEST_LEAVE_RUNNING,
     "entered"},
    {"allowed", {WATCHED, .status = &running, .allowed = TRUE}, NEST_LEAVE_MAY, "allowed"},
    {"allowed, and still armed",
     {WATCHED, .status = &running, .allowed = TRUE, .armed = TRUE},
     NEST_LEAVE_RUNNING,
     "armed-yet"},
    {"without virtnestd, its word that none ran", {ALIVE, .status = &none}, NEST_LEAVE_UNKNOWN, "stale"},
    {"... and that some ran", {ALIVE, .status = &running}, NEST_LEAVE_UNKNOWN, "stale"},
    {"... and the guard is still armed",
     {ALIVE, .status = &running, .armed = TRUE},
     NEST_LEAVE_RUNNING,
     "armed"},
    {"... and the hypervisor is off",
     {ALIVE, .status = &running, SAMPLED(CLEAR)},
     NEST_LEAVE_MAY,
     "hypervisor-off"},
    {"... and the hypervisor is on",
     {ALIVE, .status = &none, SAMPLED(BIT)},
     NEST_LEAVE_RUNNING,
     "hypervisor-on"},
    {"untagged", {WATCHED}, NEST_LEAVE_UNKNOWN, "unwatched"},
    {"untagged, entries grow", {WATCHED, SAMPLED(ENTRIES)}, NEST_LEAVE_RUNNING, "entered"},
    {"untagged, always nested", {WATCHED, SAMPLED(ALWAYS)}, NEST_LEAVE_RUNNING, "entered"},
    {"untagged, entries stand still", {WATCHED, SAMPLED(LINGER)}, NEST_LEAVE_UNKNOWN, "unwatched"},
    {"untagged, no entry since it arrived",
     {WATCHED, SAMPLED(NEVER)},
     NEST_LEAVE_UNKNOWN,
     "unwatched"},
    {"untagged, no entry since it booted",
     {WATCHED, .booted = TRUE, SAMPLED(NEVER)},
     NEST_LEAVE_MAY,
     "never"},
    {"untagged, QEMU stopped", {WATCHED, .silent = TRUE}, NEST_LEAVE_UNKNOWN, "no-answer"},
};

static void
test_row(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);
    NestLeaveReason reason = nest_leave_judge(&rows[i].facts);

    g_assert_cmpstr(nest_leave_reason_name(reason), ==, rows[i].reason);
    g_assert_cmpint(nest_leave_answer(reason), ==, rows[i].answer);
}

/* Whatever is not a yes has a remedy, but for what was reported before; each name stands for one reason. */
static void
test_words(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (int i = 0; i < NEST_LEAVE_REASONS; i++) {
        gboolean may = nest_leave_answer(i) == NEST_LEAVE_MAY;

        g_assert_nonnull(nest_leave_reason_text(i));
        g_assert_true(g_hash_table_add(names, (gpointer)nest_leave_reason_name(i)));
        g_assert_true(i == NEST_LEAVE_NOT_READ || may == !nest_leave_reason_remedy(i));
    }
    g_assert_cmpstr(nest_leave_answer_name(NEST_LEAVE_MAY), ==, "may");
    g_assert_cmpstr(nest_leave_answer_name(NEST_LEAVE_RUNNING), ==, "nested-guests-run");
    g_assert_cmpstr(nest_leave_answer_name(NEST_LEAVE_UNKNOWN), ==, "unknown");
}

/* The answers are exit statuses, which the manual promises. */
static void
test_statuses(void)
{
    g_assert_cmpint(NEST_LEAVE_MAY, ==, 0);
    g_assert_cmpint(NEST_LEAVE_RUNNING, ==, 1);
    g_assert_cmpint(NEST_LEAVE_UNKNOWN, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree gchar *path = g_strconcat("/leave/", rows[i].sentence, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
    }
    g_test_add_func("/leave/words", test_words);
    g_test_add_func("/leave/statuses", test_statuses);
    return g_test_run();
}
