/* The platforms: vendors of hosts, and whose CPU each model's name means. */
#include "check.h"
#include "platform.h"

#define CPU_MAP "/usr/share/libvirt/cpu_map"

static const struct {
    const char *sentence, *cpuinfo, *name, *feature, *module;
} hosts[] = {
    {"Intel", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n", "intel", "vmx",
     "kvm_intel"},
    {"AMD", "processor\t: 0\nvendor_id\t: AuthenticAMD\n", "amd", "svm", "kvm_amd"},
    {"Hygon", "processor\t: 0\nvendor_id\t: HygonGenuine\n", "hygon", "svm", "kvm_amd"},
    {"the first of many", "vendor_id\t: AuthenticAMD\n\nvendor_id\t: AuthenticAMD\n", "amd", "svm",
     "kvm_amd"},
    {"Zhaoxin", "vendor_id\t: CentaurHauls\n", NULL, NULL, NULL},
    {"a vendor that only begins like one", "vendor_id\t: AuthenticAMDx\n", NULL, NULL, NULL},
    {"no line", "processor\t: 0\n", NULL, NULL, NULL},
    {"an empty line", "vendor_id\t: \nmodel\t: 1\n", NULL, NULL, NULL},
    {"a vendor in another line", "model name\t: vendor_id : GenuineIntel\n", NULL, NULL, NULL},
    {"an Arm host", "CPU implementer\t: 0x41\n", NULL, NULL, NULL},
    {"nothing", "", NULL, NULL, NULL},
};

static void
test_hosts(void)
{
    g_test_summary("the vendor_id of /proc/cpuinfo names the platform, or none");
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        const NestPlatform *platform = nest_platform_of_cpuinfo(hosts[i].cpuinfo);

        g_test_message("%s", hosts[i].sentence);
        g_assert_cmpstr(platform ? platform->name : NULL, ==, hosts[i].name);
        g_assert_cmpstr(platform ? platform->feature : NULL, ==, hosts[i].feature);
        g_assert_cmpstr(platform ? platform->module : NULL, ==, hosts[i].module);
    }
}

static void
test_this_host(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) unknown = NULL;
    g_autoptr(GError) missing = NULL;

    g_test_summary("the host's platform is read below the root; without one the error says so");
    g_assert_null(nest_platform_of_host(&missing));
    g_assert_error(missing, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    check_root_write("proc/cpuinfo", hosts[2].cpuinfo);
    g_assert_true(nest_platform_of_host(NULL) == nest_platform_by_name("hygon"));
    check_root_write("proc/cpuinfo", hosts[4].cpuinfo);
    g_assert_null(nest_platform_of_host(&unknown));
    g_assert_error(unknown, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    check_says(unknown->message, "vendor|Intel, AMD and Hygon");
    check_root_free(root);
}

static void
test_names(void)
{
    g_autofree gchar *names = nest_platform_names();
    g_auto(GStrv) list = g_strsplit(names, ", ", -1);

    g_test_summary("each name of the list is found again, nothing else is");
    g_assert_cmpstr(names, ==, "intel, amd, hygon");
    for (gsize i = 0; list[i]; i++)
        g_assert_cmpstr(nest_platform_by_name(list[i])->name, ==, list[i]);
    g_assert_null(nest_platform_by_name("Intel"));
    g_assert_null(nest_platform_by_name(""));
}

static void
test_tcg(void)
{
    g_test_summary("TCG emulates SVM");
    g_assert_cmpstr(nest_platform_of_tcg()->feature, ==, "svm");
    g_assert_cmpstr(nest_platform_of_tcg()->title, ==, "AMD");
}

static void
check_model(const char *model, const char *vendor)
{
    const NestPlatform *platform = nest_platform_of_model(model);

    if (g_strcmp0(platform ? platform->title : NULL, vendor) != 0)
        g_error("model %s is of %s, not of %s", model, vendor ? vendor : "nobody",
                platform ? platform->title : "nobody");
}

/* Reads name and vendor of one file of libvirt's CPU map. */
static gboolean
check_map_file(const char *name)
{
    g_autofree gchar *path = g_build_filename(CPU_MAP, name, NULL);
    g_autofree gchar *text = NULL;
    g_autoptr(GRegex) model = g_regex_new("<model name='([^']*)'>", 0, 0, NULL);
    g_autoptr(GRegex) vendor = g_regex_new("<vendor name='([^']*)'", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GMatchInfo) vendor_match = NULL;
    g_autofree gchar *model_name = NULL;
    g_autofree gchar *vendor_name = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    if (!g_regex_match(model, text, 0, &match))
        return FALSE;
    model_name = g_match_info_fetch(match, 1);
    if (g_regex_match(vendor, text, 0, &vendor_match))
        vendor_name = g_match_info_fetch(vendor_match, 1);
    check_model(model_name, vendor_name);
    return TRUE;
}

static void
test_cpu_map(void)
{
    g_autoptr(GDir) folder = g_dir_open(CPU_MAP, 0, NULL);
    const char *name = NULL;
    guint n = 0;

    g_test_summary("libvirt's own map of models agrees about the vendor of every x86 model");
    if (!folder) {
        g_test_skip("libvirt's " CPU_MAP " is not installed");
        return;
    }
    while ((name = g_dir_read_name(folder)))
        if (g_str_has_prefix(name, "x86_"))
            n += check_map_file(name);
    g_test_message("%u models", n);
    g_assert_cmpuint(n, >, 40);
}

static void
test_newer_models(void)
{
    static const struct {
        const char *model, *vendor;
    } rows[] = {
        {"EPYC-Genoa", "AMD"},          {"EPYC-Turin", "AMD"},
        {"EPYC-Milan-v2", "AMD"},       {"EPYC-v4", "AMD"},
        {"EPYC-Rome-v4", "AMD"},        {"Opteron_G5-v1", "AMD"},
        {"phenom-v1", "AMD"},           {"athlon-v1", "AMD"},
        {"Dhyana-v2", "Hygon"},         {"SapphireRapids", "Intel"},
        {"SapphireRapids-v3", "Intel"}, {"GraniteRapids-v2", "Intel"},
        {"SierraForest", "Intel"},      {"ClearwaterForest", "Intel"},
        {"DiamondRapids", "Intel"},     {"Denverton-v3", "Intel"},
        {"KnightsMill", "Intel"},       {"Snowridge-v4", "Intel"},
        {"Cooperlake-v2", "Intel"},     {"Icelake-Server-v7", "Intel"},
        {"Cascadelake-Server-v5", "Intel"}, {"Skylake-Client-v4", "Intel"},
        {"Haswell-noTSX-IBRS", "Intel"}, {"core2duo-v1", "Intel"},
        {"coreduo-v1", "Intel"},        {"n270-v1", "Intel"},
        {"YongFeng", NULL},             {"qemu64", NULL},
        {"qemu64-v1", NULL},            {"kvm64-v1", NULL},
        {"pentium3", NULL},             {"486", NULL},
        {"", NULL},                     {"epyc", NULL},
        {"MyEPYC", NULL},
    };

    g_test_summary("the names of newer QEMU and libvirt keep to the families");
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_model(rows[i].model, rows[i].vendor);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/platform/a host is known by its vendor", test_hosts);
    g_test_add_func("/platform/this host is read below the root", test_this_host);
    g_test_add_func("/platform/each name is found again", test_names);
    g_test_add_func("/platform/TCG has SVM", test_tcg);
    g_test_add_func("/platform/libvirt's CPU map agrees", test_cpu_map);
    g_test_add_func("/platform/newer models keep to the families", test_newer_models);
    return g_test_run();
}
