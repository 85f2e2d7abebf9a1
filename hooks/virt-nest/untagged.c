/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A quick report on a domain that does not mention virt-nest, like most domains of most hosts.
 *
 * Theory of operation: a call to libvirt for each of 10,000 domains takes longer than all the rest. libvirt's own file
 * has the definition, which is read in a tenth of the time of a call, and the domain's id, which came with the list,
 * says whether it runs. What stands in the definition before <devices> suffices to name the CPU, and is a fifth of it.
 * A domain that mentions virt-nest is left to report.c, which trusts nothing but libvirt. */
#include "untagged.h"

#include "domain/cpu.h"
#include "domain/wish.h"

#include <string.h>

/* (transfer full)(nullable) The definition as libvirt has it, or has written it into its file. */
static gchar *
read_definition(const NestConnection *connection, virDomainPtr domain, const char *uuid)
{
    gchar *text = g_strcmp0(connection->uri, NEST_VIRT_SYSTEM_URI) == 0
                      ? nest_virt_read_file(virDomainGetName(domain), uuid)
                      : NULL;

    return text ? text : virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
}

NestReport *
nest_report_untagged(const NestConnection *connection, virDomainPtr domain)
{
    gboolean active = virDomainGetID(domain) != (unsigned int)-1;
    g_autofree gchar *uuid = nest_virt_uuid(domain);
    g_autofree gchar *text = read_definition(connection, domain, uuid);
    g_autoptr(NestDomainXml) xml = NULL;
    g_autofree gchar *cpu = NULL;
    NestReport *report = NULL;

    if (!text || nest_wish_may_concern(text, connection->policy))
        return NULL;
    if (active) {
        g_free(text);
        text = virDomainGetXMLDesc(domain, 0);
    }
    if (!text || (active && nest_wish_may_concern(text, connection->policy)))
        return NULL;
    nest_domain_xml_cut_devices(text);
    xml = nest_domain_xml_parse(text, strlen(text), NULL);
    cpu = xml ? nest_cpu_describe(xml) : NULL;
    if (!cpu)
        return NULL;
    report = g_new0(NestReport, 1);
    report->name = g_strdup(virDomainGetName(domain));
    report->uuid = g_steal_pointer(&uuid);
    report->state = active ? nest_virt_state_name(domain) : "shut off";
    report->active = active;
    report->valid = TRUE;
    report->cpu = g_steal_pointer(&cpu);
    return report;
}
