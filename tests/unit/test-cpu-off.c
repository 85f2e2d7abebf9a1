/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Off: each <cpu> gets both features disabled, is given back byte by byte, and is judged by what the guest would see. */
#include "check.h"
#include "domain/cpu_off.h"
#include "domain/definition.h"

#include <unistd.h>

#define DISABLED(name) "<feature policy='disable' name='" name "'/>"
#define NAMED(model, features) "<cpu mode='custom' match='exact' check='none'><model>" model "</model>" features "</cpu>"
#define ARGUMENT(what, value)                                                                                         \
    "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'><arg value='" what "'/><arg value='" value       \
    "'/></commandline>"

/* A domain's type, <cpu> and whatever stands beside it, and which feature a guest sees on an Intel and on an AMD host. */
static const struct {
    const char *sentence, *type, *cpu, *on_intel, *on_amd;
    gboolean stays; /* it is off as it stands */
} cpus[] = {
    {"no <cpu>, KVM", "kvm", "", NULL, NULL, FALSE},
    {"no <cpu>, emulated", "qemu", "", "svm", "svm", FALSE},
    {"a <cpu> without a model", "kvm", "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", NULL, NULL, FALSE},
    {"host-passthrough", "kvm", "<cpu mode='host-passthrough'/>", "vmx", "svm", FALSE},
    {"host-passthrough, the host's feature off", "kvm", "<cpu mode='host-passthrough'>" DISABLED("svm") "</cpu>", "vmx",
     NULL, FALSE},
    {"maximum", "kvm", "<cpu mode='maximum'/>", "vmx", "svm", FALSE},
    {"maximum, emulated", "qemu", "<cpu mode='maximum'/>", "svm", "svm", FALSE},
    {"host-model", "kvm", "<cpu mode='host-model'/>", "vmx", "svm", FALSE},
    {"host-model, emulated", "qemu", "<cpu mode='host-model'/>", "svm", "svm", FALSE},
    {"a named model", "kvm", NAMED("Haswell", ""), NULL, NULL, FALSE},
    {"a named model with the feature", "kvm", NAMED("Haswell", "<feature name='vmx'/>"), "vmx", NULL, FALSE},
    {"a feature that is forced", "kvm", NAMED("EPYC", "<feature policy='force' name='svm'/>"), NULL, "svm", FALSE},
    {"a feature that is optional in a whole CPU", "kvm",
     "<cpu mode='host-passthrough'><feature policy='optional' name='vmx'/></cpu>", "vmx", "svm", FALSE},
    {"a model that has svm by itself, emulated", "qemu", NAMED("EPYC", ""), "svm", "svm", FALSE},
    {"KVM leaves a model's own svm out", "kvm", NAMED("EPYC", ""), NULL, NULL, FALSE},
    {"a model that has vmx by itself", "kvm", NAMED("YongFeng", ""), "vmx", NULL, FALSE},
    {"qemu64, emulated", "qemu", NAMED("qemu64", ""), "svm", "svm", FALSE},
    {"kvm64, emulated", "qemu", NAMED("kvm64", ""), NULL, NULL, FALSE},
    {"off already", "kvm", "<cpu mode='host-passthrough'>" DISABLED("vmx") DISABLED("svm") "</cpu>", NULL, NULL, TRUE},
    {"forbidden already", "kvm",
     NAMED("EPYC", "<feature policy='forbid' name='svm'/><feature policy='forbid' name='vmx'/>"), NULL, NULL, TRUE},
    {"twice, and once off", "kvm", NAMED("EPYC", "<feature name='svm'/>" DISABLED("svm") DISABLED("vmx")), NULL, "svm",
     FALSE},
    {"parts of the features", "kvm",
     NAMED("Haswell", "<feature name='vmx'/><feature name='vmx-ept'/><feature name='npt'/>" DISABLED("vmx-apicv-xapic")),
     "vmx", NULL, FALSE},
    {"a -global that turns it on", "kvm", NAMED("Haswell", "") ARGUMENT("-global", "Haswell-x86_64-cpu.vmx=on"), "vmx",
     NULL, FALSE},
    {"a -global that turns it off", "kvm", "<cpu mode='host-passthrough'/>" ARGUMENT("-global", "cpu.svm=off"), "vmx", NULL,
     FALSE},
};

static gchar *
text_of(const char *type, const char *metadata, const char *cpu)
{
    return g_strdup_printf("<domain type='%s'>\n  <name>a</name>\n%s  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n"
                           "  %s\n  <devices>\n  </devices>\n</domain>\n", type, metadata, cpu);
}

