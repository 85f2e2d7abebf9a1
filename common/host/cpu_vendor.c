/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU vendors: what each calls its feature and its KVM module. A new vendor or architecture is a row here. */
#include "host/cpu_vendor.h"

#include "base/error.h"
#include "base/root.h"

#include <stdio.h>

enum { INTEL, AMD, HYGON, ZHAOXIN, IBM, ARM };

/* As the kernel numbers the features: a word of 32 bits, and the bit in it. */
#define VMX_BIT (4 * 32 + 5)
#define SVM_BIT (6 * 32 + 2)

#define X86 "x86_64"

/* Zhaoxin has two names, and the spaces around the second one are part of it (arch/x86/kernel/cpu/zhaoxin.c). QEMU calls
 * IBM's feature sief2, the kernel calls it sie. Neither libvirt nor QEMU treats Arm's EL2 as a part of the CPU; nesting on
 * Arm is a mode of the whole kernel, which no module's parameter sets (facts.md, "Other architectures"). */
static const NestCpuVendor vendors[] = {
    [INTEL] = {"intel", "Intel", {"GenuineIntel"}, "vmx", "kvm_intel", X86, "vmx", 1, 5, VMX_BIT},
    [AMD] = {"amd", "AMD", {"AuthenticAMD"}, "svm", "kvm_amd", X86, "svm", 0x80000001, 2, SVM_BIT},
    [HYGON] =
        {"hygon", "Hygon", {"HygonGenuine"}, "svm", "kvm_amd", X86, "svm", 0x80000001, 2, SVM_BIT},
    [ZHAOXIN] = {"zhaoxin",
                 "Zhaoxin",
                 {"CentaurHauls", "  Shanghai  "},
                 "vmx",
                 "kvm_intel",
                 X86,
                 "vmx",
                 1,
                 5,
                 VMX_BIT},
    [IBM] = {"ibm", "IBM", {"IBM/S390"}, "sief2", "kvm", "s390x", "sie", 0, 0, 0},
    [ARM] = {"arm", "Arm", {NULL}, "EL2", "kvm", "aarch64", NULL, 0, 0, 0},
};

/* The first part of a model's name tells the vendor; libvirt adds -v2, -IBRS, -noTSX and the like. */
static const struct {
    const char *prefix;
    int vendor;
} families[] = {
    {"EPYC", AMD},
    {"Opteron_G", AMD},
    {"phenom", AMD},
    {"athlon", AMD},
    {"Dhyana", HYGON},
    {"YongFeng", ZHAOXIN},
    {"core2duo", INTEL},
    {"coreduo", INTEL},
    {"n270", INTEL},
    {"Conroe", INTEL},
    {"Penryn", INTEL},
    {"Nehalem", INTEL},
    {"Westmere", INTEL},
    {"SandyBridge", INTEL},
    {"IvyBridge", INTEL},
    {"Haswell", INTEL},
    {"Broadwell", INTEL},
    {"Skylake", INTEL},
    {"Cascadelake", INTEL},
    {"Cooperlake", INTEL},
    {"Icelake", INTEL},
    {"Snowridge", INTEL},
    {"Denverton", INTEL},
    {"KnightsMill", INTEL},
    {"SapphireRapids", INTEL},
    {"EmeraldRapids", INTEL},
    {"GraniteRapids", INTEL},
    {"SierraForest", INTEL},
    {"ClearwaterForest", INTEL},
    {"DiamondRapids", INTEL},
};

const NestCpuVendor *
nest_cpu_vendor_by_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(vendors); i++)
        if (g_str_equal(vendors[i].name, name))
            return &vendors[i];
    return NULL;
}

gchar *
nest_cpu_vendor_names(void)
{
    GString *names = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(vendors); i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", vendors[i].name);
    return g_string_free(names, FALSE);
}

gchar *
nest_cpu_vendor_titles(void)
{
    const gsize n = G_N_ELEMENTS(vendors);
    GString *titles = g_string_new(NULL);

    for (gsize i = 0; i < n; i++)
        g_string_append_printf(titles, "%s%s",
                               i == 0      ? ""
                               : i + 1 < n ? ", "
                                           : " and ",
                               vendors[i].title);
    return g_string_free(titles, FALSE);
}

