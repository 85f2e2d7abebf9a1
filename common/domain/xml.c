/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XML elements as libxml2 has them: looking at them, comparing them, walking over them. */
#include "domain/xml.h"

#include "base/sort.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/xmlschemastypes.h>

void
nest_xml_init(void)
{
    xmlInitParser();
    xmlRelaxNGInitTypes();
    xmlSchemaInitTypes();
}

void
nest_xml_be_silent(void *context, NestXmlError *error)
{
    (void)context, (void)error;
}

xmlNode *
nest_xml_next_element(xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

gboolean
nest_xml_is(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && !node->ns &&
           g_str_equal((const char *)node->name, name);
}

gboolean
nest_xml_in_namespace(const xmlNode *node, const char *uri)
{
    return node && node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
           g_str_equal((const char *)node->ns->href, uri);
}

xmlNode *
nest_xml_child(const xmlNode *parent, const char *name)
{
    if (!parent)
        return NULL;
    NEST_XML_FOREACH (parent, child)
        if (nest_xml_is(child, name))
            return child;
    return NULL;
}

gchar *
nest_xml_attribute(const xmlNode *node, const char *name)
{
    xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;
    gchar *copy = g_strdup((const char *)value);

    xmlFree(value);
    return copy;
}

gboolean
nest_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree gchar *actual = nest_xml_attribute(node, name);

    return g_strcmp0(actual, value) == 0;
}

gchar *
nest_xml_dump(xmlNode *element)
{
    xmlBuffer *buffer = xmlBufferCreate();
    gchar *text = NULL;

    xmlNodeDump(buffer, element->doc, element, 0, 0);
    text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

static void
append_attributes(GString *text, const xmlNode *element)
{
    g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);

    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next) {
        g_autofree gchar *value = nest_xml_attribute(element, (const char *)attribute->name);

        g_ptr_array_add(pairs, g_markup_printf_escaped(" %s='%s'", (const char *)attribute->name,
                                                       value ? value : ""));
    }
    nest_sort_texts(pairs);
    for (guint i = 0; i < pairs->len; i++)
        g_string_append(text, g_ptr_array_index(pairs, i));
}

static gint
compare_elements(gconstpointer a, gconstpointer b)
{
    const xmlNode *const *first = a;
    const xmlNode *const *second = b;

    return g_strcmp0((const char *)(*first)->name, (const char *)(*second)->name);
}

static void
append_canonical(GString *text, const xmlNode *element)
{
    g_autoptr(GPtrArray) elements = g_ptr_array_new();

    g_string_append_printf(text, "<%s", (const char *)element->name);
    append_attributes(text, element);
    g_string_append_c(text, '>');
    for (xmlNode *child = element->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            g_ptr_array_add(elements, child);
        } else if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            g_autofree gchar *content = g_strdup((const char *)child->content);
            g_autofree gchar *escaped = g_markup_escape_text(g_strstrip(content), -1);

            g_string_append(text, escaped);
        }
    }
    g_ptr_array_sort(elements, compare_elements); /* stable, says GLib */
    for (guint i = 0; i < elements->len; i++)
        append_canonical(text, g_ptr_array_index(elements, i));
    g_string_append_printf(text, "</%s>", (const char *)element->name);
}

gchar *
nest_xml_canonical(const xmlNode *element)
{
    GString *text = g_string_new(NULL);

    append_canonical(text, element);
    return g_string_free(text, FALSE);
}
