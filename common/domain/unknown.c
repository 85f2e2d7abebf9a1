/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of an element that other releases of virt-nest wrote and this release does not know. They are kept. */
#include "domain/unknown.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlNode, xmlFreeNode)

void
nest_unknown_clear(NestUnknown *unknown)
{
    g_clear_pointer(&unknown->attributes, g_free);
    g_clear_pointer(&unknown->elements, g_free);
}

void
nest_unknown_set(NestUnknown *unknown, const NestUnknown *other)
{
    NestUnknown copy = {g_strdup(other->attributes), g_strdup(other->elements)};

    nest_unknown_clear(unknown);
    *unknown = copy;
}

static gboolean
is_known(const xmlNs *ns, const xmlChar *name, const char *const *known)
{
    return !ns && g_strv_contains(known, (const char *)name);
}

/* @remove: TRUE removes the known ones, FALSE those that are not known */
static void
remove_attributes(xmlNode *element, const char *const *known, gboolean remove)
{
    for (xmlAttr *attribute = element->properties, *next = NULL; attribute; attribute = next) {
        next = attribute->next;
        if (is_known(attribute->ns, attribute->name, known) == remove)
            xmlRemoveProp(attribute);
    }
}

void
nest_unknown_remove(xmlNode *element, const NestKnown *known)
{
    remove_attributes(element, known->attributes, FALSE);
    for (xmlNode *child = nest_xml_next_element(element->children), *next = NULL; child;
         child = next) {
        next = nest_xml_next_element(child->next);
        if (is_known(child->ns, child->name, known->elements))
            continue;
        xmlUnlinkNode(child);
        xmlFreeNode(child);
    }
}

/* (transfer full)(nullable) The attributes as text, from a copy that has nothing else. It declares the namespaces
 * that they use. */
static gchar *
read_unknown_attributes(xmlNode *element, const char *const *known)
{
    g_autoptr(xmlNode) bare = xmlNewDocNode(element->doc, NULL, (const xmlChar *)"e", NULL);
    g_autofree gchar *text = NULL;

    bare->properties = xmlCopyPropList(bare, element->properties);
    remove_attributes(bare, known, TRUE);
    text = nest_xml_dump(bare);
    return bare->properties ? g_strndup(text + strlen("<e"), strlen(text) - strlen("<e/>")) : NULL;
}

void
nest_unknown_read(NestUnknown *unknown, xmlNode *element, const NestKnown *known)
{
    GString *elements = g_string_new(NULL);

    nest_unknown_clear(unknown);
    unknown->attributes = read_unknown_attributes(element, known->attributes);
    NEST_XML_FOREACH (element, child) {
        /* A copy, so that it declares the namespaces that it uses. */
        g_autoptr(xmlNode) alone = is_known(child->ns, child->name, known->elements)
                                       ? NULL
                                       : xmlDocCopyNode(child, child->doc, 1);
        g_autofree gchar *dump = alone ? nest_xml_dump(alone) : NULL;

        g_string_append(elements, dump ? dump : "");
    }
    unknown->elements = g_string_free(elements, elements->len == 0);
}
