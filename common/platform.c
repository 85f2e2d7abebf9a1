/* The CPU vendors: what each calls its feature and its KVM module. A new platform is a row here. */
#include "platform.h"

#include "error.h"
#include "root.h"

#include <stdio.h>

enum { INTEL, AMD, HYGON, ZHAOXIN };

/* Zhaoxin has two names, and the spaces about the second one are part of it (arch/x86/kernel/cpu/zhaoxin.c). */
static const NestPlatform platforms[] = {
    [INTEL] = {"intel", "Intel", {"GenuineIntel"}, "vmx", "kvm_intel", 1, 5},
    [AMD] = {"amd", "AMD", {"AuthenticAMD"}, "svm", "kvm_amd", 0x80000001, 2},
    [HYGON] = {"hygon", "Hygon", {"HygonGenuine"}, "svm", "kvm_amd", 0x80000001, 2},
    [ZHAOXIN] = {"zhaoxin", "Zhaoxin", {"CentaurHauls", "  Shanghai  "}, "vmx", "kvm_intel", 1, 5},
};

/* The first part of a model's name tells the vendor; libvirt adds -v2, -IBRS, -noTSX and the like. */
static const struct {
    const char *prefix;
    int platform;
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

const NestPlatform *
nest_platform_by_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(platforms); i++)
        if (g_str_equal(platforms[i].name, name))
            return &platforms[i];
    return NULL;
}

gchar *
nest_platform_names(void)
{
    GString *names = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(platforms); i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", platforms[i].name);
    return g_string_free(names, FALSE);
}

gchar *
nest_platform_titles(void)
{
    const gsize n = G_N_ELEMENTS(platforms);
    GString *titles = g_string_new(NULL);

    for (gsize i = 0; i < n; i++)
        g_string_append_printf(titles, "%s%s",
                               i == 0      ? ""
                               : i + 1 < n ? ", "
                                           : " and ",
                               platforms[i].title);
    return g_string_free(titles, FALSE);
}

static gboolean
is_vendor(const NestPlatform *platform, const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(platform->cpuid_vendors) && platform->cpuid_vendors[i];
         i++) {
        g_autofree gchar *stripped = g_strstrip(g_strdup(platform->cpuid_vendors[i]));

        if (g_str_equal(stripped, name))
            return TRUE;
    }
    return FALSE;
}

const NestPlatform *
nest_platform_of_cpuinfo(const char *cpuinfo)
{
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GRegex) vendor =
        g_regex_new("^vendor_id[ \\t]*:(.*)$", G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
    g_autofree gchar *name = NULL;

    if (!g_regex_match(vendor, cpuinfo, 0, &match))
        return NULL;
    name = g_strstrip(g_match_info_fetch(match, 1));
    for (gsize i = 0; i < G_N_ELEMENTS(platforms); i++)
        if (is_vendor(&platforms[i], name))
            return &platforms[i];
    return NULL;
}

gchar *
nest_platform_cpuinfo(void)
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
nest_platform_refuse(GError **error)
{
    g_autofree gchar *titles = nest_platform_titles();

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_VENDOR,
        "this host's CPU is of a vendor virt-nest does not know (vendor_id in /proc/cpuinfo): KVM "
        "guests can be nested on %s only: use type='qemu'",
        titles);
}

const NestPlatform *
nest_platform_of_host(GError **error)
{
    g_autofree gchar *cpuinfo = nest_platform_cpuinfo();
    const NestPlatform *platform = cpuinfo ? nest_platform_of_cpuinfo(cpuinfo) : NULL;

    if (!platform)
        nest_platform_refuse(error);
    return platform;
}

const NestPlatform *
nest_platform_of_model(const char *model)
{
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
        if (g_str_has_prefix(model, families[i].prefix))
            return &platforms[families[i].platform];
    return NULL;
}

const NestPlatform *
nest_platform_of_tcg(void)
{
    return &platforms[AMD];
}