static const char *
shown(const char *text, const char *host)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);

    return nest_cpu_off_shows(xml, nest_cpu_vendor_by_name(host));
}

static void
test_shows(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *text = text_of(cpus[i].type, "", cpus[i].cpu);

    g_assert_cmpstr(shown(text, "intel"), ==, cpus[i].on_intel);
    g_assert_cmpstr(shown(text, "amd"), ==, cpus[i].on_amd);
}

static gchar *
correct(const char *text, NestUntagged untagged, NestDefinitionAction action)
{
    NestConfig config = NEST_CONFIG_DEFAULT;
    g_autoptr(NestPolicy) policy = NULL;
    g_autoptr(NestDefinition) definition = NULL;
    g_autoptr(GError) error = NULL;

    config.untagged = untagged;
    policy = nest_policy_new(&config);
    definition = nest_definition_correct(text, NULL, policy, FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpint(definition->action, ==, action);
    g_assert_false(definition->needs_kvm);
    return g_strdup(definition->xml ? definition->xml : text);
}

/* Both features are withheld, once each, and what is left of them is nothing that is required. */
static void
assert_is_off(const char *text)
{
    g_autoptr(NestDomainXml) xml = check_parse(text);
    xmlNode *cpu = nest_domain_xml_cpu(xml);
    guint withheld = 0;

    g_assert_nonnull(cpu);
    NEST_XML_FOREACH (cpu, child) {
        g_autofree gchar *name = nest_xml_attribute(child, "name");

        if (!nest_xml_is(child, "feature"))
            continue;
        withheld += (g_str_equal(name, "vmx") || g_str_equal(name, "svm")) && nest_cpu_withholds(child);
        g_assert_false(nest_cpu_grants(child) &&
                       (g_str_has_prefix(name, "vmx") || g_str_equal(name, "svm") || g_str_equal(name, "npt")));
    }
    g_assert_cmpint(withheld, ==, 2);
    g_assert_null(nest_cpu_off_shows(xml, nest_cpu_vendor_by_name("intel")));
    g_assert_null(nest_cpu_off_shows(xml, nest_cpu_vendor_by_name("amd")));
}

static void
test_policy(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *before = text_of(cpus[i].type, "  <metadata>\n    <x:y xmlns:x='urn:x'/>\n  </metadata>\n", cpus[i].cpu);
    g_autofree gchar *off = correct(before, NEST_UNTAGGED_DISABLE,
                                    cpus[i].stays ? NEST_DEFINITION_UNCHANGED : NEST_DEFINITION_CORRECTED);
    g_autofree gchar *again = correct(off, NEST_UNTAGGED_DISABLE, NEST_DEFINITION_UNCHANGED);
    g_autofree gchar *back = correct(off, NEST_UNTAGGED_LEAVE,
                                     cpus[i].stays ? NEST_DEFINITION_UNCHANGED : NEST_DEFINITION_RESTORED);

    assert_is_off(off);
    g_assert_cmpstr(again, ==, off);
    if (g_str_has_prefix(cpus[i].cpu, "<cpu")) /* else an empty line more remains, which libvirt does not keep */
        g_assert_cmpstr(back, ==, before);
}

/* A definition without metadata gets them for the record. */
static void
test_no_metadata(void)
{
    g_autofree gchar *before = text_of("kvm", "", "<cpu mode='host-model'/>");
    g_autofree gchar *empty = text_of("kvm", "  <metadata/>\n", "<cpu mode='host-model'/>");
    g_autofree gchar *off = correct(before, NEST_UNTAGGED_DISABLE, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *off_too = correct(empty, NEST_UNTAGGED_DISABLE, NEST_DEFINITION_CORRECTED);
    g_autofree gchar *back = correct(off, NEST_UNTAGGED_LEAVE, NEST_DEFINITION_RESTORED);

    g_assert_nonnull(strstr(off, "<metadata><neststate:domain"));
    g_assert_nonnull(strstr(off_too, "<metadata><neststate:domain"));
    g_assert_nonnull(strstr(back, "<cpu mode='host-model'/>"));
    g_assert_null(strstr(back, "neststate"));
}

/* From one wish to the other it is the CPU of the beginning that is rewritten, and it comes back. */
static void
test_changed_wish(void)
{
#define META(tag) "  <metadata>\n    <x:y xmlns:x='urn:x'/>" tag "\n  </metadata>\n"
#define ENABLE "<nest:enable xmlns:nest='urn:virt-nest:1'/>"
#define DISABLE "<nest:disable xmlns:nest='urn:virt-nest:1'/>"
    g_autofree gchar *before = text_of("qemu", META(DISABLE), NAMED("Haswell", ""));
    g_autofree gchar *off = correct(before, NEST_UNTAGGED_LEAVE, NEST_DEFINITION_CORRECTED);
    g_auto(GStrv) parts = g_strsplit(off, DISABLE, 2);
    g_autofree gchar *asked = g_strjoinv(ENABLE, parts);
    g_autofree gchar *on = correct(asked, NEST_UNTAGGED_DISABLE, NEST_DEFINITION_CORRECTED);
    g_auto(GStrv) others = g_strsplit(on, ENABLE, 2);
    g_autofree gchar *untagged = g_strjoinv("", others);
    g_autofree gchar *back = correct(untagged, NEST_UNTAGGED_LEAVE, NEST_DEFINITION_RESTORED);
    g_autofree gchar *expected = text_of("qemu", META(""), NAMED("Haswell", ""));

    assert_is_off(off);
    g_assert_nonnull(strstr(on, "mode=\"maximum\""));
    g_assert_cmpstr(back, ==, expected);
}

/* Neither another architecture nor another hypervisor has the features. */
static void
test_others(void)
{
    static const char *const texts[] = {
        "<domain type='xen'><name>a</name><cpu mode='host-passthrough'/></domain>",
        "<domain type='kvm'><name>a</name><os><type arch='aarch64'>hvm</type></os><cpu mode='host-passthrough'/></domain>",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree gchar *same = correct(texts[i], NEST_UNTAGGED_DISABLE, NEST_DEFINITION_UNCHANGED);

        g_assert_cmpstr(same, ==, texts[i]);
        g_assert_null(shown(texts[i], "intel"));
    }
}

/* Settings, and whether the hook's prefilter passes every domain on. */
static const struct {
    const char *sentence, *text;
    gboolean may;
} settings[] = {
    {"no file", NULL, FALSE},
    {"an empty file", "", FALSE},
    {"other settings", "[guard]\ninterval=1\n", FALSE},
    {"leave", "[untagged]\npolicy=leave\n", FALSE},
    {"a comment", "[untagged]\n#policy=disable\n # policy=disable\n", FALSE},
    {"disable", "[untagged]\npolicy=disable\n", TRUE},
    {"spaces", "[untagged]\n\t policy \t= \tdisable \n", TRUE},
    {"no end of line", "[untagged]\npolicy=disable", TRUE},
    {"carriage returns", "[untagged]\r\npolicy=disable\r\n", TRUE},
    {"a later line", "[log]\nlevel=info\n\n[untagged]\npolicy=leave\npolicy=disable\n", TRUE},
};

/* What is surely not there must not be there for the parser either. */
static void
test_peek(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree gchar *path = g_build_filename(g_get_tmp_dir(), "nest-peek-XXXXXX", NULL);
    int fd = g_mkstemp(path);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    if (settings[i].text)
        g_assert_true(g_file_set_contents(path, settings[i].text, -1, NULL));
    else
        unlink(path);
    g_assert_true(nest_config_peek(path) == settings[i].may);
    unlink(path);
}

/* What cannot be looked through may say anything. */
static void
test_peek_long(void)
{
    g_autofree gchar *path = g_build_filename(g_get_tmp_dir(), "nest-peek-XXXXXX", NULL);
    g_autofree gchar *text = g_strnfill((gsize)128 * 1024, '#');

    g_close(g_mkstemp(path), NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_true(nest_config_peek(path));
    g_assert_true(g_file_set_contents(path, "a\0b", 3, NULL));
    g_assert_true(nest_config_peek(path));
    unlink(path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cpus); i++) {
        check_add_row("cpu-off/shows", cpus[i].sentence, GSIZE_TO_POINTER(i), test_shows);
        check_add_row("cpu-off/policy", cpus[i].sentence, GSIZE_TO_POINTER(i), test_policy);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
        check_add_row("cpu-off/peek", settings[i].sentence, GSIZE_TO_POINTER(i), test_peek);
    g_test_add_func("/cpu-off/a definition without metadata", test_no_metadata);
    g_test_add_func("/cpu-off/from off to on and back", test_changed_wish);
    g_test_add_func("/cpu-off/what cannot have the features is left alone", test_others);
    g_test_add_func("/cpu-off/settings that cannot be looked through", test_peek_long);
    return g_test_run();
}
