/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU rewrite: takes a domain, its tag and a vendor, and makes a <cpu> with VMX or SVM.
 *
 * Theory of operation: the domain's present CPU is put into one of a few classes. The first row of
 * the table `rules` that fits the domain's type, that class and the tag's cpu attribute names the
 * steps to take. The steps change the <cpu> of the parsed tree; the element's text is replaced only
 * if its meaning has changed. */
#include "domain/cpu_rewrite.h"

#include "base/error.h"
#include "domain/cpu.h"
#include "domain/cpu_arch.h"
#include "domain/cpu_off.h"
#include "domain/xml_edit.h"

#include <string.h>

#define POLICY(policy) (1 << (policy))
#define POLICY_ANY (~0)

/* One rewrite under way. */
typedef struct {
    NestDomainXml *xml;          /* the domain */
    xmlNode *cpu;                /* its <cpu>, perhaps just made */
    const NestCpuVendor *vendor; /* whose feature the guest shall see */
    GPtrArray *changes;          /* sentences for a person */
} Rewrite;

typedef gboolean (*Step)(Rewrite *rewrite, GError **error);

/* Adds a sentence to the changes; it is escaped, because it may contain values of the document. */
G_GNUC_PRINTF(2, 3)
static void
add_change(Rewrite *rewrite, const char *format, ...)
{
    g_autofree gchar *sentence = NULL;
    va_list arguments;

    va_start(arguments, format);
    sentence = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(rewrite->changes, nest_error_escape(sentence));
}

/* Removes a child with mode='passthrough', which libvirt allows only with host-passthrough (libvirt
 * docs/formatdomain.rst). */
static void
remove_passed_through(xmlNode *cpu, const char *name)
{
    xmlNode *child = nest_xml_child(cpu, name);

    if (nest_xml_attribute_is(child, "mode", "passthrough"))
        nest_xml_remove(child);
}

static void
drop(Rewrite *rewrite, xmlNode *feature)
{
    g_autofree gchar *name = nest_xml_attribute(feature, "name");
    g_autofree gchar *policy = nest_xml_attribute(feature, "policy");

    add_change(rewrite, "feature %s: policy %s is removed", name, policy ? policy : "require");
    nest_xml_remove(feature);
}

static gboolean
is_feature_element(const xmlNode *node, const char *name)
{
    return nest_xml_is(node, "feature") && nest_xml_attribute_is(node, "name", name);
}

static gboolean
is_required(const xmlNode *feature)
{
    g_autofree gchar *policy = nest_xml_attribute(feature, "policy");

    return !policy || g_str_equal(policy, "require");
}

/* Leaves only one entry of a feature, because libvirt refuses a CPU that has a feature twice: an entry that @is_better, else
 * the first. Returns: (nullable) the entry that is left. */
static xmlNode *
leave_one(Rewrite *rewrite, const char *name, gboolean (*is_better)(const xmlNode *feature))
{
    xmlNode *kept = nest_cpu_find_feature(rewrite->cpu, name);
    xmlNode *next = NULL;

    NEST_XML_FOREACH (rewrite->cpu, child)
        if (is_feature_element(child, name) && is_better(child) && !is_better(kept))
            kept = child;
    for (xmlNode *child = rewrite->cpu->children; child; child = next) {
        next = child->next;
        if (is_feature_element(child, name) && child != kept)
            drop(rewrite, child);
    }
    return kept;
}

/* The other vendor's feature stays off if one of its entries says so. */
static void
leave_one_of_others(Rewrite *rewrite)
{
    for (gsize i = 0; i < NEST_CPU_FEATURES; i++)
        if (!g_str_equal(nest_cpu_features[i], rewrite->vendor->feature))
            (void)leave_one(rewrite, nest_cpu_features[i], nest_cpu_withholds);
}

