/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The features of a CPU by name, as libvirt's table of CPUs and the hypervisor give them. */
#include "virt/cpu_features.h"

#include "domain/cpu.h"

#include <string.h>

NestMachine
nest_machine_of_domain(const NestDomainXml *xml)
{
    const xmlNode *root = nest_domain_xml_root(xml);
    const xmlNode *type = nest_xml_child(nest_xml_child(root, "os"), "type");
    const xmlNode *devices = nest_xml_child(root, "devices");
    xmlNode *emulator = devices ? nest_xml_child(devices, "emulator") : NULL;
    g_autofree gchar *path = emulator ? (gchar *)xmlNodeGetContent(emulator) : NULL;
    NestMachine machine = {.emulator = path ? g_strdup(g_strstrip(path)) : NULL,
                           .virt = g_strdup(nest_cpu_is_kvm(xml) ? "kvm" : "qemu")};

    if (type) {
        machine.arch = nest_xml_attribute(type, "arch");
        machine.type = nest_xml_attribute(type, "machine");
    }
    return machine;
}

NestDomainXml *
nest_machine_read_offer(virConnectPtr libvirt, const NestMachine *machine)
{
    g_autofree char *text = virConnectGetDomainCapabilities(
        libvirt, machine->emulator, machine->arch, machine->type, machine->virt, 0);
    g_autofree gchar *document = text ? g_strconcat("<domain>", text, "</domain>", NULL) : NULL;

    return document ? nest_domain_xml_parse(document, strlen(document), NULL) : NULL;
}

void
nest_machine_clear(NestMachine *machine)
{
    g_clear_pointer(&machine->emulator, g_free);
    g_clear_pointer(&machine->arch, g_free);
    g_clear_pointer(&machine->type, g_free);
    g_clear_pointer(&machine->virt, g_free);
}

/* (transfer full) The names of the features that an expanded <cpu> does not forbid. */
static GHashTable *
collect_features(const xmlNode *cpu)
{
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    NEST_XML_FOREACH (cpu, feature) {
        gchar *name = nest_xml_is(feature, "feature") && !nest_cpu_withholds(feature)
                          ? nest_xml_attribute(feature, "name")
                          : NULL;

        if (name)
            g_hash_table_add(names, name);
    }
    return names;
}

GHashTable *
nest_cpu_features_read(virConnectPtr libvirt, const NestMachine *machine, xmlNode *cpu,
                       GError **error)
{
    g_autofree gchar *text = nest_xml_dump(cpu);
    const char *cpus[] = {text};
    g_autofree char *expanded = virConnectBaselineHypervisorCPU(
        libvirt, machine->emulator, machine->arch, machine->type, machine->virt, cpus, 1,
        VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
    g_autofree gchar *document = NULL;
    g_autoptr(NestDomainXml) xml = NULL;

    if (!expanded) {
        nest_virt_error(error, "cannot read the features of its CPU");
        return NULL;
    }
    document = g_strconcat("<domain>", expanded, "</domain>", NULL);
    xml = nest_domain_xml_parse(document, strlen(document), error);
    return xml ? collect_features(nest_domain_xml_cpu(xml)) : NULL;
}
