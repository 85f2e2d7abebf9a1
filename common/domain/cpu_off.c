/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU of a guest that shall have neither vmx nor svm: whether the guest sees one of them nevertheless. */
#include "domain/cpu_off.h"

#define SHOWS_ALL (NEST_CPU_CLASS_PASSTHROUGH | NEST_CPU_CLASS_MAXIMUM | NEST_CPU_CLASS_HOST_MODEL)

gboolean
nest_cpu_off_applies(const NestDomainXml *xml)
{
    static const char *const archs[] = {"x86_64", "i686", NULL};
    xmlNode *os = nest_xml_child(nest_domain_xml_root(xml), "os");
    g_autofree gchar *arch = nest_xml_attribute(nest_xml_child(os, "type"), "arch");

    return (nest_cpu_is_kvm(xml) ||
            nest_xml_attribute_is(nest_domain_xml_root(xml), "type", "qemu")) &&
           (!arch || g_strv_contains(archs, arch));
}

/* (nullable) The one feature that the guest can see: the host's, or the one that TCG emulates. */
static const char *
possible_feature(gboolean kvm, const NestCpuVendor *host)
{
    const NestCpuVendor *vendor = kvm ? host : nest_cpu_vendor_of_tcg();

    return vendor ? vendor->feature : NULL;
}

/* Whether QEMU's model of this name has the feature by itself. Under KVM, QEMU turns a named model's svm off unless svm is
 * requested (facts.md, "QEMU's arguments"). @model: (nullable) NULL: QEMU's default */
static gboolean
has_by_itself(const char *model, const char *feature, gboolean kvm)
{
    const NestCpuVendor *theirs = model ? nest_cpu_vendor_of_model(model) : NULL;

    if (g_str_equal(feature, "vmx"))
        return model && g_str_has_prefix(model, "YongFeng");
    return !kvm && (!model || g_str_has_prefix(model, "qemu64") ||
                    (theirs && g_str_equal(theirs->feature, feature)));
}

/* Whether the -cpu in @qemu shows the feature. */
static gboolean
argument_shows(const NestQemuCpu *qemu, const char *feature, gboolean kvm)
{
    NestQemuSetting setting = nest_qemu_cpu_property(qemu, feature);

    if (setting == NEST_QEMU_UNSET)
        setting = nest_qemu_cpu_global(qemu, qemu->model, feature, NULL);
    if (setting != NEST_QEMU_UNSET)
        return setting == NEST_QEMU_ON;
    return nest_qemu_cpu_is_whole(qemu) || has_by_itself(qemu->model, feature, kvm);
}

/* Whether libvirt's <cpu> shows the feature, and the -global beside it where <cpu> does not name the feature. */
static gboolean
element_shows(const NestDomainXml *xml, const NestQemuCpu *qemu, const char *feature)
{
    const xmlNode *cpu = nest_domain_xml_cpu(xml);
    const xmlNode *named = nest_cpu_find_feature(cpu, feature);
    g_autofree gchar *model = nest_cpu_qemu_model(cpu);
    NestQemuSetting global = nest_qemu_cpu_global(qemu, model, feature, NULL);

    if (nest_cpu_withholds(named) || nest_cpu_grants(named))
        return nest_cpu_grants(named);
    if (global != NEST_QEMU_UNSET)
        return global == NEST_QEMU_ON;
    return (nest_cpu_classify(cpu, nest_cpu_vendor_of_tcg()) & SHOWS_ALL) ||
           has_by_itself(model, feature, nest_cpu_is_kvm(xml));
}

const char *
nest_cpu_off_shows_by_command(const NestQemuCpu *qemu, gboolean kvm, const NestCpuVendor *host)
{
    const char *feature = possible_feature(kvm, host);

    return feature && argument_shows(qemu, feature, kvm) ? feature : NULL;
}

const char *
nest_cpu_off_shows(const NestDomainXml *xml, const NestCpuVendor *host)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    gboolean kvm = nest_cpu_is_kvm(xml);
    const char *feature = nest_cpu_off_applies(xml) ? possible_feature(kvm, host) : NULL;

    if (!feature)
        return NULL;
    return (qemu->argument ? argument_shows(qemu, feature, kvm) : element_shows(xml, qemu, feature))
               ? feature
               : NULL;
}

gchar *
nest_cpu_off_argument(const NestDomainXml *xml, const NestCpuVendor *host)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);

    return qemu->argument && nest_cpu_off_shows(xml, host) ? g_strdup(qemu->argument) : NULL;
}

gchar *
nest_cpu_off_argument_text(const char *argument, const char *feature, const char *by,
                           const char *edit)
{
    return g_strdup_printf(
        "%s in its <qemu:commandline> shows the guest %s, which %s forbids: take both "
        "<qemu:arg> out, or add ,-%s to that CPU (%s)",
        argument, feature, by, feature, edit);
}
