/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the known word that somebody may have meant by a misspelled one. */
#include "base/spelling.h"

#include <string.h>

#define LONGEST 40 /* the longest word that is compared; no known word is longer */

/* The least number of changes that make the first @j letters of @b into the first @i letters of @a. */
static guint
step(guint cost[LONGEST + 1][LONGEST + 1], const char *a, const char *b, gsize i, gsize j)
{
    gboolean same = g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 1]);
    guint least = cost[i - 1][j - 1] + !same;

    least = MIN(least, cost[i - 1][j] + 1);
    least = MIN(least, cost[i][j - 1] + 1);
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        least = MIN(least, cost[i - 2][j - 2] + 1);
    return least;
}

/* How many letters are wrong, missing, too much or swapped. */
static guint
measure_distance(const char *a, const char *b)
{
    guint cost[LONGEST + 1][LONGEST + 1];
    gsize n = strlen(a);
    gsize m = strlen(b);

    if (n > LONGEST || m > LONGEST)
        return G_MAXUINT;
    for (gsize i = 0; i <= n; i++)
        for (gsize j = 0; j <= m; j++)
            cost[i][j] = i == 0 || j == 0 ? (guint)(i + j) : step(cost, a, b, i, j);
    return cost[n][m];
}

const char *
nest_spelling_nearest(const char *word, const char *const *known)
{
    const char *nearest = NULL;
    guint best = G_MAXUINT;

    for (gsize i = 0; known[i]; i++) {
        guint wrong = measure_distance(word, known[i]);

        if (wrong >= best || wrong > MAX(strlen(known[i]) / 3, 1) || wrong >= strlen(known[i]))
            continue;
        best = wrong;
        nearest = known[i];
    }
    return nearest;
}

gchar *
nest_spelling_hint(const char *word, const char *const *known)
{
    const char *nearest = nest_spelling_nearest(word, known);

    return nearest ? g_strdup_printf(" (did you mean '%s'?)", nearest) : g_strdup("");
}

/* (transfer container) The long names of the options, as they are typed. */
static GPtrArray *
list_options(const GOptionEntry *const *options)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (gsize t = 0; options[t]; t++)
        for (const GOptionEntry *entry = options[t]; entry->long_name; entry++)
            if (*entry->long_name && !(entry->flags & G_OPTION_FLAG_HIDDEN))
                g_ptr_array_add(names, g_strconcat("--", entry->long_name, NULL));
    g_ptr_array_add(names, NULL);
    return names;
}

gchar *
nest_spelling_unknown_option(const gchar *const *words, const GOptionEntry *const *options)
{
    g_autoptr(GPtrArray) names = list_options(options);
    const gchar *const *known = (const gchar *const *)names->pdata;

    for (gsize i = 0; words[i] && !g_str_equal(words[i], "--"); i++) {
        g_autofree gchar *name = g_strndup(words[i], strcspn(words[i], "="));
        g_autofree gchar *hint = NULL;

        if (!g_str_has_prefix(name, "--") || g_strv_contains(known, name))
            continue;
        hint = nest_spelling_hint(name, known);
        return g_strdup_printf("there is no option %s%s", name, hint);
    }
    return NULL;
}