static gboolean
require_feature(Rewrite *rewrite, GError **error)
{
    const char *name = rewrite->vendor->feature;
    xmlNode *feature = leave_one(rewrite, name, is_required);
    g_autofree gchar *policy = nest_xml_attribute(feature, "policy");

    (void)error;
    if (feature && is_required(feature))
        return TRUE;
    if (feature)
        add_change(rewrite, "feature %s: policy %s becomes require", name, policy);
    else
        add_change(rewrite, "feature %s is required", name);
    if (!feature) {
        feature = nest_xml_add_child(rewrite->cpu, "feature");
        nest_xml_set_attribute(feature, "policy", "require");
        nest_xml_set_attribute(feature, "name", name);
    }
    nest_xml_set_attribute(feature, "policy", "require");
    return TRUE;
}

/* Drops the features that a model of the other vendor had, because host-model would not start with them: the
 * feature named by @vendors ("vmx") and its parts, such as vmx-ept. */
static void
drop_granted(Rewrite *rewrite, const char *vendors)
{
    gsize length = strlen(vendors);
    xmlNode *next = NULL;

    for (xmlNode *child = rewrite->cpu->children; child; child = next) {
        g_autofree gchar *name = nest_xml_attribute(child, "name");

        next = child->next;
        if (nest_xml_is(child, "feature") && name && g_str_has_prefix(name, vendors) &&
            (name[length] == '\0' || name[length] == '-') && nest_cpu_grants(child))
            drop(rewrite, child);
    }
}

/* Drops every entry that withholds the feature, and leaves one of the others: libvirt accepts a feature only once. */
static gboolean
unblock_feature(Rewrite *rewrite, GError **error)
{
    const char *name = rewrite->vendor->feature;
    xmlNode *next = NULL;

    (void)error;
    for (xmlNode *child = rewrite->cpu->children; child; child = next) {
        next = child->next;
        if (is_feature_element(child, name) && nest_cpu_withholds(child))
            drop(rewrite, child);
    }
    (void)leave_one(rewrite, name, is_required);
    return TRUE;
}

/* Drops the features that libvirt added to its default for a running guest: the new CPU has these by itself. Other disabled
 * features stay disabled, because somebody may have disabled them. */
static void
drop_expansion(Rewrite *rewrite)
{
    g_autofree gchar *model = nest_cpu_model(rewrite->cpu);
    xmlNode *next = NULL;
    gboolean any = FALSE;

    if (!nest_cpu_is_expanded_default(rewrite->cpu))
        return;
    for (xmlNode *child = rewrite->cpu->children; child; child = next) {
        next = child->next;
        if (nest_xml_is(child, "feature") && nest_cpu_is_expansion(child)) {
            nest_xml_remove(child);
            any = TRUE;
        }
    }
    if (any)
        add_change(rewrite, "what libvirt added to its default, %s, while the guest ran is removed",
                   model);
}

/* Sets the mode and takes out what libvirt allows only with a named model. */
static void
set_mode(Rewrite *rewrite, const char *mode, const char *check)
{
    xmlNode *cpu = rewrite->cpu;

    drop_expansion(rewrite);
    nest_xml_set_attribute(cpu, "mode", mode);
    nest_xml_set_attribute(cpu, "check", check);
    nest_xml_set_attribute(cpu, "match", NULL);
    nest_xml_remove_children(cpu, "model");
    nest_xml_remove_children(cpu, "vendor");
    for (gsize i = 0; i < NEST_CPU_FEATURES; i++)
        if (!g_str_equal(nest_cpu_features[i], rewrite->vendor->feature))
            drop_granted(rewrite, nest_cpu_features[i]);
}

static gboolean
become_passthrough(Rewrite *rewrite, GError **error)
{
    (void)error;
    set_mode(rewrite, "host-passthrough", "none");
    /* QEMU has this property only for x86 CPUs (facts.md, "Other architectures"). */
    if (nest_cpu_vendor_is_x86(rewrite->vendor))
        nest_xml_set_attribute(rewrite->cpu, "migratable", "on");
    else
        nest_xml_set_attribute(rewrite->cpu, "migratable", NULL);
    add_change(rewrite,
               "the CPU becomes host-passthrough; live migration then needs a host with the same "
               "CPU generation, microcode and kernel (choose cpu='host-model' or cpu='keep' in the "
               "tag where that matters)");
    return TRUE;
}

