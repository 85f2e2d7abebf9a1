/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that attributes and namespaces are counted as libxml2 counts them, whatever stands around them, with smaller
 * limits than the programs have.
 *
 * The first byte chooses where the rest of the input stands; see `places`. */
#include "fuzz.h"

#include <string.h>

#define MOST 3
#define nest_xml_bounds_check check_small
#include "../../common/domain/xml_bounds.c" // NOLINT(bugprone-suspicious-include)

static const FuzzPlace places[] = {
    {"", ""},
    {"<domain>", "</domain>"},
    {"<domain ", "/>"},
    {"<domain><!-- ", " --><x a='' b='' c='' d=''/></domain>"},
    {"<domain><![CDATA[", "]]><x a='' b='' c=''/></domain>"},
};

/* What libxml2 found: of the element that has the most, and of the document. */
typedef struct {
    guint attributes;
    guint namespaces;
} Found;

gboolean
fuzz_start(void)
{
    return TRUE;
}

static void
count_element(const xmlNode *element, Found *found)
{
    guint attributes = 0;

    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next)
        attributes++;
    for (const xmlNs *ns = element->nsDef; ns; ns = ns->next, attributes++)
        found->namespaces++;
    found->attributes = MAX(found->attributes, attributes);
    NEST_XML_FOREACH (element, child)
        count_element(child, found);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = fuzz_place(places, G_N_ELEMENTS(places), data, size);
    g_autoptr(NestDomainXml) xml = NULL;
    g_autoptr(GError) error = NULL;
    gboolean fits = FALSE;
    Found found = {0};

    if (!text)
        return 0;
    fits = check_small(text, strlen(text), &error);
    if (!fits)
        fuzz_check_error(error, NEST_ERROR_XML, NEST_ERROR_XML);
    xml = fuzz_parse(text, strlen(text));
    if (!xml)
        return 0;
    count_element(nest_domain_xml_root(xml), &found);
    PROMISE("what libxml2 would find is found",
            !fits || (found.attributes <= MOST && found.namespaces <= MOST), text);
    /* libxml2 drops some declarations, with a word that nobody hears. */
    PROMISE("and nothing else", fits || found.attributes > MOST || strstr(text, NAMESPACE), text);
    return 0;
}
