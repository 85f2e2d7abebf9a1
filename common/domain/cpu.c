/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's present CPU: its class, what it gives the guest, and whether the guest can have nested guests at all. */
#include "domain/cpu.h"

#include "base/error.h"
#include "domain/cpu_arch.h"
#include "domain/qemu_cpu.h"

#define MOST_VCPUS 16384

const char *const nest_cpu_features[NEST_CPU_FEATURES] = {"vmx", "svm"};

static const char *const granting[] = {"require", "force", NULL};
static const char *const withholding[] = {"disable", "forbid", NULL};

xmlNode *
nest_cpu_find_feature(const xmlNode *cpu, const char *name)
{
    if (!cpu)
        return NULL;
    NEST_XML_FOREACH (cpu, child)
        if (nest_xml_is(child, "feature") && nest_xml_attribute_is(child, "name", name))
            return child;
    return NULL;
}

/* Whether a <feature> has one of these policies; without a policy libvirt takes require. */
static gboolean
feature_has(const xmlNode *feature, const char *const *policies)
{
    g_autofree gchar *policy = nest_xml_attribute(feature, "policy");

    return feature && g_strv_contains(policies, policy ? policy : "require");
}

gboolean
nest_cpu_grants(const xmlNode *feature)
{
    return feature_has(feature, granting);
}

gboolean
nest_cpu_withholds(const xmlNode *feature)
{
    return feature_has(feature, withholding);
}

gchar *
nest_cpu_model(const xmlNode *cpu)
{
    xmlNode *model = nest_xml_child(cpu, "model");
    xmlChar *content = model ? xmlNodeGetContent(model) : NULL;
    gchar *name = content ? g_strstrip(g_strdup((const char *)content)) : NULL;

    xmlFree(content);
    if (name && !*name)
        g_clear_pointer(&name, g_free);
    return name;
}

/* The modes that are a class by themselves. */
static const struct {
    const char *mode;
    NestCpuClass class;
} modes[] = {
    {"host-passthrough", NEST_CPU_CLASS_PASSTHROUGH},
    {"maximum", NEST_CPU_CLASS_MAXIMUM},
    {"host-model", NEST_CPU_CLASS_HOST_MODEL},
};

/* The models that libvirt writes if nobody has chosen one (facts.md, "Definitions"). */
static const char *const default_models[] = {"qemu64", "kvm64", NULL};

/* The features that libvirt adds to these models in the XML of a running KVM guest. */
static const struct {
    const char *policy;
    const char *name;
} expansion[] = {
    {"require", "x2apic"}, {"require", "hypervisor"}, {"require", "lahf_lm"},
    {"require", "vme"},    {"disable", "svm"},
};

gboolean
nest_cpu_is_expansion(const xmlNode *feature)
{
    for (gsize i = 0; i < G_N_ELEMENTS(expansion); i++)
        if (nest_xml_attribute_is(feature, "name", expansion[i].name) &&
            nest_xml_attribute_is(feature, "policy", expansion[i].policy))
            return TRUE;
    return FALSE;
}

gboolean
nest_cpu_is_expanded_default(const xmlNode *cpu)
{
    g_autofree gchar *model = nest_cpu_model(cpu);

    if (!model || !g_strv_contains(default_models, model) ||
        !nest_xml_attribute_is(cpu, "check", "full"))
        return FALSE;
    NEST_XML_FOREACH (cpu, child)
        if (nest_xml_is(child, "feature") && !nest_xml_attribute_is(child, "policy", "disable") &&
            !nest_cpu_is_expansion(child))
            return FALSE;
    return TRUE;
}

NestCpuClass
nest_cpu_classify(const xmlNode *cpu, const NestCpuVendor *vendor)
{
    g_autofree gchar *mode = nest_xml_attribute(cpu, "mode");
    g_autofree gchar *model = nest_cpu_model(cpu);
    const NestCpuVendor *theirs = model ? nest_cpu_vendor_of_model(model) : NULL;

    for (gsize i = 0; mode && i < G_N_ELEMENTS(modes); i++)
        if (g_str_equal(mode, modes[i].mode))
            return modes[i].class;
    if (!model)
        return NEST_CPU_CLASS_NONE;
    if (nest_cpu_is_expanded_default(cpu) ||
        (g_strv_contains(default_models, model) && !nest_xml_child(cpu, "feature")))
        return NEST_CPU_CLASS_DEFAULT;
    if (!theirs)
        return NEST_CPU_CLASS_CUSTOM;
    return g_str_equal(theirs->feature, vendor->feature) ? NEST_CPU_CLASS_MATCHING
                                                         : NEST_CPU_CLASS_FOREIGN;
}

gboolean
nest_cpu_is_kvm(const NestDomainXml *xml)
{
    return nest_xml_attribute_is(nest_domain_xml_root(xml), "type", "kvm");
}

