/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What somebody may have meant by a word that does not exist. */
#include "base/spelling.h"
#include "check.h"

static const char *const words[] = {"auto", "host-passthrough", "host-model", "keep", NULL};
static const char *const attributes[] = {"cpu", "migration", "required", NULL};
static const char *const answers[] = {"yes", "no", NULL};

static const struct {
    const char *sentence, *word;
    const char *const *known;
    const char *nearest; /* NULL: none */
} rows[] = {
    {"a letter is missing", "migraton", attributes, "migration"},
    {"a letter is too much", "cpus", attributes, "cpu"},
    {"a letter is wrong", "host-modal", words, "host-model"},
    {"two letters are swapped", "rqeuired", attributes, "required"},
    {"another separator", "host_passthrough", words, "host-passthrough"},
    {"a separator is missing", "hostpasstrough", words, "host-passthrough"},
    {"capitals", "Host-Model", words, "host-model"},
    {"the nearest of two", "host-mode", words, "host-model"},
    {"a short word", "yess", answers, "yes"},
    {"nothing alike", "fast", words, NULL},
    {"a part of a word is no misspelling", "host", words, NULL},
    {"a short word is not any other", "on", (const char *const[]){"yes", "off", NULL}, NULL},
    {"nothing", "", attributes, NULL},
    {"longer than any word",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", words, NULL},
    {"bytes that are no text", "\xff\xfe\xff", attributes, NULL},
    {"no word is known", "cpu", (const char *const[]){NULL}, NULL},
};

static void
test_nearest(gconstpointer row)
{
    gsize i = GPOINTER_TO_SIZE(row);

    g_assert_cmpstr(nest_spelling_nearest(rows[i].word, rows[i].known), ==, rows[i].nearest);
}

static void
test_hint(void)
{
    g_autofree gchar *hint = nest_spelling_hint("migraton", attributes);
    g_autofree gchar *none = nest_spelling_hint("x", attributes);

    g_assert_cmpstr(hint, ==, " (did you mean 'migration'?)");
    g_assert_cmpstr(none, ==, "");
}

static const GOptionEntry own[] = {
    {"migration", 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    {"platform", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry shared[] = {
    {"help", 'h', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, NULL, NULL, NULL},
    G_OPTION_ENTRY_NULL,
};

static const struct {
    const char *line, *says; /* NULL: all is known */
} lines[] = {
    {"enable lab1 --migraton=allow", "there is no option --migraton (did you mean '--migration'?)"},
    {"enable --help --hlep", "there is no option --hlep (did you mean '--help'?)"},
    {"enable --frobnicate", "there is no option --frobnicate"},
    {"enable --migration lab1", NULL},
    {"enable -- --migraton", NULL},
    {"enable -x", NULL},
    {"", NULL},
};

static void
test_options(void)
{
    const GOptionEntry *const tables[] = {own, shared, NULL};

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_auto(GStrv) split = g_strsplit(lines[i].line, " ", -1);
        g_autofree gchar *said = nest_spelling_unknown_option((const gchar *const *)split, tables);

        g_assert_cmpstr(said, ==, lines[i].says);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("spelling/nearest", rows[i].sentence, GSIZE_TO_POINTER(i), test_nearest);
    g_test_add_func("/spelling/the hint of a message", test_hint);
    g_test_add_func("/spelling/an unknown option is named, with the one that is like it", test_options);
    return g_test_run();
}
