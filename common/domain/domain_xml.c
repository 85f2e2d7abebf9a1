/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's XML, read as a tree but changed as text: all that is not replaced stays byte for byte. */
#include "domain/domain_xml.h"

#include "base/error.h"
#include "domain/xml_bounds.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

/* The bytes of one element: [start, end) of the text. */
typedef struct {
    gsize start;
    gsize end;
} Range;

/* A range to be replaced; an empty range inserts. */
typedef struct {
    Range range;
    gchar *text;
} Change;

struct NestDomainXml {
    GBytes *input;      /* the text as it came */
    xmlDoc *doc;        /* its tree; each element's _private is its Range */
    GPtrArray *ranges;  /* owns the Ranges */
    GArray *changes;    /* of Change, in order of their place */
    GHashTable *values; /* child's name -> its text, for nest_domain_xml_value() */
    gboolean has_dtd;   /* a document type declaration was met, parsing stopped there */
    gboolean has_lossy; /* a namespace that cannot be written was met, parsing stopped there */
};

static void
change_clear(gpointer change)
{
    g_free(((Change *)change)->text);
}

/* xmlByteConsumed() and disableSAX are deprecated from libxml2 2.14 on. What takes their place came with it. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static gsize
bytes_parsed(xmlParserCtxt *parser)
{
    long bytes = xmlByteConsumed(parser);

    return bytes > 0 ? (gsize)bytes : 0;
}

/* libxml2 does not escape the name of a namespace when it writes one. A name with '<' makes text that nobody can read
 * (findings/libxml2-writes-a-namespace-that-it-cannot-read.sh). */
static gboolean
is_lossy(int n_namespaces, const xmlChar **namespaces)
{
    for (int i = 0; i < n_namespaces; i++)
        if (namespaces[2 * i + 1] && xmlStrchr(namespaces[2 * i + 1], '<'))
            return TRUE;
    return FALSE;
}

/* Called after the last attribute of a start tag. '<' cannot occur in an attribute's value, so the
 * nearest '<' before that point is the tag's own. */
static void
element_starts(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
               int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
               const xmlChar **attributes)
{
    xmlParserCtxt *parser = context;
    NestDomainXml *xml = parser->_private;
    const char *text = g_bytes_get_data(xml->input, NULL);
    const char *tag = memrchr(text, '<', MIN(bytes_parsed(parser), g_bytes_get_size(xml->input)));

    if (is_lossy(n_namespaces, namespaces)) {
        xml->has_lossy = TRUE;
        xmlStopParser(parser);
        return;
    }
    xmlSAX2StartElementNs(context, name, prefix, uri, n_namespaces, namespaces, n_attributes,
                          n_defaulted, attributes);
    if (parser->node && tag) {
        Range *range = g_new0(Range, 1);

        range->start = (gsize)(tag - text);
        g_ptr_array_add(xml->ranges, range);
        parser->node->_private = range;
    }
}

/* Called after the '>' of an end tag, or of an empty element. */
static void
element_ends(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    xmlParserCtxt *parser = context;

    if (parser->node && parser->node->_private)
        ((Range *)parser->node->_private)->end = bytes_parsed(parser);
    xmlSAX2EndElementNs(context, name, prefix, uri);
}

static void
document_type_starts(void *context, const xmlChar *name, const xmlChar *public_id,
                     const xmlChar *system_id)
{
    xmlParserCtxt *parser = context;
    NestDomainXml *xml = parser->_private;

    (void)name, (void)public_id, (void)system_id;
    xml->has_dtd = TRUE;
    xmlStopParser(parser);
}

