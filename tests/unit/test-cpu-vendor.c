/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU vendors: those of hosts, and whose CPU each model's name means. */
#include "check.h"
#include "host/cpu_vendor.h"

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
    {"Zhaoxin", "vendor_id\t: CentaurHauls\n", "zhaoxin", "vmx", "kvm_intel"},
    {"Zhaoxin's other name, with its spaces", "processor\t: 0\nvendor_id\t:   Shanghai  \nflags\t\t: fpu vmx\n", "zhaoxin",
     "vmx", "kvm_intel"},
    {"a vendor of which Zhaoxin's is the first word", "vendor_id\t: Shanghai CPU\n", NULL, NULL, NULL},
    {"another vendor", "vendor_id\t: VIA VIA VIA \n", NULL, NULL, NULL},
    {"a vendor that only begins like one", "vendor_id\t: AuthenticAMDx\n", NULL, NULL, NULL},
    {"no line", "processor\t: 0\n", NULL, NULL, NULL},
    {"an empty line", "vendor_id\t: \nmodel\t: 1\n", NULL, NULL, NULL},
    {"a vendor in another line", "model name\t: vendor_id : GenuineIntel\n", NULL, NULL, NULL},
    {"IBM Z", "vendor_id       : IBM/S390\n# processors    : 2\nfeatures\t: esan3 sie\n", "ibm", "sief2", "kvm"},
    {"an Arm host, whoever made its CPU", "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0xc0\n", "arm", "EL2",
     "kvm"},
    {"an implementer in another line", "model name\t: CPU implementer : 0x41\n", NULL, NULL, NULL},
    {"nothing", "", NULL, NULL, NULL},
};

static void
test_hosts(void)
{
    g_test_summary("the vendor_id of /proc/cpuinfo names the vendor, or none");
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        const NestCpuVendor *vendor = nest_cpu_vendor_of_cpuinfo(hosts[i].cpuinfo);

        g_test_message("%s", hosts[i].sentence);
        g_assert_cmpstr(vendor ? vendor->name : NULL, ==, hosts[i].name);
        g_assert_cmpstr(vendor ? vendor->feature : NULL, ==, hosts[i].feature);
        g_assert_cmpstr(vendor ? vendor->module : NULL, ==, hosts[i].module);
    }
}

