/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words that the text of a domain's XML must have if a rule matches. For most domains they are missing, so that the XML need
 * not be parsed. */
#include "domain/rule_needles.h"

#include "domain/rule_pieces.h"

#include <string.h>

/* Characters that XML never writes in another way. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-"
/* The characters of a path without its conditions. */
#define PATH PLAIN "@*"

struct NestRuleNeedles {
    GPtrArray *ways; /* of GPtrArray of gchar *: each way needs all of its words */
};

/* One way on its way. */
typedef struct {
    GHashTable *namespaces;
    GPtrArray *words;
} Way;

static void add_condition(const Way *way, const char *text, gboolean in_domain);

/* Adds the longest piece of a text that consists of PLAIN characters. */
static void
add_word(const Way *way, const char *text)
{
    const char *best = text;
    gsize best_length = 0;

    while (*text) {
        gsize length = strspn(text, PLAIN);

        if (length > best_length) {
            best = text;
            best_length = length;
        }
        text += length ? length : 1;
    }
    if (best_length > 0)
        g_ptr_array_add(way->words, g_strndup(best, best_length));
}

/* Whether a path without conditions leads to a node that contains no elements. @in_domain: it begins at <domain> */
static gboolean
leads_to_text(const char *path, gboolean in_domain)
{
    static const char *const elements[] = {"name", "uuid", "title", "description", NULL};
    const char *last = strrchr(path, '/');
    gboolean of_domain = g_str_has_prefix(path, "/domain/") && last == path + strlen("/domain");

    if ((last ? last + 1 : path)[0] == '@')
        return TRUE;
    return ((in_domain && !last) || of_domain) && g_strv_contains(elements, last ? last + 1 : path);
}

static void
add_namespaces(const Way *way, const char *path)
{
    g_auto(GStrv) steps = g_strsplit_set(path, "/@", -1);

    for (gsize i = 0; steps[i]; i++) {
        const char *colon = strchr(steps[i], ':');
        g_autofree gchar *prefix = colon ? g_strndup(steps[i], (gsize)(colon - steps[i])) : NULL;
        const char *uri = prefix ? g_hash_table_lookup(way->namespaces, prefix) : NULL;

        if (uri)
            add_word(way, uri);
    }
}

/* Removes the conditions from a path, and adds the words that they need. Returns: (transfer full) the path without them. */
static gchar *
strip_conditions(const Way *way, const char *text)
{
    GString *path = g_string_new(NULL);
    const char *begin = NULL;
    int depth = 0;

    for (const char *place = text; *place; place++) {
        const char *quote = strchr("\"'", *place) ? strchr(place + 1, *place) : NULL;
        int after = nest_rule_pieces_depth(*place, depth);

        if (depth == 0 && *place == '[') {
            begin = place + 1;
        } else if (depth == 1 && after == 0 && *place == ']' && begin) {
            g_autofree gchar *condition = g_strndup(begin, (gsize)(place - begin));

            add_condition(way, condition, FALSE);
        } else if (depth == 0) {
            g_string_append_c(path, *place);
        }
        depth = after;
        place = quote ? quote : place;
    }
    return g_string_free(path, FALSE);
}

/* Adds what a path needs to find a node. @literal: (nullable) a text that the node must contain */
static void
add_path(const Way *way, const char *text, const char *literal, gboolean in_domain)
{
    Way inner = {way->namespaces, g_ptr_array_new_with_free_func(g_free)};
    g_autofree gchar *path = strip_conditions(&inner, text);

    if (*path && strspn(path, PATH) == strlen(path) && !strstr(path, "::")) {
        add_namespaces(&inner, path);
        if (literal && leads_to_text(path, in_domain))
            add_word(&inner, literal);
        g_ptr_array_extend_and_steal(way->words, inner.words);
    } else {
        g_ptr_array_unref(inner.words);
    }
}