static gboolean
check_type(const NestDomainXml *xml, GError **error)
{
    g_autofree gchar *type = nest_xml_attribute(nest_domain_xml_root(xml), "type");

    if (nest_cpu_is_kvm(xml) || g_strcmp0(type, "qemu") == 0)
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_CPU_TYPE,
        "virt-nest gives nested guests to domains of type='kvm' and type='qemu' only, not of type='%s': "
        "change its type, or remove the tag (virt-nest disable)",
        type ? type : "");
    return FALSE;
}

static gboolean
check_confidential(const NestDomainXml *xml, GError **error)
{
    xmlNode *security = nest_xml_child(nest_domain_xml_root(xml), "launchSecurity");
    g_autofree gchar *type = nest_xml_attribute(security, "type");

    if (!security)
        return TRUE;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_CPU_CONFIDENTIAL,
        "a confidential guest (<launchSecurity type='%s'>) cannot have nested guests: remove "
        "the tag (virt-nest disable), or <launchSecurity>",
        type ? type : "");
    return FALSE;
}

const NestCpuVendor *
nest_cpu_feature_vendor(const NestDomainXml *xml, const NestCpuVendor *host, GError **error)
{
    if (!check_type(xml, error) || !check_confidential(xml, error))
        return NULL;
    return nest_cpu_arch_vendor(xml, nest_cpu_is_kvm(xml), host, error);
}

/* Whether libvirt's <cpu> gives the guest the feature. */
static gboolean
element_exposes(const xmlNode *cpu, const NestCpuVendor *vendor)
{
    xmlNode *feature = nest_cpu_find_feature(cpu, vendor->feature);
    NestCpuClass class = nest_cpu_classify(cpu, vendor);

    if (class & (NEST_CPU_CLASS_PASSTHROUGH | NEST_CPU_CLASS_MAXIMUM))
        return !nest_cpu_withholds(feature);
    return class != NEST_CPU_CLASS_FOREIGN && nest_cpu_grants(feature);
}

gchar *
nest_cpu_qemu_model(const xmlNode *cpu)
{
    if (nest_xml_attribute_is(cpu, "mode", "host-passthrough"))
        return g_strdup("host");
    return nest_xml_attribute_is(cpu, "mode", "maximum") ? g_strdup("max") : nest_cpu_model(cpu);
}

/* What a -global says about the feature beside libvirt's own -cpu. If <cpu> names the feature, libvirt writes it into -cpu,
 * which wins over -global. */
static NestQemuSetting
read_global(const xmlNode *cpu, const NestQemuCpu *qemu, const char *name, gchar **ret_argument)
{
    g_autofree gchar *model = nest_cpu_qemu_model(cpu);
    xmlNode *feature = nest_cpu_find_feature(cpu, name);

    if (nest_cpu_grants(feature) || nest_cpu_withholds(feature))
        return NEST_QEMU_UNSET;
    return nest_qemu_cpu_global(qemu, model, name, ret_argument);
}

gboolean
nest_cpu_exposes(const NestDomainXml *xml, const NestCpuVendor *vendor)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    const xmlNode *cpu = nest_domain_xml_cpu(xml);
    NestQemuSetting global = NEST_QEMU_UNSET;

    if (nest_cpu_vendor_is_by_machine(vendor))
        return nest_cpu_arch_shows_el2(xml, qemu);
    if (qemu->argument)
        return nest_qemu_cpu_exposes(qemu, vendor, nest_cpu_is_kvm(xml));
    global = read_global(cpu, qemu, vendor->feature, NULL);
    if (global == NEST_QEMU_ON)
        return nest_cpu_classify(cpu, vendor) != NEST_CPU_CLASS_FOREIGN;
    return global == NEST_QEMU_UNSET && element_exposes(cpu, vendor);
}

/* QEMU's own model qemu64 has svm, except under KVM (facts.md, "QEMU's arguments"). */
static gboolean
is_emulated_default(const NestDomainXml *xml)
{
    g_autofree gchar *model = nest_cpu_model(nest_domain_xml_cpu(xml));

    return !nest_cpu_is_kvm(xml) && (!model || g_str_equal(model, "qemu64"));
}

gboolean
nest_cpu_passes_feature(const NestDomainXml *xml, const NestCpuVendor *vendor)
{
    const int classes =
        NEST_CPU_CLASS_PASSTHROUGH | NEST_CPU_CLASS_MAXIMUM | NEST_CPU_CLASS_HOST_MODEL;
    const xmlNode *cpu = nest_domain_xml_cpu(xml);

    return !nest_cpu_vendor_is_by_machine(vendor) &&
           ((nest_cpu_classify(cpu, vendor) & classes) || is_emulated_default(xml)) &&
           !nest_cpu_withholds(nest_cpu_find_feature(cpu, vendor->feature));
}

