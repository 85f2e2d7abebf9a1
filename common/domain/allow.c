/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The element that virt-nest allow puts into a running domain's live metadata to lift the guard for
 * a while. */
#include "domain/allow.h"

#include <string.h>

static void
set_once(NestAllow *allow, const char *value)
{
    allow->once = g_str_equal(value, "yes");
}

static void
set_until(NestAllow *allow, const char *value)
{
    gsize digits = strspn(value, "0123456789");

    if (digits <= 18 && !value[digits])
        allow->until = g_ascii_strtoll(value, NULL, 10);
}

static const struct {
    const char *name;
    void (*set)(NestAllow *allow, const char *value);
} attributes[] = {{"once", set_once}, {"until", set_until}};

xmlNode *
nest_allow_element(const NestDomainXml *xml)
{
    return nest_domain_xml_metadata_element(xml, NEST_ALLOW_NAMESPACE);
}

NestAllow
nest_allow_read(const NestDomainXml *xml)
{
    const xmlNode *element = nest_allow_element(xml);
    NestAllow allow = {0};

    /* Metadata can be forged: the element is <domain> with one attribute and nothing else. */
    if (!element || !g_str_equal((const char *)element->name, "domain") || element->children ||
        !element->properties || element->properties->next)
        return allow;
    for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++) {
        g_autofree gchar *value = nest_xml_attribute(element, attributes[i].name);

        if (value)
            attributes[i].set(&allow, value);
    }
    return allow;
}

gboolean
nest_allow_holds(const NestAllow *allow, gint64 now)
{
    return allow->once || now < allow->until;
}

gchar *
nest_allow_format(const NestAllow *allow)
{
    return allow->once ? g_strdup("<domain once='yes'/>")
                       : g_strdup_printf("<domain until='%" G_GINT64_FORMAT "'/>", allow->until);
}
