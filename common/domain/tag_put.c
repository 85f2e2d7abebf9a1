/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Puts the tag into a domain's XML, or takes it out. */
#include "domain/tag_put.h"

#include "base/error.h"

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

gchar *
nest_tag_put(NestDomainXml *xml, const char *element)
{
    xmlNode *first = nest_tag_put_first(xml);

    for (xmlNode *tag = first; tag; tag = nest_tag_put_next(tag->next))
        nest_domain_xml_replace(xml, tag, tag == first ? element : NULL);
    if (!first && element)
        nest_domain_xml_add_metadata(xml, element);
    return nest_domain_xml_text(xml);
}

/* Refuses a <domain> without children: an element can be inserted only before or after another one. */
static gboolean
check_has_elements(const NestDomainXml *xml, GError **error)
{
    if (nest_xml_next_element(nest_domain_xml_root(xml)->children))
        return TRUE;
    g_set_error_literal(
        error, NEST_ERROR, NEST_ERROR_XML,
        "this XML is that of a domain without a name or anything else: give the output of virsh "
        "dumpxml --inactive");
    return FALSE;
}

/* Reads the tag that is to be changed. Somebody's <nest:disable> is not turned into its opposite. */
static gboolean
read_enabled(const NestDomainXml *xml, gboolean *ret_tagged, NestTag *ret_tag, GError **error)
{
    NestTagKind kind = NEST_TAG_NONE;

    if (!check_has_elements(xml, error) || !nest_tag_read(xml, &kind, ret_tag, error))
        return FALSE;
    *ret_tagged = kind == NEST_TAG_ENABLE;
    if (kind != NEST_TAG_DISABLE)
        return TRUE;
    g_set_error_literal(
        error, NEST_ERROR, NEST_ERROR_TAG_ELEMENT,
        "nested guests are asked for, but the metadata has <nest:disable>: take it out, or ask for none");
    return FALSE;
}

gchar *
nest_tag_put_into(const char *text, gsize length, NestTagPutChange change, gconstpointer data,
                  GError **error)
{
    g_autoptr(NestDomainXml) xml = nest_domain_xml_parse(text, length, error);
    NestTag had = NEST_TAG_DEFAULT;
    NestTag tag = NEST_TAG_DEFAULT;
    gboolean tagged = FALSE;
    g_autofree gchar *before = NULL;
    g_autofree gchar *element = NULL;

    if (!xml || !read_enabled(xml, &tagged, &had, error))
        return NULL;
    tag = had;
    if (!change(&tag, data, error))
        return NULL;
    before = nest_tag_put_format(&had);
    element = nest_tag_put_format(&tag);
    return tagged && g_str_equal(before, element) ? g_strndup(text, length)
                                                  : nest_tag_put(xml, element);
}
