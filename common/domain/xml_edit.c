/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes to elements of a parsed tree. They keep the document's line breaks and indentation. */
#include "domain/xml_edit.h"

#include "domain/xml.h"

void
nest_xml_set_attribute(xmlNode *element, const char *name, const char *value)
{
    if (value)
        xmlSetProp(element, (const xmlChar *)name, (const xmlChar *)value);
    else
        xmlUnsetProp(element, (const xmlChar *)name);
}

void
nest_xml_remove(xmlNode *element)
{
    xmlNode *before = element->prev;

    if (before && before->type == XML_TEXT_NODE && xmlIsBlankNode(before)) {
        xmlUnlinkNode(before);
        xmlFreeNode(before);
    }
    xmlUnlinkNode(element);
    xmlFreeNode(element);
}

void
nest_xml_remove_children(xmlNode *parent, const char *name)
{
    xmlNode *child = NULL;

    while ((child = nest_xml_child(parent, name)))
        nest_xml_remove(child);
}

xmlNode *
nest_xml_add_child(xmlNode *parent, const char *name)
{
    xmlNode *first = nest_xml_next_element(parent->children);
    xmlNode *last = parent->last;
    const xmlChar *inner = (const xmlChar *)"\n    ";
    const xmlChar *outer = (const xmlChar *)"\n  ";
    xmlNode *child = NULL;

    if (first && first->prev && xmlIsBlankNode(first->prev))
        inner = first->prev->content;
    if (last && last->type == XML_TEXT_NODE && xmlIsBlankNode(last)) {
        child = xmlNewDocNode(parent->doc, NULL, (const xmlChar *)name, NULL);
        xmlAddPrevSibling(last, child);
        xmlAddPrevSibling(child, xmlNewDocText(parent->doc, inner));
        return child;
    }
    xmlAddChild(parent, xmlNewDocText(parent->doc, inner));
    child = xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
    xmlAddChild(parent, xmlNewDocText(parent->doc, outer));
    return child;
}