/* (transfer full)(nullable) What is in a piece that is quoted as a whole, and not empty. */
static gchar *
literal_of(const char *piece)
{
    gsize length = strlen(piece);

    return length > 2 && strchr("\"'", *piece) && strchr(piece + 1, *piece) == piece + length - 1
               ? g_strndup(piece + 1, length - 2)
               : NULL;
}

/* contains(PATH, 'TEXT') and starts-with(PATH, 'TEXT'). Returns FALSE if it is no such function. */
static gboolean
add_function(const Way *way, const char *text, gboolean in_domain)
{
    const char *open = strchr(text, '(');
    g_autofree gchar *inside =
        open && g_str_has_suffix(text, ")") ? g_strndup(open + 1, strlen(open) - 2) : NULL;
    g_auto(GStrv) arguments = inside ? nest_rule_pieces(inside, NEST_RULE_CUT_COMMA) : NULL;
    g_autofree gchar *literal =
        arguments && g_strv_length(arguments) == 2 ? literal_of(arguments[1]) : NULL;

    if (!g_str_has_prefix(text, "contains(") && !g_str_has_prefix(text, "starts-with("))
        return FALSE;
    if (literal)
        add_path(way, arguments[0], literal, in_domain);
    return TRUE;
}

/* PATH = 'TEXT'. Returns FALSE if it is no comparison. */
static gboolean
add_needle_of_comparison(const Way *way, const char *text, gboolean in_domain)
{
    g_auto(GStrv) sides = nest_rule_pieces(text, NEST_RULE_CUT_COMPARISON);
    g_autofree gchar *literal = NULL;
    gsize left = strlen(sides[0]);

    if (g_strv_length(sides) == 1)
        return FALSE;
    literal = literal_of(sides[1]);
    if (literal && g_strv_length(sides) == 2 && text[left + strspn(text + left, " \t\r\n")] == '=')
        add_path(way, sides[0], literal, in_domain);
    return TRUE;
}

/* Adds what conditions that are joined by "and" need; conditions of other forms than those above need nothing. */
static void
add_condition(const Way *way, const char *text, gboolean in_domain)
{
    g_auto(GStrv) ways = nest_rule_pieces(text, NEST_RULE_CUT_OR);
    g_auto(GStrv) pieces = nest_rule_pieces(text, NEST_RULE_CUT_AND);

    for (gsize i = 0; g_strv_length(ways) == 1 && pieces[i]; i++)
        if (!add_needle_of_comparison(way, pieces[i], in_domain) &&
            !add_function(way, pieces[i], in_domain))
            add_path(way, pieces[i], NULL, in_domain);
}

NestRuleNeedles *
nest_rule_needles_new(const char *expression, GHashTable *namespaces)
{
    NestRuleNeedles *needles = g_new0(NestRuleNeedles, 1);
    g_auto(GStrv) ways = nest_rule_pieces(expression, NEST_RULE_CUT_OR);

    needles->ways = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (gsize i = 0; ways[i]; i++) {
        Way way = {namespaces, g_ptr_array_new_with_free_func(g_free)};

        add_condition(&way, ways[i], TRUE);
        g_ptr_array_add(needles->ways, way.words);
    }
    return needles;
}

void
nest_rule_needles_free(NestRuleNeedles *needles)
{
    if (!needles)
        return;
    g_ptr_array_unref(needles->ways);
    g_free(needles);
}

gboolean
nest_rule_needles_are_in(const NestRuleNeedles *needles, const char *text)
{
    for (guint i = 0; i < needles->ways->len; i++) {
        const GPtrArray *words = g_ptr_array_index(needles->ways, i);
        guint found = 0;

        while (found < words->len && strstr(text, g_ptr_array_index(words, found)))
            found++;
        if (found == words->len)
            return TRUE;
    }
    return FALSE;
}

gboolean
nest_rule_needles_are_plain(const char *text)
{
    const char *root = strstr(text, "<domain");

    return root && !strstr(text, "&#") && !strstr(root, "<!") && !strstr(root, "<?");
}
