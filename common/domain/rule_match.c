/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The condition of a rule: an XPath 1.0 expression that is true or false for a domain. */
#include "domain/rule_match.h"

#include "base/error.h"
#include "base/spelling.h"

#include <libxml/xpathInternals.h>
#include <string.h>

/* The most steps of an evaluation; these take about 20 ms. A condition on a name takes some tens of steps. */
#define MAX_STEPS 1000000UL

#define BLANKS " \t\r\n"

struct NestRuleMatch {
    xmlXPathContext *context;     /* knows the namespaces; its document is set for each test */
    xmlXPathCompExpr *expression; /* compiled */
};

/* XPath 1.0, section 4, "Core Function Library". */
static const char *const functions[] = {"last",          "position",
                                        "count",         "id",
                                        "local-name",    "namespace-uri",
                                        "name",          "string",
                                        "concat",        "starts-with",
                                        "contains",      "substring-before",
                                        "substring",     "substring-after",
                                        "string-length", "normalize-space",
                                        "translate",     "boolean",
                                        "not",           "true",
                                        "false",         "lang",
                                        "number",        "sum",
                                        "floor",         "ceiling",
                                        "round",         NULL};

/* Words other than functions that may stand before a parenthesis: node types and operators. */
static const char *const other_words[] = {
    "node", "text", "comment", "processing-instruction", "and", "or", "div", "mod", NULL};

/* --- the names in an expression */

/* A name on its way through the check. */
typedef struct {
    const char *expression;
    GHashTable *namespaces;
    gchar *name;           /* a prefix, a function, an axis or a name */
    const char *rest;      /* what follows it, and the blanks after it */
    gboolean is_attribute; /* '@' or attribute:: stands before it */
} Name;

static gboolean
is_name_start(char c)
{
    return g_ascii_isalpha(c) || c == '_' || (guchar)c >= 0x80;
}

static gsize
name_length(const char *text)
{
    gsize n = 0;

    while (is_name_start(text[n]) || g_ascii_isdigit(text[n]) ||
           (n > 0 && text[n] && strchr("-.", text[n])))
        n++;
    return n;
}

static gboolean
refuse_function(const char *name, GError **error)
{
    g_autofree gchar *hint = nest_spelling_hint(name, functions);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_RULE,
        "XPath 1.0 has no function %s()%s: use another, such as starts-with(), contains() or not()",
        name, hint);
    return FALSE;
}

/* What follows a prefix and its colon. */
static gboolean
check_prefixed(const Name *name, GError **error)
{
    const char *local = name->rest + 1;
    const char *after = local + name_length(local);
    g_autofree gchar *whole = g_strndup(name->rest - strlen(name->name),
                                        (gsize)(after - name->rest) + strlen(name->name));

    if (after[strspn(after, BLANKS)] == '(')
        return refuse_function(whole, error);
    if (g_str_equal(name->name, "xml") || g_hash_table_contains(name->namespaces, name->name))
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_RULE,
        "the namespace of %s is not declared: add the line ns.%s=URI to the rule, with the URI that the domain's XML has",
        whole, name->name);
    return FALSE;
}

/* A name that is neither a prefix nor an axis. */
static gboolean
check_plain(const Name *name, GError **error)
{
    if (*name->rest == '(')
        return g_strv_contains(functions, name->name) || g_strv_contains(other_words, name->name) ||
               refuse_function(name->name, error);
    if (!g_str_equal(name->name, "cpu") || name->is_attribute)
        return TRUE;
    g_set_error_literal(
        error, NEST_ERROR, NEST_ERROR_RULE,
        "a rule cannot ask for <cpu>, as virt-nest changes it: ask for what stays, such as name, title, "
        "description, os, sysinfo or metadata");
    return FALSE;
}

/* Checks the name at @place, and returns what follows; NULL with an error. */
static const char *
check_name(const char *place, const char *expression, GHashTable *namespaces, GError **error)
{
    gsize length = name_length(place);
    g_autofree gchar *text = g_strndup(place, length);
    const char *end = place + length;
    const char *after = end + strspn(end, BLANKS);
    gboolean is_axis = g_str_has_prefix(after, "::");
    gboolean is_prefix = !is_axis && *end == ':';
    Name name = {expression, namespaces, text, is_prefix ? end : after, FALSE};
    const char *before = place;

    while (before > expression && strchr(BLANKS, before[-1]))
        before--;
    name.is_attribute = before > expression && before[-1] == '@';
    if (is_axis)
        return after + 2;
    if (is_prefix)
        return check_prefixed(&name, error) ? end + 1 + name_length(end + 1) : NULL;
    return check_plain(&name, error) ? end : NULL;
}

/* Goes through an expression that compiles. */
static gboolean
check_names(const char *expression, GHashTable *namespaces, GError **error)
{
    const char *place = expression;

    while (place && *place) {
        const char *quote = strchr("\"'", *place) ? strchr(place + 1, *place) : NULL;

        if (*place == '$') {
            g_set_error_literal(
                error, NEST_ERROR, NEST_ERROR_RULE,
                "it has a variable ('$'), but a rule has none: write the value itself, in quotes");
            return FALSE;
        }
        if (quote)
            place = quote + 1;
        else if (is_name_start(*place))
            place = check_name(place, expression, namespaces, error);
        else
            place++;
    }
    return place != NULL;
}

/* --- compiling and evaluating */

static void
declare_namespaces(xmlXPathContext *context, GHashTable *namespaces)
{
    GHashTableIter iter;
    gpointer prefix = NULL;
    gpointer uri = NULL;

    g_hash_table_iter_init(&iter, namespaces);
    while (g_hash_table_iter_next(&iter, &prefix, &uri))
        (void)xmlXPathRegisterNs(context, prefix, uri);
}

