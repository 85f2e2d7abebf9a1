/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a rule does not match a domain, in words.
 *
 * Theory of operation: the expression is cut into pieces at operators outside brackets and quotes. Each piece is evaluated by
 * itself. If a cut was in a wrong place, the piece is not an expression and explains nothing. The text then says only that
 * the whole expression does not hold. */
#include "domain/rule_explain.h"

#include "domain/rule_pieces.h"

#include <libxml/xpath.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

/* An expression, and the domain it is asked of. */
typedef struct {
    NestRuleMatch *match;
    xmlNode *root;
} Question;

/* (transfer full)(nullable) The start tag of an element. */
static gchar *
start_tag(xmlNode *node)
{
    g_autofree gchar *text = node->type == XML_ELEMENT_NODE ? nest_xml_dump(node) : NULL;
    const char *end = text ? strchr(text, '>') : NULL;

    return end ? g_strndup(text, (gsize)(end - text) + 1) : NULL;
}

/* The first node that a path finds, and NULL where it finds none, or is no path. */
static xmlNode *
find_first(const Question *question, const char *path)
{
    g_autoptr(xmlXPathObject) object =
        nest_rule_match_evaluate(question->match, question->root, path);

    return object && object->type == XPATH_NODESET && !xmlXPathNodeSetIsEmpty(object->nodesetval)
               ? object->nodesetval->nodeTab[0]
               : NULL;
}

static gboolean
is_path(const Question *question, const char *piece)
{
    g_autoptr(xmlXPathObject) object =
        nest_rule_match_evaluate(question->match, question->root, piece);

    return object && object->type == XPATH_NODESET;
}

/* (transfer full) How far a path leads that finds nothing. */
static gchar *
explain_path(const Question *question, const char *path)
{
    g_autofree gchar *reached = NULL;
    g_autofree gchar *lacks = NULL;
    int depth = 0;

    for (const char *place = path; *place && !lacks; place++) {
        /* A path may end here: at a step, or at a condition of a step. */
        gboolean may_end =
            depth == 0 && place > path && (*place == '[' || (*place == '/' && place[-1] != '/'));
        g_autofree gchar *part = may_end ? g_strndup(path, (gsize)(place - path)) : NULL;
        const char *quote = strchr("\"'", *place) ? strchr(place + 1, *place) : NULL;
        xmlNode *found = part ? find_first(question, part) : NULL;

        if (found) {
            g_free(reached);
            reached = start_tag(found);
        } else if (part) {
            lacks = g_steal_pointer(&part);
        }
        depth = nest_rule_pieces_depth(*place, depth);
        place = quote ? quote : place;
    }
    return reached ? g_strdup_printf("there is %s, but not %s", reached, lacks ? lacks : path)
                   : g_strdup_printf("there is no %s", lacks ? lacks : path);
}

/* Adds what a path finds: "name is 'web'". */
static void
add_finding(const Question *question, const char *piece, GString *text)
{
    xmlNode *found = find_first(question, piece);
    xmlChar *content = found ? xmlNodeGetContent(found) : NULL;

    if (!is_path(question, piece))
        return;
    g_string_append(text, text->len ? ", " : ": ");
    if (content)
        g_string_append_printf(text, "%s is '%s'", piece, (const char *)content);
    else
        g_string_append_printf(text, "there is no %s", piece);
    xmlFree(content);
}

/* The arguments of a function; @piece itself where it is none. */
static gchar **
arguments_of(const char *piece)
{
    gsize name = strspn(piece, "abcdefghijklmnopqrstuvwxyz-");
    gsize length = strlen(piece);
    g_autofree gchar *inside = NULL;

    if (name == 0 || piece[name] != '(' || piece[length - 1] != ')')
        return g_strsplit(piece, "\n", -1);
    inside = g_strndup(piece + name + 1, length - name - 2);
    return nest_rule_pieces(inside, NEST_RULE_CUT_COMMA);
}

/* (transfer full) A comparison, or a function. */
static gchar *
explain_comparison(const Question *question, const char *piece)
{
    g_auto(GStrv) sides = nest_rule_pieces(piece, NEST_RULE_CUT_COMPARISON);
    g_autoptr(GString) findings = g_string_new(NULL);

    for (gsize i = 0; sides[i]; i++) {
        g_auto(GStrv) arguments = arguments_of(sides[i]);

        for (gsize j = 0; arguments[j]; j++)
            add_finding(question, arguments[j], findings);
    }
    return g_strdup_printf("%s is not so%s", piece, findings->str);
}

/* (transfer full) The first of the joined conditions that does not hold. */
static gchar *
explain_joined(const Question *question, const char *text)
{
    g_auto(GStrv) pieces = nest_rule_pieces(text, NEST_RULE_CUT_AND);

    for (gsize i = 0; pieces[i]; i++) {
        g_autoptr(xmlXPathObject) object =
            nest_rule_match_evaluate(question->match, question->root, pieces[i]);

        if (object && !xmlXPathCastToBoolean(object))
            return is_path(question, pieces[i]) ? explain_path(question, pieces[i])
                                                : explain_comparison(question, pieces[i]);
    }
    return g_strdup_printf("%s is not so", text);
}

gchar *
nest_rule_explain(const NestRule *rule, const NestDomainXml *xml)
{
    g_autoptr(NestRuleView) view G_GNUC_UNUSED = nest_rule_view_begin(xml);
    const Question question = {rule->match, nest_domain_xml_root(xml)};
    g_auto(GStrv) ways = nest_rule_pieces(rule->expression, NEST_RULE_CUT_OR);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; ways[i]; i++)
        g_ptr_array_add(reasons, explain_joined(&question, ways[i]));
    g_ptr_array_add(reasons, NULL);
    return g_strjoinv("; ", (gchar **)reasons->pdata);
}
