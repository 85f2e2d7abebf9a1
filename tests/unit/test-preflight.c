/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* preflight: what follows from the checks, and how missing features are told. */
#include "../../hooks/virt-nest/preflight_check.h"
#include "check.h"

/* Checks by the first letters of their results, and the answer. */
static const struct {
    const char *results;
    const char *answer;
    int status;
} answers[] = {
    {"", "unknown", 2},        {"n", "unknown", 2},         {"g", "lives", 0},
    {"ggn", "lives", 0},       {"gu", "unknown", 2},        {"ugn", "unknown", 2},
    {"gb", "would-not-live", 1}, {"bug", "would-not-live", 1}, {"nb", "would-not-live", 1},
};

static void
test_answers(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(GPtrArray) checks = nest_preflight_checks_new();
        NestPreflightResult answer = NEST_PREFLIGHT_NOTE;

        for (const char *one = answers[i].results; *one; one++)
            for (int r = 0; r <= NEST_PREFLIGHT_BREAKS; r++)
                if (*nest_preflight_result_name(r) == *one)
                    nest_preflight_add(checks, "cpu", r, g_strdup("text"));
        g_assert_cmpuint(checks->len, ==, strlen(answers[i].results));
        answer = nest_preflight_answer(checks);
        g_assert_cmpstr(nest_preflight_answer_name(answer), ==, answers[i].answer);
        g_assert_cmpint(nest_preflight_status(answer), ==, answers[i].status);
    }
}

/* (transfer full) The words of @names as a set. */
static GHashTable *
set_of(const char *names)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) words = g_strsplit(names, " ", -1);

    for (gsize i = 0; words[i]; i++)
        g_hash_table_add(set, g_strdup(words[i]));
    return set;
}

static const struct {
    const char *wanted;
    const char *offered;
    gboolean nested;
    const char *missing; /* with spaces */
} sets[] = {
    {"svm npt aes", "svm npt aes", FALSE, ""},
    {"svm npt aes", "svm aes", FALSE, "npt"},
    {"svm npt aes umip", "svm", FALSE, "aes npt umip"},
    {"svm npt aes umip", "svm", TRUE, "npt"},
    {"vmx vmx-ept avx512f", "aes", TRUE, "vmx vmx-ept"},
    {"aes", "vmx vmx-ept aes", FALSE, ""},
};

static void
test_missing(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
        g_autoptr(GHashTable) wanted = set_of(sets[i].wanted);
        g_autoptr(GHashTable) offered = set_of(sets[i].offered);
        g_autoptr(GPtrArray) missing = nest_preflight_missing(wanted, offered, sets[i].nested);
        g_autofree gchar *list = NULL;

        g_ptr_array_add(missing, NULL);
        list = g_strjoinv(" ", (gchar **)missing->pdata);
        g_assert_cmpstr(list, ==, sets[i].missing);
    }
}

/* Each kind says what its lack breaks. */
static void
test_words(void)
{
    g_autoptr(GHashTable) wanted = set_of("svm npt vmx-ept umip aes");
    g_autoptr(GHashTable) nothing = set_of("");
    g_autoptr(GPtrArray) missing = nest_preflight_missing(wanted, nothing, FALSE);
    g_autofree gchar *text = nest_preflight_missing_text(missing);

    check_says(text, "svm: without it no guest nests there|npt, vmx-ept: its hypervisor has seen it|"
                     "aes, umip: programs in the guest");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/preflight/answers", test_answers);
    g_test_add_func("/preflight/missing", test_missing);
    g_test_add_func("/preflight/words", test_words);
    return g_test_run();
}