static gboolean
become_maximum(Rewrite *rewrite, GError **error)
{
    (void)error;
    set_mode(rewrite, "maximum", "none");
    nest_xml_set_attribute(rewrite->cpu, "migratable", "on");
    remove_passed_through(rewrite->cpu, "maxphysaddr");
    add_change(rewrite, "the CPU becomes maximum, all that QEMU's TCG emulates");
    return TRUE;
}

static gboolean
become_host_model(Rewrite *rewrite, GError **error)
{
    (void)error;
    set_mode(rewrite, "host-model", "partial");
    nest_xml_set_attribute(rewrite->cpu, "migratable", NULL);
    remove_passed_through(rewrite->cpu, "maxphysaddr");
    remove_passed_through(rewrite->cpu, "cache");
    add_change(rewrite, "the CPU becomes host-model");
    return TRUE;
}

/* libvirt's default if no CPU was chosen; it is the default of QEMU's machines. */
static const char *
default_model(const NestDomainXml *xml)
{
    xmlNode *os = nest_xml_child(nest_domain_xml_root(xml), "os");

    return nest_xml_attribute_is(nest_xml_child(os, "type"), "arch", "i686") ? "qemu32" : "qemu64";
}

/* Writes the CPU that libvirt itself would write where none was chosen. */
static gboolean
become_default(Rewrite *rewrite, GError **error)
{
    xmlNode *model = NULL;

    if (rewrite->vendor && !nest_cpu_vendor_is_x86(rewrite->vendor))
        return become_passthrough(rewrite, error); /* QEMU's default on s390x with KVM */
    nest_xml_set_attribute(rewrite->cpu, "mode", "custom");
    nest_xml_set_attribute(rewrite->cpu, "match", "exact");
    nest_xml_set_attribute(rewrite->cpu, "check", "none");
    nest_xml_remove_children(rewrite->cpu, "model"); /* an empty one */
    model = nest_xml_add_child(rewrite->cpu, "model");
    nest_xml_set_attribute(model, "fallback", "forbid");
    xmlNodeSetContent(model, (const xmlChar *)default_model(rewrite->xml));
    add_change(rewrite, "the CPU, libvirt's default, is written out as %s",
               default_model(rewrite->xml));
    return TRUE;
}

static gboolean
refuse_foreign_model(Rewrite *rewrite, GError **error)
{
    g_autofree gchar *model = nest_cpu_model(rewrite->cpu);
    const NestCpuVendor *theirs = nest_cpu_vendor_of_model(model);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_CPU_VENDOR,
        "the CPU model %s is of %s, but %s offers %s's %s: choose a model of %s, or let "
        "virt-nest choose (remove the <cpu> element, or write cpu='host-passthrough' into the "
        "tag)",
        model, theirs->title, nest_cpu_is_kvm(rewrite->xml) ? "this host" : "QEMU's TCG emulation",
        rewrite->vendor->title, rewrite->vendor->feature, rewrite->vendor->title);
    return FALSE;
}

