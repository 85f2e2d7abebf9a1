/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's architecture, which decides whose feature its guest needs, and Arm's EL2, which is no part of <cpu>. */
#include "domain/cpu_arch.h"

#include "base/error.h"

#define REMOVE_TAG "remove the tag (virt-nest disable)"

gchar *
nest_cpu_arch(const NestDomainXml *xml)
{
    xmlNode *os = nest_xml_child(nest_domain_xml_root(xml), "os");
    gchar *arch = nest_xml_attribute(nest_xml_child(os, "type"), "arch");

    return arch ? arch : g_strdup(NEST_CPU_VENDOR_OWN_ARCH);
}

static void
refuse_unknown(const char *arch, const char **known, GError **error)
{
    g_autofree gchar *names = g_strjoinv(", ", (gchar **)known);

    g_set_error(error, NEST_ERROR, NEST_ERROR_CPU_ARCH,
                "virt-nest does not give nested guests to domains of the architecture %s yet, only "
                "to those of %s: " REMOVE_TAG,
                arch, names);
}

const NestCpuVendor *
nest_cpu_arch_vendor(const NestDomainXml *xml, gboolean kvm, const NestCpuVendor *host,
                     GError **error)
{
    g_autofree gchar *arch = nest_cpu_arch(xml);
    g_autofree const char **known = nest_cpu_vendor_archs();
    const NestCpuVendor *vendor = kvm ? host : nest_cpu_vendor_of_tcg_arch(arch);

    if (!g_strv_contains(known, arch))
        refuse_unknown(arch, known, error);
    else if (kvm && !host)
        nest_cpu_vendor_refuse(error);
    else if (kvm && !g_str_equal(host->arch, arch))
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_CPU_ARCH,
            "KVM on a host of %s runs guests of %s only, and this domain is of %s: start it on a "
            "host of %s, or " REMOVE_TAG,
            host->title, host->arch, arch, arch);
    else if (!vendor)
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_CPU_ARCH,
            "QEMU's TCG emulates no guest of %s that can have nested guests: start the domain with "
            "KVM (<domain type='kvm'>) on a host of %s, or " REMOVE_TAG,
            arch, arch);
    else
        return vendor;
    return NULL;
}

gboolean
nest_cpu_arch_asks_for_el2(const NestDomainXml *xml)
{
    xmlNode *features = nest_xml_child(nest_domain_xml_root(xml), "features");

    return features && nest_xml_child(features, "virtualization");
}

gboolean
nest_cpu_arch_shows_el2(const NestDomainXml *xml, const NestQemuCpu *qemu)
{
    return qemu->el2 == NEST_QEMU_UNSET ? nest_cpu_arch_asks_for_el2(xml)
                                        : qemu->el2 == NEST_QEMU_ON;
}

gboolean
nest_cpu_arch_refuse_el2(const NestDomainXml *xml, GError **error)
{
    g_autofree gchar *name = nest_domain_xml_shell_name(xml);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_CPU_ARCH,
        "its guest has no EL2, which nested guests on aarch64 need; virt-nest cannot add EL2, because it is "
        "no part of <cpu>: with libvirt 12.1 or later write <virtualization/> into its <features> (virsh edit "
        "%s), with an older libvirt <qemu:arg value='-machine'/> and <qemu:arg "
        "value='virtualization=on'/> into its <qemu:commandline>; or " REMOVE_TAG,
        name);
    return FALSE;
}