static void
test_this_host(void)
{
    gchar *root = check_root_new();
    g_autoptr(GError) unknown = NULL;
    g_autoptr(GError) missing = NULL;

    g_test_summary("the host's vendor is read below the root; without one the error says so");
    g_assert_null(nest_cpu_vendor_of_host(&missing));
    g_assert_error(missing, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    check_root_write("proc/cpuinfo", hosts[2].cpuinfo);
    g_assert_true(nest_cpu_vendor_of_host(NULL) == nest_cpu_vendor_by_name("hygon"));
    check_root_write("proc/cpuinfo", "vendor_id\t: VIA VIA VIA \n");
    g_assert_null(nest_cpu_vendor_of_host(&unknown));
    g_assert_error(unknown, NEST_ERROR, NEST_ERROR_HOST_VENDOR);
    check_says(unknown->message, "vendor|Intel, AMD, Hygon, Zhaoxin, IBM and Arm");
    check_root_free(root);
}

static void
test_names(void)
{
    g_autofree gchar *names = nest_cpu_vendor_names();
    g_auto(GStrv) list = g_strsplit(names, ", ", -1);
    g_autofree const char **archs = nest_cpu_vendor_archs();
    g_autofree gchar *joined = g_strjoinv(", ", (gchar **)archs);

    g_test_summary("each name of the list is found again, nothing else is");
    g_assert_cmpstr(names, ==, "intel, amd, hygon, zhaoxin, ibm, arm");
    for (gsize i = 0; list[i]; i++)
        g_assert_cmpstr(nest_cpu_vendor_by_name(list[i])->name, ==, list[i]);
    g_free(names);
    names = nest_cpu_vendor_titles();
    g_assert_cmpstr(names, ==, "Intel, AMD, Hygon, Zhaoxin, IBM and Arm");
    g_assert_null(nest_cpu_vendor_by_name("Intel"));
    g_assert_null(nest_cpu_vendor_by_name(""));
    g_assert_cmpstr(joined, ==, "x86_64, s390x, aarch64");
}

static void
test_tcg(void)
{
    g_test_summary("TCG emulates SVM, and Arm's EL2, and of s390x nothing that nests");
    g_assert_cmpstr(nest_cpu_vendor_of_tcg()->feature, ==, "svm");
    g_assert_cmpstr(nest_cpu_vendor_of_tcg()->title, ==, "AMD");
    g_assert_true(nest_cpu_vendor_of_tcg_arch("x86_64") == nest_cpu_vendor_of_tcg());
    g_assert_cmpstr(nest_cpu_vendor_of_tcg_arch("aarch64")->feature, ==, "EL2");
    g_assert_null(nest_cpu_vendor_of_tcg_arch("s390x"));
    g_assert_null(nest_cpu_vendor_of_tcg_arch("riscv64"));
}

/* Where a vendor has two names libvirt's has both words: "Zhaoxin CentaurHauls". */
static gboolean
is_named(const NestCpuVendor *vendor, const char *name)
{
    g_auto(GStrv) words = name ? g_strsplit(name, " ", 2) : NULL;

    return g_strcmp0(vendor ? vendor->title : NULL, words ? words[0] : NULL) == 0;
}

static void
check_model(const char *model, const char *name)
{
    const NestCpuVendor *vendor = nest_cpu_vendor_of_model(model);

    if (!is_named(vendor, name))
        g_error("model %s is of %s, not of %s", model, name ? name : "nobody",
                vendor ? vendor->title : "nobody");
}

/* A model of libvirt's CPU map: its vendor, or the model whose vendor it has. */
typedef struct {
    gchar *vendor, *base; /* each may be NULL */
} MapModel;

static void
map_model_free(gpointer data)
{
    MapModel *model = data;

    g_free(model->vendor);
    g_free(model->base);
    g_free(model);
}

/* (transfer full)(nullable) */
static gchar *
first_match(const char *pattern, const char *text)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    return g_regex_match(regex, text, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* Of a file that defines none, as that of the vendors, nothing. */
static void
read_map_file(GHashTable *models, const char *directory, const char *name)
{
    g_autofree gchar *path = g_build_filename(directory, name, NULL);
    g_autofree gchar *text = NULL;
    gchar *model_name = NULL;
    MapModel *model = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    model_name = first_match("<model name='([^']*)'>", text);
    if (!model_name)
        return;
    model = g_new0(MapModel, 1);
    model->vendor = first_match("<vendor name='([^']*)'", text);
    model->base = first_match("<model name='([^']*)'/>", text);
    g_hash_table_insert(models, model_name, model);
}

/* (nullable) As libvirt has it: a model without a vendor has that of its base (src/cpu/cpu_x86.c). */
static const char *
vendor_in_map(GHashTable *models, const char *name)
{
    const MapModel *model = g_hash_table_lookup(models, name);

    for (int bases = 0; model && !model->vendor && model->base; bases++) {
        g_assert_cmpint(bases, <, 9);
        g_assert_true(g_hash_table_contains(models, model->base));
        model = g_hash_table_lookup(models, model->base);
    }
    g_assert_nonnull(model);
    return model->vendor;
}

/* Every x86 model of a map; returns how many have their vendor from another one. */
static guint
check_map(const char *path, guint least)
{
    g_autoptr(GHashTable) models = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, map_model_free);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    GHashTableIter iter;
    gpointer key = NULL, value = NULL;
    const char *name = NULL;
    guint based = 0;

    while ((name = g_dir_read_name(directory)))
        if (g_str_has_prefix(name, "x86_"))
            read_map_file(models, path, name);
    g_hash_table_iter_init(&iter, models);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const MapModel *model = value;

        check_model(key, vendor_in_map(models, key));
        based += !model->vendor && model->base;
    }
    g_test_message("%s: %u models, %u with the vendor of their base", path, g_hash_table_size(models), based);
    g_assert_cmpuint(g_hash_table_size(models), >=, least);
    return based;
}

static void
test_cpu_map(void)
{
    g_test_summary("libvirt's own map of models, as installed, agrees about the vendor of every x86 model");
    if (!g_file_test(CPU_MAP, G_FILE_TEST_IS_DIR)) {
        g_test_skip("libvirt's " CPU_MAP " is not installed");
        return;
    }
    (void)check_map(CPU_MAP, 40);
}

static void
test_newer_cpu_map(void)
{
    g_autofree gchar *path = check_source_path("tests/unit/cpu_map");

    g_test_summary("a map in the newest form, in which versioned models have the vendor of their base, agrees too");
    g_assert_cmpuint(check_map(path, 11), ==, 6);
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
        {"YongFeng", "Zhaoxin"},        {"YongFeng-v3", "Zhaoxin"},
        {"qemu32", NULL},               {"qemu64", NULL},
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
    g_test_add_func("/vendor/a host is known by its vendor", test_hosts);
    g_test_add_func("/vendor/this host is read below the root", test_this_host);
    g_test_add_func("/vendor/each name is found again", test_names);
    g_test_add_func("/vendor/TCG has SVM", test_tcg);
    g_test_add_func("/vendor/libvirt's CPU map agrees", test_cpu_map);
    g_test_add_func("/vendor/a map of the newest form agrees", test_newer_cpu_map);
    g_test_add_func("/vendor/newer models keep to the families", test_newer_models);
    return g_test_run();
}