/* What libxml2 says of it, and where it stopped reading. */
static void
refuse_expression(const xmlXPathContext *context, const char *expression, GError **error)
{
    const xmlError *problem = &context->lastError;
    g_autofree gchar *what =
        g_strdup(problem->message ? problem->message : "it cannot be compiled");
    int place = problem->int1 > 0 && (gsize)problem->int1 <= strlen(expression) ? problem->int1 : 0;

    (void)g_strchomp(what);
    g_set_error(error, NEST_ERROR, NEST_ERROR_RULE,
                "it is not an XPath 1.0 expression (%s%s%s): correct it", what,
                place && expression[place] ? ", before " : "", place ? expression + place : "");
}

NestRuleMatch *
nest_rule_match_new(const char *expression, GHashTable *namespaces, GError **error)
{
    g_autoptr(NestRuleMatch) match = g_new0(NestRuleMatch, 1);

    match->context = xmlXPathNewContext(NULL);
    if (!match->context)
        g_error("no memory for an XPath context");
    match->context->error = nest_xml_be_silent;
    match->context->opLimit = MAX_STEPS;
    declare_namespaces(match->context, namespaces);
    match->expression = xmlXPathCtxtCompile(match->context, (const xmlChar *)expression);
    if (!match->expression) {
        refuse_expression(match->context, expression, error);
        return NULL;
    }
    return check_names(expression, namespaces, error) ? g_steal_pointer(&match) : NULL;
}

void
nest_rule_match_free(NestRuleMatch *match)
{
    if (!match)
        return;
    xmlXPathFreeCompExpr(match->expression);
    xmlXPathFreeContext(match->context);
    g_free(match);
}

/* To be called before an evaluation; and after it with @root NULL, so that nothing of the document is kept. */
static void
ask_of(xmlXPathContext *context, xmlNode *root)
{
    context->doc = root ? root->doc : NULL;
    context->node = root;
    context->opCount = 0;
    context->depth = 0;
}

gboolean
nest_rule_match_test(NestRuleMatch *match, xmlNode *root, gboolean *ret_matches, GError **error)
{
    xmlXPathContext *context = match->context;
    const char *what = NULL;
    int result = 0;

    ask_of(context, root);
    xmlResetError(&context->lastError);
    result = xmlXPathCompiledEvalToBoolean(match->expression, context);
    ask_of(context, NULL);
    if (result < 0) {
        what = context->lastError.message ? context->lastError.message : "unknown error";
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_RULE,
            "it cannot be evaluated for this domain (%.*s): make it simpler, with fewer // in it",
            (int)strcspn(what, "\n"), what);
        return FALSE;
    }
    *ret_matches = result > 0;
    return TRUE;
}

xmlXPathObject *
nest_rule_match_evaluate(NestRuleMatch *match, xmlNode *root, const char *expression)
{
    xmlXPathCompExpr *compiled = NULL;
    xmlXPathObject *object = NULL;

    ask_of(match->context, root);
    compiled = xmlXPathCtxtCompile(match->context, (const xmlChar *)expression);
    object = compiled ? xmlXPathCompiledEval(compiled, match->context) : NULL;
    xmlXPathFreeCompExpr(compiled);
    ask_of(match->context, NULL);
    return object;
}

/* --- what is taken out */

/* An element, and where it was. */
typedef struct {
    xmlNode *element;
    xmlNode *parent;
    xmlNode *next; /* NULL: it was the last */
} Hidden;

struct NestRuleView {
    GArray *hidden; /* of Hidden, in the order in which they were taken out */
};

static void
hide(NestRuleView *view, xmlNode *element)
{
    Hidden hidden = {element, element->parent, element->next};

    xmlUnlinkNode(element);
    g_array_append_val(view->hidden, hidden);
}

static gboolean
is_element_of_ours(const xmlNode *element)
{
    return nest_xml_in_namespace(element, NEST_TAG_NAMESPACE) ||
           nest_xml_in_namespace(element, NEST_STATE_NAMESPACE) ||
           nest_xml_in_namespace(element, NEST_ALLOW_NAMESPACE);
}

/* Hides the children for which @is says so. */
static void
hide_children(NestRuleView *view, xmlNode *parent, gboolean (*is)(const xmlNode *element))
{
    xmlNode *next = NULL;

    for (xmlNode *child = parent->children; child; child = next) {
        next = child->next;
        if (child->type == XML_ELEMENT_NODE && is(child))
            hide(view, child);
    }
}

static gboolean
is_cpu(const xmlNode *element)
{
    return nest_xml_is(element, "cpu");
}

NestRuleView *
nest_rule_view_begin(const NestDomainXml *xml)
{
    NestRuleView *view = g_new0(NestRuleView, 1);
    xmlNode *metadata = nest_domain_xml_metadata(xml);

    view->hidden = g_array_new(FALSE, FALSE, sizeof(Hidden));
    hide_children(view, nest_domain_xml_root(xml), is_cpu);
    if (metadata)
        hide_children(view, metadata, is_element_of_ours);
    /* libvirt keeps no empty <metadata>. So if it has only our elements, there was none before. */
    if (metadata && !nest_xml_next_element(metadata->children))
        hide(view, metadata);
    return view;
}

void
nest_rule_view_end(NestRuleView *view)
{
    if (!view)
        return;
    for (guint i = view->hidden->len; i > 0; i--) {
        const Hidden *hidden = &g_array_index(view->hidden, Hidden, i - 1);

        if (hidden->next)
            (void)xmlAddPrevSibling(hidden->next, hidden->element);
        else
            (void)xmlAddChild(hidden->parent, hidden->element);
    }
    g_array_unref(view->hidden);
    g_free(view);
}
