/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads one domain from libvirt and from the command line of QEMU: which CPU it has, and whether its guest has the
 * feature. */
#include "domain_query.h"

#include "domain/cpu_off.h"

#include <string.h>

void
nest_domain_query_clear(NestDomainQuery *query)
{
    g_free(query->text);
    nest_domain_xml_free(query->definition);
    nest_domain_xml_free(query->live);
    nest_qemu_cpu_free(query->command);
}

/* Without SECURE: nothing here needs a password, and a read-only connection gets none. */
static NestDomainXml *
read_domain_xml(virDomainPtr domain, unsigned int flags, gchar **ret_text, GError **error)
{
    g_autofree gchar *text = virDomainGetXMLDesc(domain, flags);
    NestDomainXml *xml = NULL;

    if (!text) {
        nest_virt_error(error, "cannot read its XML");
        return NULL;
    }
    xml = nest_domain_xml_parse(text, strlen(text), error);
    if (ret_text)
        *ret_text = g_steal_pointer(&text);
    return xml;
}

gboolean
nest_domain_query_read(NestDomainQuery *query, GError **error)
{
    query->definition =
        read_domain_xml(query->domain, VIR_DOMAIN_XML_INACTIVE, &query->text, error);
    if (!query->definition)
        return FALSE;
    query->persistent = virDomainIsPersistent(query->domain) != 0;
    query->active = virDomainIsActive(query->domain) == 1;
    if (query->active)
        query->live = read_domain_xml(query->domain, 0, NULL, error);
    return !query->active || query->live;
}

NestQemuCpu *
nest_domain_query_read_command(const NestDomainQuery *query, NestLiveDomain *live)
{
    g_autoptr(NestLiveDomain) any = live ? nest_live_domain_ref(live) : NULL;

    if (!query->live ||
        (!any && !nest_live_domain_read(query->domain, NULL, NULL, TRUE, &any, NULL)))
        return NULL;
    return any ? nest_live_domain_command(any) : NULL;
}

const NestCpuVendor *
nest_domain_query_vendor(const NestDomainQuery *query, const NestDomainXml *xml)
{
    return nest_cpu_feature_vendor(xml, query->connection->host.vendor, NULL);
}

gboolean
nest_domain_query_exposes(const NestDomainQuery *query, const NestDomainXml *xml)
{
    const NestCpuVendor *vendor = nest_domain_query_vendor(query, xml);

    return vendor && nest_cpu_exposes(xml, vendor);
}

gboolean
nest_domain_query_guest_exposes(const NestDomainQuery *query)
{
    const NestCpuVendor *vendor = nest_domain_query_vendor(query, query->live);

    if (!query->command || !query->command->argument)
        return nest_domain_query_exposes(query, query->live);
    return vendor && nest_qemu_cpu_exposes(query->command, vendor, nest_cpu_is_kvm(query->live));
}

gboolean
nest_domain_query_has_other_cpu(const NestDomainQuery *query)
{
    return query->active && query->command && !nest_domain_query_guest_exposes(query) &&
           nest_domain_query_exposes(query, query->live);
}

const char *
nest_domain_query_shows(const NestDomainQuery *query, const NestDomainXml *xml)
{
    const NestConnection *connection = query->connection;

    return nest_cpu_is_kvm(xml) && !nest_connection_can_nest(connection)
               ? NULL
               : nest_cpu_off_shows(xml, connection->host.vendor);
}

const char *
nest_domain_query_guest_shows(const NestDomainQuery *query)
{
    const NestCpuVendor *host = query->connection->host.vendor;

    if (!nest_cpu_off_applies(query->live))
        return NULL;
    return query->command && query->command->argument
               ? nest_cpu_off_shows_by_command(query->command, nest_cpu_is_kvm(query->live), host)
               : nest_cpu_off_shows(query->live, host);
}
