/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits for a document, checked by one scan of its text. */
#include "domain/xml_bounds.h"

#include "base/error.h"

#include <string.h>

/* The most attributes of a start tag, and the most namespaces of a document; smaller in tests/fuzz/fuzz-bounds.c. */
#ifndef MOST
#define MOST 1000
#endif
#define NAMESPACE "xmlns"

/* Constructs that begin like a tag but have no attributes; inside them quotes and brackets have no meaning. */
static const struct {
    const char *begin;
    const char *end;
} others[] = {
    {"<!--", "-->"},
    {"<![CDATA[", "]]>"},
    {"<?", "?>"},
};

typedef struct {
    const char *at; /* what comes next */
    const char *end;
    guint attributes; /* of the tag */
    guint namespaces; /* of the document */
} Scan;

static gboolean
is_next(const Scan *scan, const char *word)
{
    gsize length = strlen(word);

    return (gsize)(scan->end - scan->at) >= length && memcmp(scan->at, word, length) == 0;
}

/* Moves to what follows a word, or to the end where the word does not come. */
static void
move_past(Scan *scan, const char *word)
{
    const char *found = memmem(scan->at, (gsize)(scan->end - scan->at), word, strlen(word));

    scan->at = found ? found + strlen(word) : scan->end;
}

static gboolean
skip_other(Scan *scan)
{
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        if (!is_next(scan, others[i].begin))
            continue;
        scan->at += strlen(others[i].begin);
        move_past(scan, others[i].end);
        return TRUE;
    }
    return FALSE;
}

/* Each attribute has one '=' outside its value, and a value can hold anything but its quotes and '<'. */
static void
count_tag(Scan *scan)
{
    scan->attributes = 0;
    while (scan->at < scan->end && *scan->at != '>') {
        char c = *scan->at++;

        scan->attributes += c == '=';
        scan->namespaces += g_ascii_isspace(c) && is_next(scan, NAMESPACE);
        if (c == '"' || c == '\'')
            move_past(scan, (const char[]){c, '\0'});
    }
}

static guint
count_lines(const char *text, const char *end)
{
    guint lines = 1;

    while ((text = memchr(text, '\n', (gsize)(end - text)))) {
        text++;
        lines++;
    }
    return lines;
}

gboolean
nest_xml_bounds_check(const char *text, gsize length, GError **error)
{
    Scan scan = {.at = text, .end = text + length};

    while ((scan.at = memchr(scan.at, '<', (gsize)(scan.end - scan.at)))) {
        const char *tag = scan.at;
        gboolean too_many = FALSE;

        if (skip_other(&scan))
            continue;
        count_tag(&scan);
        too_many = scan.attributes > MOST;
        if (!too_many && scan.namespaces <= MOST)
            continue;
        g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                    "this XML has more than %d %s (line %u), which no program writes into a "
                    "domain: remove them from its <metadata>",
                    MOST, too_many ? "attributes in one element" : "namespaces",
                    count_lines(text, tag));
        return FALSE;
    }
    return TRUE;
}