gboolean
nest_cpu_may_expose(const NestDomainXml *xml, const NestCpuVendor *vendor)
{
    gboolean by_element = nest_cpu_vendor_is_by_machine(vendor)
                              ? nest_cpu_arch_asks_for_el2(xml)
                              : element_exposes(nest_domain_xml_cpu(xml), vendor);

    return by_element || nest_cpu_exposes(xml, vendor);
}

static gboolean
refuse_argument(const NestDomainXml *xml, const char *argument, const char *why, const char *remedy,
                GError **error)
{
    g_autofree gchar *name = nest_domain_xml_shell_name(xml);

    g_set_error(error, NEST_ERROR, NEST_ERROR_CPU_ARGUMENT,
                "%s in its <qemu:commandline> %s: %s (virsh edit %s)", argument, why, remedy, name);
    return FALSE;
}

static gboolean
refuse_cpu_argument(const NestDomainXml *xml, const NestQemuCpu *qemu, const NestCpuVendor *vendor,
                    GError **error)
{
    gboolean kvm = nest_cpu_is_kvm(xml);
    const NestCpuVendor *theirs = nest_qemu_cpu_vendor(qemu, kvm);
    gboolean foreign = theirs && !g_str_equal(theirs->feature, vendor->feature);
    g_autofree gchar *why =
        foreign ? g_strdup_printf("is of %s, so that the guest does not look for %s", theirs->title,
                                  vendor->feature)
                : g_strdup_printf("does not give the guest %s", vendor->feature);
    g_autofree gchar *both = g_strconcat("takes the place of libvirt's CPU, and ", why, NULL);
    g_autofree gchar *remedy = g_strdup_printf(
        "take both <qemu:arg> out, or choose a CPU there that has %s, such as %s,+%s",
        vendor->feature, kvm ? "host" : "max", vendor->feature);

    return refuse_argument(xml, qemu->argument, both, remedy, error);
}

gboolean
nest_cpu_check_arguments(const NestDomainXml *xml, const NestCpuVendor *vendor, GError **error)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    g_autofree gchar *global = NULL;
    g_autofree gchar *why = g_strdup_printf("keeps %s from the guest", vendor->feature);

    if (qemu->malformed)
        return refuse_argument(
            xml, qemu->malformed,
            "is one argument, which QEMU does not know and will not start with",
            "write <qemu:arg value='-cpu'/> and another <qemu:arg> with the CPU, or take it out",
            error);
    if (nest_cpu_vendor_is_by_machine(vendor))
        return qemu->el2 != NEST_QEMU_OFF ||
               refuse_argument(xml, qemu->machine, why, "take both <qemu:arg> out", error);
    if (qemu->argument)
        return nest_qemu_cpu_exposes(qemu, vendor, nest_cpu_is_kvm(xml)) ||
               refuse_cpu_argument(xml, qemu, vendor, error);
    if (read_global(nest_domain_xml_cpu(xml), qemu, vendor->feature, &global) == NEST_QEMU_OFF)
        return refuse_argument(xml, global, why, "take both <qemu:arg> out", error);
    return TRUE;
}

guint
nest_cpu_vcpus(const NestDomainXml *xml)
{
    guint64 vcpus = g_ascii_strtoull(nest_domain_xml_value(xml, "vcpu"), NULL, 10);

    return (guint)CLAMP(vcpus, 1, MOST_VCPUS);
}

/* The features that a description names, of all architectures. */
static const char *const named[] = {"vmx", "svm", "sief2", NULL};

gchar *
nest_cpu_describe_qemu(const NestQemuCpu *qemu)
{
    for (gsize i = 0; named[i]; i++)
        if (nest_qemu_cpu_property(qemu, named[i]) == NEST_QEMU_ON)
            return g_strdup_printf("%s + %s by -cpu", qemu->model, named[i]);
    return g_strdup_printf("%s by -cpu", qemu->model);
}

gchar *
nest_cpu_describe(const NestDomainXml *xml)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    xmlNode *cpu = nest_domain_xml_cpu(xml);
    g_autofree gchar *mode = nest_xml_attribute(cpu, "mode");
    g_autofree gchar *model = nest_cpu_model(cpu);
    const char *name = model ? model : mode ? mode : "none";

    if (nest_cpu_arch_asks_for_el2(xml))
        return g_strdup_printf("%s + EL2", name);
    if (qemu->argument)
        return nest_cpu_describe_qemu(qemu);
    for (gsize i = 0; named[i]; i++)
        if (nest_cpu_grants(nest_cpu_find_feature(cpu, named[i])))
            return g_strdup_printf("%s + %s", name, named[i]);
    return g_strdup(name);
}
