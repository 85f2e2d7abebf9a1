/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the vCPUs of a guest that runs may have VMX or SVM, whatever its tag is. */
#include "leave_cpu.h"

#include "base/error.h"
#include "domain/cpu.h"
#include "virt/cpu_features.h"

/* Whether libvirt's XML excludes the feature of every vendor. If QEMU was given another model than libvirt's, that XML
 * proves nothing. */
static gboolean
libvirt_leaves_out(const NestConnection *connection, const NestDomainXml *xml,
                   const NestQemuCpu *command)
{
    xmlNode *cpu = nest_domain_xml_cpu(xml);
    g_autofree gchar *model = cpu ? nest_cpu_model(cpu) : NULL;
    NestMachine machine = {.arch = (gchar *)"x86_64",
                           .virt = (gchar *)(nest_cpu_is_kvm(xml) ? "kvm" : "qemu")};
    g_autoptr(GHashTable) features = NULL;

    if (!model || (command->argument && g_strcmp0(command->model, model) != 0))
        return FALSE;
    features = nest_cpu_features_read(connection->libvirt, &machine, cpu, NULL);
    for (gsize i = 0; features && i < NEST_CPU_FEATURES; i++)
        if (g_hash_table_contains(features, nest_cpu_features[i]))
            return FALSE;
    return features != NULL;
}

/* What names the feature explicitly: QEMU's arguments, where -cpu counts before -global, or else libvirt's XML. */
static NestQemuSetting
read_setting(const NestDomainXml *xml, const NestQemuCpu *command, const char *name)
{
    const xmlNode *cpu = nest_domain_xml_cpu(xml);
    const xmlNode *feature = cpu ? nest_cpu_find_feature(cpu, name) : NULL;
    NestQemuSetting setting = nest_qemu_cpu_property(command, name);

    if (setting == NEST_QEMU_UNSET)
        setting = nest_qemu_cpu_global(command, command->model, name, NULL);
    if (setting != NEST_QEMU_UNSET || command->argument || !feature)
        return setting;
    return nest_cpu_withholds(feature) ? NEST_QEMU_OFF : NEST_QEMU_ON;
}

gboolean
nest_leave_cpu_may_nest(const NestConnection *connection, const NestDomainXml *xml,
                        const NestQemuCpu *command)
{
    g_autoptr(GError) error = NULL;
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(xml, connection->host.vendor, &error);
    NestQemuSetting setting = NEST_QEMU_UNSET;

    if (!vendor)
        return !g_error_matches(error, NEST_ERROR, NEST_ERROR_CPU_CONFIDENTIAL);
    /* While a guest runs, nobody can turn nesting on or off, so the present state is that of its start. */
    if (nest_cpu_is_kvm(xml) && nest_kvm_module_is_loaded(&connection->host) &&
        !nest_connection_can_nest(connection))
        return FALSE;
    if (nest_cpu_vendor_is_by_machine(vendor))
        return command->el2 == NEST_QEMU_UNSET ? nest_cpu_may_expose(xml, vendor)
                                               : command->el2 == NEST_QEMU_ON;
    setting = read_setting(xml, command, vendor->feature);
    return setting == NEST_QEMU_UNSET ? !libvirt_leaves_out(connection, xml, command)
                                      : setting == NEST_QEMU_ON;
}
