/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts the tag into a domain's XML, or takes it out. */
#include "domain/tag_put.h"

#include <string.h>

xmlNode *
nest_tag_put_next(xmlNode *node)
{
    xmlNode *element = nest_xml_next_element(node);

    while (element && !nest_xml_in_namespace(element, NEST_TAG_NAMESPACE) &&
           !nest_tag_is_misplaced(element))
        element = nest_xml_next_element(element->next);
    return element;
}

xmlNode *
nest_tag_put_first(const NestDomainXml *xml)
{
    xmlNode *metadata = nest_domain_xml_metadata(xml);

    return metadata ? nest_tag_put_next(metadata->children) : NULL;
}

gchar *
nest_tag_put_format(const NestTag *tag)
{
    g_autofree gchar *bare = nest_tag_format(tag);

    return g_strdup_printf("<nest:enable xmlns:nest='" NEST_TAG_NAMESPACE "'%s",
                           bare + strlen("<enable"));
}

/* Puts a new element into the metadata, which may not be there yet. */
static void
add_to_metadata(NestDomainXml *xml, const char *element)
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
nest_tag_put(NestDomainXml *xml, const char *element)
{
    xmlNode *first = nest_tag_put_first(xml);

    for (xmlNode *tag = first; tag; tag = nest_tag_put_next(tag->next))
        nest_domain_xml_replace(xml, tag, tag == first ? element : NULL);
    if (!first && element)
        add_to_metadata(xml, element);
    return nest_domain_xml_text(xml);
}
