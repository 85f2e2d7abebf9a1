/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cuts an XPath expression into pieces, at operators outside brackets and quotes. */
#include "domain/rule_pieces.h"

#include <string.h>

#define BLANKS " \t\r\n"

/* Where a cut may be. Returns how many bytes are cut away at @place, 0: none. */
typedef gsize (*IsCut)(const char *text, const char *place);

int
nest_rule_pieces_depth(char c, int depth)
{
    if (strchr("([", c))
        return depth + 1;
    return strchr(")]", c) ? depth - 1 : depth;
}

/* Whether @word stands at @place as an operator: blanks, quotes or brackets around it. */
static gsize
is_operator(const char *text, const char *place, const char *word)
{
    gsize length = strlen(word);

    return place > text && g_str_has_prefix(place, word) && strchr(BLANKS ")]\"'", place[-1]) &&
                   strchr(BLANKS "(", place[length])
               ? length
               : 0;
}

static gsize
is_or(const char *text, const char *place)
{
    return is_operator(text, place, "or");
}

static gsize
is_and(const char *text, const char *place)
{
    return is_operator(text, place, "and");
}

static gsize
is_comparison(const char *text, const char *place)
{
    (void)text;
    if (strchr("!<>", *place) && place[1] == '=')
        return 2;
    return strchr("=<>", *place) ? 1 : 0;
}

static gsize
is_comma(const char *text, const char *place)
{
    (void)text;
    return *place == ',';
}

gchar **
nest_rule_pieces(const char *text, NestRuleCut at)
{
    static const IsCut cuts[] = {
        [NEST_RULE_CUT_OR] = is_or,
        [NEST_RULE_CUT_AND] = is_and,
        [NEST_RULE_CUT_COMPARISON] = is_comparison,
        [NEST_RULE_CUT_COMMA] = is_comma,
    };
    g_autoptr(GPtrArray) pieces = g_ptr_array_new();
    const char *begin = text;
    int depth = 0;

    for (const char *place = text; *place; place++) {
        const char *quote = strchr("\"'", *place) ? strchr(place + 1, *place) : NULL;
        gsize length = depth == 0 ? cuts[at](text, place) : 0;

        if (length > 0) {
            g_ptr_array_add(pieces, g_strstrip(g_strndup(begin, (gsize)(place - begin))));
            begin = place + length;
            place = begin - 1;
        } else if (quote) {
            place = quote;
        } else {
            depth = nest_rule_pieces_depth(*place, depth);
        }
    }
    g_ptr_array_add(pieces, g_strstrip(g_strdup(begin)));
    g_ptr_array_add(pieces, NULL);
    return (gchar **)g_ptr_array_free(g_steal_pointer(&pieces), FALSE);
}