/* The rows of an architecture stand together. */
const char **
nest_cpu_vendor_archs(void)
{
    const char **archs = g_new0(const char *, G_N_ELEMENTS(vendors) + 1);

    for (gsize i = 0, n = 0; i < G_N_ELEMENTS(vendors); i++)
        if (i == 0 || !g_str_equal(vendors[i].arch, vendors[i - 1].arch))
            archs[n++] = vendors[i].arch;
    return archs;
}

static gboolean
is_vendor(const NestCpuVendor *vendor, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(vendor->cpuid_vendors) && vendor->cpuid_vendors[i]; i++) {
        g_autofree gchar *stripped = g_strstrip(g_strdup(vendor->cpuid_vendors[i]));

        if (g_str_equal(stripped, name))
            return TRUE;
    }
    return FALSE;
}

const NestCpuVendor *
nest_cpu_vendor_by_cpuid(const char *name)
{
    g_autofree gchar *stripped = g_strstrip(g_strdup(name));

    for (gsize i = 0; i < G_N_ELEMENTS(vendors); i++)
        if (is_vendor(&vendors[i], stripped))
            return &vendors[i];
    return NULL;
}

const NestCpuVendor *
nest_cpu_vendor_of_cpuinfo(const char *cpuinfo)
{
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GRegex) vendor =
        g_regex_new("^vendor_id[ \\t]*:(.*)$", G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
    g_autofree gchar *name = NULL;

    if (!g_regex_match(vendor, cpuinfo, 0, &match))
        /* Whoever makes an Arm CPU, it nests in the same way, so the maker's number does not matter. */
        return g_regex_match_simple("^CPU implementer[ \\t]*:", cpuinfo,
                                    G_REGEX_MULTILINE | G_REGEX_RAW, 0)
                   ? &vendors[ARM]
                   : NULL;
    name = g_match_info_fetch(match, 1);
    return nest_cpu_vendor_by_cpuid(name);
}

gchar *
nest_cpu_vendor_cpuinfo(void)
{
    g_autofree gchar *path = nest_root_path("/proc/cpuinfo");
    FILE *file = fopen(path, "re");
    GString *text = file ? g_string_new(NULL) : NULL;
    g_autofree char *line = NULL;
    size_t room = 0;

    if (!file)
        return NULL;
    while (getline(&line, &room, file) > 0 && *line != '\n')
        g_string_append(text, line);
    (void)fclose(file);
    return g_string_free(text, FALSE);
}

void
nest_cpu_vendor_refuse(GError **error)
{
    g_autofree gchar *titles = nest_cpu_vendor_titles();

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_VENDOR,
        "virt-nest does not know the vendor of this host's CPU (vendor_id in /proc/cpuinfo), and so cannot give "
        "its KVM guests nested guests yet; it knows %s: let QEMU emulate the guest (<domain type='qemu'>)",
        titles);
}

const NestCpuVendor *
nest_cpu_vendor_of_host(GError **error)
{
    g_autofree gchar *cpuinfo = nest_cpu_vendor_cpuinfo();
    const NestCpuVendor *vendor = cpuinfo ? nest_cpu_vendor_of_cpuinfo(cpuinfo) : NULL;

    if (!vendor)
        nest_cpu_vendor_refuse(error);
    return vendor;
}

const NestCpuVendor *
nest_cpu_vendor_of_model(const char *model)
{
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
        if (g_str_has_prefix(model, families[i].prefix))
            return &vendors[families[i].vendor];
    return NULL;
}

const NestCpuVendor *
nest_cpu_vendor_of_tcg(void)
{
    return &vendors[AMD];
}

/* What QEMU's TCG emulates of each architecture (facts.md, "Other architectures"). */
static const struct {
    const char *arch;
    int vendor;
} emulated[] = {{X86, AMD}, {"aarch64", ARM}};

const NestCpuVendor *
nest_cpu_vendor_of_tcg_arch(const char *arch)
{
    for (gsize i = 0; i < G_N_ELEMENTS(emulated); i++)
        if (g_str_equal(emulated[i].arch, arch))
            return &vendors[emulated[i].vendor];
    return NULL;
}

gboolean
nest_cpu_vendor_is_x86(const NestCpuVendor *vendor)
{
    return g_str_equal(vendor->arch, X86);
}

gboolean
nest_cpu_vendor_is_by_machine(const NestCpuVendor *vendor)
{
    return vendor == &vendors[ARM];
}