/* The whole rewrite. The first row that fits is taken. */
static const struct {
    const char *type; /* of the domain */
    int policies;     /* bits of POLICY() */
    int classes;      /* bits of NestCpuClass */
    Step steps[3];    /* in turn; none: nothing to do */
} rules[] = {
    {"kvm",
     POLICY(NEST_CPU_AUTO),
     NEST_CPU_CLASS_NONE | NEST_CPU_CLASS_DEFAULT,
     {become_passthrough, unblock_feature}},
    {"kvm",
     POLICY(NEST_CPU_AUTO),
     NEST_CPU_CLASS_PASSTHROUGH | NEST_CPU_CLASS_MAXIMUM,
     {unblock_feature}},
    {"kvm",
     POLICY(NEST_CPU_AUTO),
     NEST_CPU_CLASS_HOST_MODEL | NEST_CPU_CLASS_CUSTOM | NEST_CPU_CLASS_MATCHING,
     {require_feature}},
    {"kvm", POLICY(NEST_CPU_HOST_PASSTHROUGH), NEST_CPU_CLASS_PASSTHROUGH, {unblock_feature}},
    {"kvm",
     POLICY(NEST_CPU_HOST_PASSTHROUGH),
     NEST_CPU_CLASS_ANY,
     {become_passthrough, unblock_feature}},
    {"qemu",
     POLICY(NEST_CPU_AUTO),
     NEST_CPU_CLASS_MAXIMUM | NEST_CPU_CLASS_MATCHING,
     {require_feature}},
    {"qemu", POLICY(NEST_CPU_AUTO), NEST_CPU_CLASS_ANY, {become_maximum, require_feature}},
    {"qemu", POLICY(NEST_CPU_HOST_PASSTHROUGH), NEST_CPU_CLASS_MAXIMUM, {require_feature}},
    {"qemu",
     POLICY(NEST_CPU_HOST_PASSTHROUGH),
     NEST_CPU_CLASS_ANY,
     {become_maximum, require_feature}},
    {NULL, POLICY(NEST_CPU_HOST_MODEL), NEST_CPU_CLASS_HOST_MODEL, {require_feature}},
    {NULL, POLICY(NEST_CPU_HOST_MODEL), NEST_CPU_CLASS_ANY, {become_host_model, require_feature}},
    {NULL, POLICY(NEST_CPU_KEEP), NEST_CPU_CLASS_NONE, {become_default, require_feature}},
    {NULL, POLICY(NEST_CPU_KEEP), NEST_CPU_CLASS_ANY & ~NEST_CPU_CLASS_FOREIGN, {require_feature}},
    {NULL, POLICY_ANY, NEST_CPU_CLASS_FOREIGN, {refuse_foreign_model}},
};

static const Step *
find_steps(const NestDomainXml *xml, const NestTag *tag, int class)
{
    const char *type = nest_cpu_is_kvm(xml) ? "kvm" : "qemu";

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
        if ((!rules[i].type || g_str_equal(rules[i].type, type)) &&
            (rules[i].policies & POLICY(tag->cpu)) && (rules[i].classes & class))
            return rules[i].steps;
    g_assert_not_reached();
}

gboolean
nest_cpu_rewrite_work_out(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                          GPtrArray *changes, gchar **ret_cpu, GError **error)
{
    Rewrite rewrite = {.xml = xml, .changes = changes};
    xmlNode *existing = nest_domain_xml_cpu(xml);
    const Step *steps = NULL;
    gboolean done = TRUE;
    guint before = changes->len;

    rewrite.vendor = nest_cpu_feature_vendor(xml, host, error);
    if (!rewrite.vendor)
        return FALSE;
    if (nest_cpu_vendor_is_by_machine(rewrite.vendor))
        /* <cpu> does not decide, so there is nothing to rewrite. But somebody may have given the guest the feature. */
        return nest_cpu_exposes(xml, rewrite.vendor) ||
               (nest_cpu_check_arguments(xml, rewrite.vendor, error) &&
                nest_cpu_arch_refuse_el2(xml, error));
    rewrite.cpu = existing ? existing : xmlNewDocNode(NULL, NULL, (const xmlChar *)"cpu", NULL);
    steps = find_steps(xml, tag, nest_cpu_classify(existing, rewrite.vendor));
    leave_one_of_others(&rewrite);
    for (int i = 0; i < 3 && done && steps[i]; i++)
        done = steps[i](&rewrite, error);
    if (done)
        *ret_cpu = changes->len > before ? nest_xml_dump(rewrite.cpu) : NULL;
    else
        g_ptr_array_set_size(changes, (gint)before);
    if (!existing)
        xmlFreeNode(rewrite.cpu);
    return done;
}

/* The parts of svm, without which they cannot exist, whose names do not begin with svm (QEMU target/i386/cpu.c, FEAT_SVM). */
static const char *const svm_parts[] = {
    "npt",          "lbrv",          "nrip-save",     "tsc-scale",
    "vmcb-clean",   "flushbyasid",   "decodeassists", "avic",
    "pause-filter", "pfthreshold",   "vgif",          "v-vmsave-vmload",
    "vnmi",         "svme-addr-chk", "x2avic",        NULL};