static gboolean
set_parse_error(const NestDomainXml *xml, xmlParserCtxt *parser, GError **error)
{
    const xmlError *problem = xmlCtxtGetLastError(parser);
    g_autofree gchar *what =
        g_strdup(problem && problem->message ? problem->message : "no element");

    if (xml->has_dtd)
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_XML_DTD,
            "this XML has a document type declaration (<!DOCTYPE>), which domain XML "
            "never has: remove it");
    else if (xml->has_lossy)
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_XML,
            "this XML has a namespace whose name has a '<' in it; libvirt would write it in a "
            "way that nobody can read again: give that namespace another name");
    else if (problem && problem->code == XML_ERR_DOCUMENT_END)
        g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                    "the XML goes on after the end of its first element (line %d): give the XML of "
                    "one domain (of an installation virt-install --print-xml prints two, and "
                    "virt-install --print-xml 1 the first)",
                    problem->line);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                    "this is not well-formed XML (line %d: %s): check it with virt-xml-validate",
                    problem ? problem->line : 0, g_strdelimit(g_strstrip(what), "\n", ' '));
    return FALSE;
}

static gboolean
is_ascii(const NestDomainXml *xml)
{
    const char *declared = (const char *)xml->doc->encoding;

    return declared && !g_ascii_strcasecmp(declared, "US-ASCII");
}

/* Checks both the declaration and the bytes, because UTF-16 needs no declaration, but has NULs. */
static gboolean
is_utf8(const NestDomainXml *xml)
{
    const char *declared = (const char *)xml->doc->encoding;
    gsize length = 0;
    const char *text = g_bytes_get_data(xml->input, &length);

    return g_utf8_validate(text, (gssize)length, NULL) &&
           (!declared || !g_ascii_strcasecmp(declared, "UTF-8") ||
            !g_ascii_strcasecmp(declared, "UTF8") || is_ascii(xml));
}

static gboolean
parse_tree(NestDomainXml *xml, xmlParserCtxt *parser, GError **error)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;

    parser->_private = xml;
    parser->sax->startElementNs = element_starts;
    parser->sax->endElementNs = element_ends;
    parser->sax->internalSubset = document_type_starts;
    parser->sax->serror = nest_xml_be_silent;
    xmlCtxtUseOptions(parser, options);
    xmlParseDocument(parser);
    xml->doc = g_steal_pointer(&parser->myDoc);
    /* If a text is longer than its limit, libxml2 2.9 drops all that follows, and still calls the document
     * well-formed. */
    if (!parser->wellFormed || parser->disableSAX || !xml->doc || xml->has_dtd)
        return set_parse_error(xml, parser, error);
    if (!is_utf8(xml)) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_XML_ENCODING,
                    "this XML is not in UTF-8 but in %s: convert it first (iconv -t UTF-8) and "
                    "remove the encoding from its first line",
                    xml->doc->encoding ? (const char *)xml->doc->encoding : "another encoding");
        return FALSE;
    }
    if (is_ascii(xml)) {
        /* Without a declared encoding, libxml2 writes non-ASCII characters as references. */
        xmlFree((xmlChar *)xml->doc->encoding);
        xml->doc->encoding = NULL;
    }
    return TRUE;
}

/* libxml2 takes a NUL for the end of the text, and would not see what follows. UTF-16 and UTF-32 are full
 * of NULs. They are left to is_utf8(), which gives a better message. nest_xml_bounds_check() does not scan
 * them either, because it looks for '<' in one byte. */
static gboolean
check_bytes(const char *text, gsize length, GError **error)
{
    int detected = xmlDetectCharEncoding((const xmlChar *)text, (int)MIN(length, 4));
    gboolean may_be_utf8 = detected == XML_CHAR_ENCODING_NONE || detected == XML_CHAR_ENCODING_UTF8;

    if (length > NEST_DOMAIN_XML_MAX_BYTES)
        g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                    "this XML is longer than %d MiB, more than libvirt itself takes for a domain",
                    NEST_DOMAIN_XML_MAX_MIB);
    else if (may_be_utf8 && memchr(text, 0, length))
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_XML,
            "this XML has a NUL byte in it: give the output of virsh dumpxml as it is");
    else
        return !may_be_utf8 || nest_xml_bounds_check(text, length, error);
    return FALSE;
}

static gboolean
check_root_element(NestDomainXml *xml, GError **error)
{
    if (nest_xml_is(nest_domain_xml_root(xml), "domain"))
        return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_XML,
                "this XML is not that of a domain but has <%s> at its top: give the output of "
                "virsh dumpxml --inactive",
                (const char *)nest_domain_xml_root(xml)->name);
    return FALSE;
}

