/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The KVM module's parameters: what each value means for nested guests, and all of them as a text to load with. */
#include "check.h"
#include "host/kvm_parameters.h"

static void
put_parameter(const char *module, const char *name, const char *value)
{
    g_autofree gchar *path = g_strdup_printf("sys/module/%s/parameters/%s", module, name);

    check_root_write(path, value);
}

/* "NAME=VALUE NAME=VALUE ..." as the kernel would show them. */
static void
put_parameters(const char *module, const char *list)
{
    g_auto(GStrv) pairs = g_strsplit(list, " ", -1);

    for (gsize i = 0; pairs[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(pairs[i], "=", 2);
        g_autofree gchar *text = g_strconcat(pair[1], "\n", NULL);

        put_parameter(module, pair[0], text);
    }
}

static const struct {
    const char *vendor, *name, *value;
    gboolean slow;
    const char *says;
} values[] = {
    {"intel", "ept", "Y", FALSE, "mapped by the CPU"},
    {"intel", "ept", "N", TRUE, "shadow|very slow"},
    {"intel", "unrestricted_guest", "Y", FALSE, "real mode|on the CPU"},
    {"intel", "unrestricted_guest", "N", TRUE, "real mode|emulated"},
    {"intel", "enable_shadow_vmcs", "Y", FALSE, "VMREAD and VMWRITE|no exit"},
    {"intel", "enable_shadow_vmcs", "N", TRUE, "each VMREAD and VMWRITE|exits"},
    {"intel", "vpid", "Y", FALSE, "TLB is kept"},
    {"intel", "vpid", "N", TRUE, "TLB is flushed"},
    {"intel", "enable_apicv", "Y", FALSE, "without an exit"},
    {"intel", "enable_apicv", "N", FALSE, "cost exits"},
    {"amd", "npt", "Y", FALSE, "mapped by the CPU"},
    {"amd", "npt", "1", FALSE, "mapped by the CPU"},
    {"amd", "npt", "N", TRUE, "shadow|very slow"},
    {"amd", "npt", "0", TRUE, "shadow|very slow"},
    {"amd", "vgif", "1", FALSE, "STGI and CLGI|no exit"},
    {"amd", "vgif", "0", TRUE, "each STGI and CLGI|exits"},
    {"amd", "vls", "1", FALSE, "VMLOAD and VMSAVE|no exit"},
    {"amd", "vls", "0", TRUE, "each VMLOAD and VMSAVE|exits"},
    {"amd", "avic", "Y", FALSE, "may spare exits|never while a nested guest runs"},
    {"amd", "avic", "-1", FALSE, "may spare exits|never while a nested guest runs"},
    {"amd", "avic", "N", FALSE, "cost exits"},
    {"hygon", "npt", "N", TRUE, "shadow|very slow"},
    {"hygon", "vgif", "0", TRUE, "each STGI and CLGI|exits"},
};

static void
test_value(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    const NestCpuVendor *vendor = nest_cpu_vendor_by_name(values[i].vendor);
    g_autofree gchar *text = g_strconcat(values[i].value, "\n", NULL);
    g_autoptr(GPtrArray) parameters = NULL;
    const NestKvmParameter *parameter = NULL;
    gchar *root = check_root_new();

    put_parameter(vendor->module, values[i].name, text);
    parameters = nest_kvm_parameters_read(vendor);
    g_assert_cmpuint(parameters->len, ==, 1);
    parameter = g_ptr_array_index(parameters, 0);
    g_assert_cmpstr(parameter->name, ==, values[i].name);
    g_assert_cmpstr(parameter->value, ==, values[i].value);
    g_assert_cmpint(parameter->slow, ==, values[i].slow);
    g_assert_cmpuint(strlen(parameter->meaning), <=, 60);
    check_says(parameter->meaning, values[i].says);
    check_root_free(root);
}

/* Those under Bochs and under TCG, with others around them. */
#define OF_INTEL                                                                                                     \
    "nested=N vpid=Y unrestricted_guest=Y ept=Y enable_shadow_vmcs=Y enable_apicv=N pml=Y vmentry_l1d_flush=auto " \
    "ple_window_max=4294967295"
#define OF_AMD "nested=1 vls=1 vgif=1 npt=Y avic=N sev=N nrips=1 pause_filter_count=3000"

static const struct {
    const char *sentence, *vendor, *module, *list;
    const char *names; /* of the table, in order */
    const char *text;
} modules[] = {
    {"kvm_intel", "intel", "kvm_intel", OF_INTEL, "ept unrestricted_guest enable_shadow_vmcs vpid enable_apicv",
     "enable_apicv=N enable_shadow_vmcs=Y ept=Y ple_window_max=4294967295 pml=Y unrestricted_guest=Y "
     "vmentry_l1d_flush=auto vpid=Y"},
    {"kvm_amd", "amd", "kvm_amd", OF_AMD, "npt vgif vls avic",
     "avic=N npt=Y nrips=1 pause_filter_count=3000 sev=N vgif=1 vls=1"},
    {"kvm_amd on Hygon", "hygon", "kvm_amd", OF_AMD, "npt vgif vls avic",
     "avic=N npt=Y nrips=1 pause_filter_count=3000 sev=N vgif=1 vls=1"},
    {"a kernel with few parameters", "amd", "kvm_amd", "nested=0 npt=0", "npt", "npt=0"},
    {"no parameter but nested", "amd", "kvm_amd", "nested=0", "", ""},
    {"a name that begins as another", "intel", "kvm_intel", "ple_window_grow=2 ple_window=4096 ple_window1=1", "",
     "ple_window=4096 ple_window1=1 ple_window_grow=2"},
    {"only the other vendor's module", "intel", "kvm_amd", OF_AMD, "", ""},
};

static void
test_module(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    const NestCpuVendor *vendor = nest_cpu_vendor_by_name(modules[i].vendor);
    g_autoptr(GPtrArray) parameters = NULL;
    g_autoptr(GString) names = g_string_new(NULL);
    g_autofree gchar *text = NULL;
    gchar *root = check_root_new();

    put_parameters(modules[i].module, modules[i].list);
    parameters = nest_kvm_parameters_read(vendor);
    for (guint n = 0; n < parameters->len; n++) {
        const NestKvmParameter *parameter = g_ptr_array_index(parameters, n);

        g_string_append_printf(names, "%s%s", n ? " " : "", parameter->name);
    }
    text = nest_kvm_parameters_text(vendor);
    g_assert_cmpstr(names->str, ==, modules[i].names);
    g_assert_cmpstr(text, ==, modules[i].text);
    check_root_free(root);
}

/* What of one parameter comes into the text beside ept=Y. */
static const struct {
    const char *sentence, *value;
    const char *text;
} words[] = {
    {"a plain word", "cond\n", "ept=Y odd=cond"},
    {"no newline after it", "7", "ept=Y odd=7"},
    {"all that a plain word may hold", "aZ09_.:-\n", "ept=Y odd=aZ09_.:-"},
    {"a negative number", "-1\n", "ept=Y odd=-1"},
    {"two words", "not required\n", "ept=Y"},
    {"an empty value", "\n", "ept=Y"},
    {"nothing at all", "", "ept=Y"},
    {"a pointer that is not set", "(null)\n", "ept=Y"},
    {"two lines", "1\nnested=1\n", "ept=Y"},
    {"a quote", "\"a\"\n", "ept=Y"},
    {"no UTF-8", "\xff\n", "ept=Y"},
};

static void
test_word(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *text = NULL;
    gchar *root = check_root_new();

    put_parameter("kvm_intel", "odd", words[i].value);
    put_parameter("kvm_intel", "ept", "Y\n");
    put_parameter("kvm_intel", "nested", "N\n");
    text = nest_kvm_parameters_text(nest_cpu_vendor_by_name("intel"));
    g_assert_cmpstr(text, ==, words[i].text);
    check_root_free(root);
}

static void
test_unreadable(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *path = g_build_filename(root, "sys/module/kvm_amd/parameters/npt", NULL);
    g_autofree gchar *text = NULL;
    g_autoptr(GPtrArray) parameters = NULL;

    g_test_summary("a parameter that cannot be read is as one that is not there");
    put_parameter("kvm_amd", "avic", "N\n");
    g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
    parameters = nest_kvm_parameters_read(nest_cpu_vendor_by_name("amd"));
    text = nest_kvm_parameters_text(nest_cpu_vendor_by_name("amd"));
    g_assert_cmpuint(parameters->len, ==, 1);
    g_assert_cmpstr(text, ==, "avic=N");
    check_root_free(root);
}

static void
test_not_loaded(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *text = nest_kvm_parameters_text(nest_cpu_vendor_by_name("amd"));
    g_autoptr(GPtrArray) parameters = nest_kvm_parameters_read(nest_cpu_vendor_by_name("amd"));

    g_assert_cmpstr(text, ==, "");
    g_assert_cmpuint(parameters->len, ==, 0);
    check_root_free(root);
}

/* What the module has now: avic=N, npt=Y. */
static const struct {
    const char *sentence, *before, *lost;
} losses[] = {
    {"as before", "avic=N npt=Y", ""},
    {"one is another", "avic=1 npt=Y", "avic=1"},
    {"both are", "avic=1 npt=0", "avic=1 npt=0"},
    {"one that this kernel has no more", "gone=1 npt=0", "npt=0"},
    {"nothing is known of before", "", ""},
    {"what is no parameter", "avic =N =1 npt", ""},
};

static void
test_lost(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();
    g_autofree gchar *lost = NULL;

    put_parameter("kvm_amd", "avic", "N\n");
    put_parameter("kvm_amd", "npt", "Y\n");
    lost = nest_kvm_parameters_lost(nest_cpu_vendor_by_name("amd"), losses[i].before);
    g_assert_cmpstr(lost, ==, losses[i].lost);
    check_root_free(root);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree gchar *sentence = g_strdup_printf("%s %s=%s", values[i].vendor, values[i].name, values[i].value);

        check_add_row("kvm-parameters/value", sentence, GSIZE_TO_POINTER(i), test_value);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(modules); i++)
        check_add_row("kvm-parameters/module", modules[i].sentence, GSIZE_TO_POINTER(i), test_module);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        check_add_row("kvm-parameters/word", words[i].sentence, GSIZE_TO_POINTER(i), test_word);
    for (gsize i = 0; i < G_N_ELEMENTS(losses); i++)
        check_add_row("kvm-parameters/lost", losses[i].sentence, GSIZE_TO_POINTER(i), test_lost);
    g_test_add_func("/kvm-parameters/one that cannot be read", test_unreadable);
    g_test_add_func("/kvm-parameters/a module that is not loaded has none", test_not_loaded);
    return g_test_run();
}