static void
drop_parts(Rewrite *rewrite)
{
    xmlNode *next = NULL;

    for (xmlNode *child = rewrite->cpu->children; child; child = next) {
        g_autofree gchar *name = nest_xml_attribute(child, "name");

        next = child->next;
        if (nest_xml_is(child, "feature") && name && nest_cpu_grants(child) &&
            (g_str_has_prefix(name, "vmx-") || g_strv_contains(svm_parts, name)))
            drop(rewrite, child);
    }
}

static void
disable_feature(Rewrite *rewrite, const char *name)
{
    xmlNode *feature = leave_one(rewrite, name, nest_cpu_withholds);
    g_autofree gchar *policy = nest_xml_attribute(feature, "policy");

    if (feature && nest_cpu_withholds(feature))
        return;
    if (feature)
        add_change(rewrite, "feature %s: policy %s becomes disable", name,
                   policy ? policy : "require");
    else
        add_change(rewrite, "feature %s is disabled", name);
    if (!feature)
        feature = nest_xml_add_child(rewrite->cpu, "feature");
    nest_xml_set_attribute(feature, "policy", "disable");
    nest_xml_set_attribute(feature, "name", name);
}

void
nest_cpu_rewrite_off_work_out(NestDomainXml *xml, GPtrArray *changes, gchar **ret_cpu)
{
    xmlNode *existing = nest_domain_xml_cpu(xml);
    Rewrite rewrite = {.xml = xml, .changes = changes};
    guint before = changes->len;

    if (!nest_cpu_off_applies(xml))
        return;
    rewrite.cpu = existing ? existing : xmlNewDocNode(NULL, NULL, (const xmlChar *)"cpu", NULL);
    if (nest_cpu_classify(existing, nest_cpu_vendor_of_tcg()) == NEST_CPU_CLASS_NONE)
        (void)become_default(&rewrite, NULL);
    drop_parts(&rewrite);
    for (gsize i = 0; i < NEST_CPU_FEATURES; i++)
        disable_feature(&rewrite, nest_cpu_features[i]);
    *ret_cpu = changes->len > before ? nest_xml_dump(rewrite.cpu) : NULL;
    if (!existing)
        xmlFreeNode(rewrite.cpu);
}

/* A new <cpu> goes before <devices>, which is libvirt's order. */
void
nest_cpu_rewrite_put(NestDomainXml *xml, const char *cpu)
{
    xmlNode *root = nest_domain_xml_root(xml);
    xmlNode *existing = nest_xml_child(root, "cpu");
    xmlNode *devices = nest_xml_child(root, "devices");

    if (existing)
        nest_domain_xml_replace(xml, existing, cpu);
    else if (devices)
        nest_domain_xml_insert_before(xml, devices, cpu);
    else
        nest_domain_xml_append(xml, root, cpu);
}

void
nest_cpu_rewrite_off(NestDomainXml *xml, GPtrArray *changes)
{
    g_autofree gchar *cpu = NULL;

    nest_cpu_rewrite_off_work_out(xml, changes, &cpu);
    if (cpu)
        nest_cpu_rewrite_put(xml, cpu);
}

gboolean
nest_cpu_rewrite(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                 GPtrArray *changes, GError **error)
{
    g_autofree gchar *cpu = NULL;

    if (!nest_cpu_rewrite_work_out(xml, tag, host, changes, &cpu, error))
        return FALSE;
    if (cpu)
        nest_cpu_rewrite_put(xml, cpu);
    return TRUE;
}

/* Only a type='kvm' domain asks for the host's vendor. */
gboolean
nest_cpu_rewrite_find_host(const NestDomainXml *xml, const NestCpuVendor **host, GError **error)
{
    if (*host || !nest_cpu_is_kvm(xml))
        return TRUE;
    *host = nest_cpu_vendor_of_host(error);
    return *host != NULL;
}