NestDomainXml *
nest_domain_xml_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(NestDomainXml) xml = g_new0(NestDomainXml, 1);
    g_autoptr(xmlParserCtxt) parser = NULL;

    if (!check_bytes(text, length, error))
        return NULL;
    xml->input = g_bytes_new(text, length);
    xml->ranges = g_ptr_array_new_with_free_func(g_free);
    xml->changes = g_array_new(FALSE, FALSE, sizeof(Change));
    xml->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_array_set_clear_func(xml->changes, change_clear);
    parser = xmlCreateMemoryParserCtxt(g_bytes_get_data(xml->input, NULL), (int)length);
    if (!parser) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_XML,
                            "there is no XML in the input: give the output of virsh dumpxml");
        return NULL;
    }
    if (!parse_tree(xml, parser, error) || !check_root_element(xml, error))
        return NULL;
    return g_steal_pointer(&xml);
}

void
nest_domain_xml_free(NestDomainXml *xml)
{
    if (!xml)
        return;
    g_clear_pointer(&xml->doc, xmlFreeDoc);
    g_clear_pointer(&xml->ranges, g_ptr_array_unref);
    g_clear_pointer(&xml->changes, g_array_unref);
    g_clear_pointer(&xml->values, g_hash_table_unref);
    g_clear_pointer(&xml->input, g_bytes_unref);
    g_free(xml);
}

xmlNode *
nest_domain_xml_root(const NestDomainXml *xml)
{
    return xmlDocGetRootElement(xml->doc);
}

xmlNode *
nest_domain_xml_cpu(const NestDomainXml *xml)
{
    return nest_xml_child(nest_domain_xml_root(xml), "cpu");
}

xmlNode *
nest_domain_xml_metadata(const NestDomainXml *xml)
{
    return nest_xml_child(nest_domain_xml_root(xml), "metadata");
}

xmlNode *
nest_domain_xml_metadata_element(const NestDomainXml *xml, const char *uri)
{
    const xmlNode *metadata = nest_domain_xml_metadata(xml);

    if (!metadata)
        return NULL;
    NEST_XML_FOREACH (metadata, child)
        if (nest_xml_in_namespace(child, uri))
            return child;
    return NULL;
}

const char *
nest_domain_xml_value(const NestDomainXml *xml, const char *child)
{
    const xmlNode *element = nest_xml_child(nest_domain_xml_root(xml), child);
    const char *known = g_hash_table_lookup(xml->values, child);
    xmlChar *content = NULL;

    if (known || !element)
        return known ? known : "";
    content = xmlNodeGetContent(element);
    g_hash_table_insert(xml->values, g_strdup(child), g_strdup((const char *)content));
    xmlFree(content);
    return g_hash_table_lookup(xml->values, child);
}

gchar *
nest_domain_xml_shell_word(const char *name)
{
    const char *plain = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-";

    return *name && strspn(name, plain) == strlen(name) ? g_strdup(name) : g_shell_quote(name);
}

gchar *
nest_domain_xml_shell_name(const NestDomainXml *xml)
{
    const char *name = nest_domain_xml_value(xml, "name");

    return *name ? nest_domain_xml_shell_word(name) : g_strdup("DOMAIN");
}

gchar *
nest_domain_xml_source(const NestDomainXml *xml, const xmlNode *element)
{
    const Range *range = element->_private;
    const char *text = g_bytes_get_data(xml->input, NULL);

    return g_strndup(text + range->start, range->end - range->start);
}

/* Keeps the changes in order; in the same place an insertion precedes a replacement. */
static void
want(NestDomainXml *xml, gsize start, gsize end, const char *text)
{
    Change change = {{start, end}, g_strdup(text)};
    guint place = 0;

    for (; place < xml->changes->len; place++) {
        Range other = g_array_index(xml->changes, Change, place).range;

        if (other.start > start || (other.start == start && other.end != start && end == start))
            break;
    }
    g_array_insert_val(xml->changes, place, change);
}

/* Where the white space before a place begins, including the newline. */
static gsize
indentation_start(const NestDomainXml *xml, gsize place)
{
    const char *text = g_bytes_get_data(xml->input, NULL);

    while (place > 0 && (text[place - 1] == ' ' || text[place - 1] == '\t'))
        place--;
    if (place > 0 && text[place - 1] == '\n')
        place -= place > 1 && text[place - 2] == '\r' ? 2 : 1;
    return place;
}

void
nest_domain_xml_replace(NestDomainXml *xml, const xmlNode *element, const char *text)
{
    const Range *range = element->_private;

    if (text)
        want(xml, range->start, range->end, text);
    else
        want(xml, indentation_start(xml, range->start), range->end, "");
}

void
nest_domain_xml_insert_before(NestDomainXml *xml, const xmlNode *sibling, const char *text)
{
    const Range *range = sibling->_private;
    gsize indentation = indentation_start(xml, range->start);
    const char *input = g_bytes_get_data(xml->input, NULL);
    g_autofree gchar *before = g_strndup(input + indentation, range->start - indentation);
    g_autofree gchar *with_indentation = g_strconcat(text, before, NULL);

    want(xml, range->start, range->start, with_indentation);
}

void
nest_domain_xml_append(NestDomainXml *xml, const xmlNode *parent, const char *text)
{
    const Range *range = parent->_private;
    const char *input = g_bytes_get_data(xml->input, NULL);
    const char *end_tag = memrchr(input, '<', range->end);
    gsize place = (gsize)(end_tag - input);
    const xmlNode *first = nest_xml_next_element(parent->children);
    gsize first_start = ((const Range *)first->_private)->start;
    gsize indentation = indentation_start(xml, first_start);
    g_autofree gchar *before = g_strndup(input + indentation, first_start - indentation);
    g_autofree gchar *with_indentation = g_strconcat(before, text, NULL);

    /* The element goes before the white space that precedes the end tag. After it, a later removal of the
     * element would remove that white space as well. */
    while (g_ascii_isspace(input[place - 1]))
        place--;
    want(xml, place, place, with_indentation);
}

#define DEVICES                                                                                    \
    "\n  <devices>" /* libvirt writes a child of <domain> like this, and escapes it in a text */
#define END "</domain>"
#define METADATA_END                                                                               \
    "</metadata>" /* of ours, or in it: in either case nothing of it comes after the last one */
#define QEMU_NAMESPACE "libvirt.org/schemas/domain/qemu/" /* <qemu:commandline>, which comes last */

void
nest_domain_xml_cut_devices(gchar *text)
{
    gchar *metadata = g_strrstr(text, METADATA_END);
    gchar *devices = strstr(metadata ? metadata : text, DEVICES);

    if (devices && !strstr(text, QEMU_NAMESPACE))
        (void)g_strlcpy(devices + 1, END, strlen(devices + 1) + 1);
}

void
nest_domain_xml_add_metadata(NestDomainXml *xml, const char *element)
{
    xmlNode *root = nest_domain_xml_root(xml);
    xmlNode *metadata = nest_domain_xml_metadata(xml);
    g_autofree gchar *whole = g_strdup_printf("<metadata>%s</metadata>", element);

    if (!metadata)
        nest_domain_xml_insert_before(xml, nest_xml_next_element(root->children), whole);
    else if (nest_xml_next_element(metadata->children))
        nest_domain_xml_append(xml, metadata, element);
    else
        nest_domain_xml_replace(xml, metadata, whole);
}

gchar *
nest_domain_xml_text(const NestDomainXml *xml)
{
    gsize length = 0;
    gsize done = 0;
    const char *input = g_bytes_get_data(xml->input, &length);
    GString *text = g_string_sized_new(length + 512);

    for (guint i = 0; i < xml->changes->len; i++) {
        const Change *change = &g_array_index(xml->changes, Change, i);

        g_string_append_len(text, input + done, (gssize)(change->range.start - done));
        g_string_append(text, change->text);
        done = change->range.end;
    }
    g_string_append_len(text, input + done, (gssize)(length - done));
    return g_string_free(text, FALSE);
}
