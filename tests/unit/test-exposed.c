/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domains that gain the feature: each kind of definition from an /etc/libvirt/qemu laid out in a directory. */
#include "check.h"
#include "domain/exposed.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "etc/libvirt/qemu/"

/* As libvirt's files begin. */
#define WARNING                                                                                    \
    "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\n"              \
    "OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:\n"              \
    "  virsh edit web1\nor other application using the libvirt API.\n-->\n\n"
#define DOMAIN(type, name, metadata, cpu)                                                          \
    WARNING "<domain type='" type "'>\n  <name>" name "</name>\n  <metadata>" metadata             \
            "</metadata>\n  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n  " cpu "\n"        \
            "  <devices/>\n</domain>\n"
#define KVM(cpu) DOMAIN("kvm", "web1", "", cpu)
#define TAGGED(tag) DOMAIN("kvm", "web1", tag, PASSTHROUGH)
#define PASSTHROUGH "<cpu mode='host-passthrough' check='none' migratable='on'/>"
#define PASSTHROUGH_WITH(features) "<cpu mode='host-passthrough'>" features "</cpu>"

static const struct {
    const char *sentence, *vendor, *text;
    gboolean gains;
} definitions[] = {
    {"host-passthrough", "intel", KVM(PASSTHROUGH), TRUE},
    {"host-model", "intel", KVM("<cpu mode='host-model' check='partial'/>"), TRUE},
    {"maximum", "intel", KVM("<cpu mode='maximum' check='none'/>"), TRUE},
    {"double quotes", "amd", KVM("<cpu mode=\"host-model\"/>"), TRUE},
    {"no <cpu>", "intel", KVM(""), FALSE},
    {"a named model", "intel", KVM("<cpu mode='custom'><model>Haswell</model></cpu>"), FALSE},
    {"a named model that requires the feature", "intel",
     KVM("<cpu mode='custom'><model>Haswell</model><feature policy='require' name='vmx'/></cpu>"), FALSE},
    {"a <cpu> without a mode", "intel", KVM("<cpu match='exact'><model>Haswell</model></cpu>"), FALSE},
    {"the mode only in a comment", "intel", KVM("<!-- <cpu mode='host-passthrough'/> --><cpu mode='custom'/>"), FALSE},
    {"the mode only in the name", "intel", DOMAIN("kvm", "host-model", "", "<cpu mode='custom'/>"), FALSE},
    {"the feature disabled", "intel", KVM(PASSTHROUGH_WITH("<feature policy='disable' name='vmx'/>")), FALSE},
    {"the feature forbidden", "amd", KVM(PASSTHROUGH_WITH("<feature policy='forbid' name='svm'/>")), FALSE},
    {"the feature disabled after others", "intel",
     KVM("<cpu mode='host-model'><topology sockets='1'/><feature policy='require' name='pcid'/>"
         "<feature policy='disable' name='vmx'/></cpu>"), FALSE},
    {"the other vendor's feature disabled", "amd", KVM(PASSTHROUGH_WITH("<feature policy='disable' name='vmx'/>")),
     TRUE},
    {"another feature disabled", "intel", KVM(PASSTHROUGH_WITH("<feature policy='disable' name='vmx-ept'/>")), TRUE},
    {"the feature optional", "intel", KVM(PASSTHROUGH_WITH("<feature policy='optional' name='vmx'/>")), TRUE},
    {"the feature named without a policy", "intel", KVM(PASSTHROUGH_WITH("<feature name='vmx'/>")), TRUE},
    {"disabled in an element of others", "intel",
     KVM(PASSTHROUGH_WITH("<x:feature xmlns:x='urn:x' policy='disable' name='vmx'/>")), TRUE},
    {"TCG", "intel", DOMAIN("qemu", "web1", "", "<cpu mode='maximum'/>"), FALSE},
    {"Xen", "intel", DOMAIN("xen", "web1", "", PASSTHROUGH), FALSE},
    {"tagged", "intel", TAGGED("<nest:enable xmlns:nest='urn:virt-nest:1'/>"), FALSE},
    {"tagged, required='no'", "intel", TAGGED("<nest:enable xmlns:nest='urn:virt-nest:1' required='no'/>"), FALSE},
    {"a mistaken tag, with which it does not start", "intel", TAGGED("<nest:enable xmlns:nest='urn:virt-nest:2'/>"),
     FALSE},
    {"other people's metadata", "intel", TAGGED("<x:enable xmlns:x='urn:x'/>"), TRUE},
    {"not well-formed", "intel", "<domain type='kvm'><name>web1</name><cpu mode='host-model'></domain>", FALSE},
    {"a document type declaration", "intel",
     "<!DOCTYPE domain><domain type='kvm'><name>web1</name><cpu mode='host-model'/></domain>", FALSE},
    {"without a name", "intel", "<domain type='kvm'><cpu mode='host-model'/></domain>", FALSE},
    {"no domain", "intel", "<network><name>host-model</name></network>", FALSE},
    {"an empty file", "intel", "", FALSE},
};

static void
check_names(const char *vendor, const char *names)
{
    g_autoptr(GPtrArray) exposed = nest_exposed_read(nest_cpu_vendor_by_name(vendor));
    g_autoptr(GString) found = g_string_new(NULL);

    for (guint i = 0; i < exposed->len; i++)
        g_string_append_printf(found, "[%s]", (const char *)g_ptr_array_index(exposed, i));
    g_assert_cmpstr(found->str, ==, names);
}

static void
test_definition(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    gchar *root = check_root_new();

    check_root_write(DIRECTORY "web1.xml", definitions[i].text);
    check_names(definitions[i].vendor, definitions[i].gains ? "[web1]" : "");
    check_root_free(root);
}

#define NAMED(name) DOMAIN("kvm", name, "", PASSTHROUGH)

static void
test_directory(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *broken = g_build_filename(root, DIRECTORY "gone.xml", NULL);
    g_autofree gchar *directory = g_build_filename(root, DIRECTORY "directory.xml", NULL);
    g_autofree gchar *pipe = g_build_filename(root, DIRECTORY "pipe.xml", NULL);

    g_test_summary("only the definitions themselves are read; what cannot be read is skipped");
    check_root_write(DIRECTORY "web2.xml", NAMED("web2"));
    check_root_write(DIRECTORY "web10.xml", NAMED("web10"));
    check_root_write(DIRECTORY "file name.xml", NAMED("a, b\nc &amp; \xc3\xa9"));
    check_root_write(DIRECTORY "web3.xml.new", NAMED("web3"));
    check_root_write(DIRECTORY "networks/default.xml", NAMED("web4"));
    check_root_write(DIRECTORY "autostart/web5.xml", NAMED("web5"));
    check_root_write(DIRECTORY "broken.xml", "<domain type='kvm'><cpu mode='host-model'");
    check_root_write(DIRECTORY "latin1.xml", NAMED("\xe9"));
    g_assert_cmpint(symlink("nowhere", broken), ==, 0);
    g_assert_cmpint(g_mkdir(directory, 0755), ==, 0);
    g_assert_cmpint(mkfifo(pipe, 0644), ==, 0);
    check_names("intel", "[a, b\nc & \xc3\xa9][web10][web2]");
    check_root_free(root);
}

/* In bytes. */
static gint64
most_memory(void)
{
    struct rusage usage;

    g_assert_cmpint(getrusage(RUSAGE_SELF, &usage), ==, 0);
    return (gint64)usage.ru_maxrss * 1024;
}

static void
test_size(void)
{
    gchar *root = check_root_new();
    g_autofree gchar *sparse = g_build_filename(root, DIRECTORY "sparse.xml", NULL);
    g_autoptr(GString) text = g_string_new(NAMED("large"));
    gint64 memory = 0;

    g_test_summary("a definition as long as libvirt takes is read; of a longer file nothing is");
    while (text->len < 4 * 1024 * 1024)
        g_string_append_c(text, '\n');
    check_root_write(DIRECTORY "large.xml", text->str);
    check_names("intel", "[large]");
    check_root_write(DIRECTORY "sparse.xml", NAMED("sparse"));
    g_assert_cmpint(truncate(sparse, 256 * 1024 * 1024), ==, 0);
    memory = most_memory();
    check_names("intel", "[large]");
    g_assert_cmpint(most_memory() - memory, <, 128 * 1024 * 1024);
    check_root_free(root);
}

static void
test_no_directory(void)
{
    gchar *root = check_root_new();

    check_names("intel", "");
    check_root_free(root);
}

static const struct {
    const char *sentence;
    const char *names; /* separated by '|' */
    const char *words;
} lists[] = {
    {"one", "web1", "web1"},
    {"two", "web1|web2", "web1, web2"},
    {"as many as are shown", "a|b|c|d|e", "a, b, c, d, e"},
    {"one more", "a|b|c|d|e|f", "a, b, c, d, e and 1 more"},
    {"many more", "a|b|c|d|e|f|g|h|i|j|k|l", "a, b, c, d, e and 7 more"},
    {"raw, to be made harmless later", "a, b\n\xff", "a, b\n\xff"},
    {"none", "", NULL},
};

static void
test_wrap(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_auto(GStrv) list = g_strsplit(lists[i].names, "|", -1);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree gchar *words = NULL;

    for (gsize n = 0; list[n]; n++)
        g_ptr_array_add(names, list[n]);
    words = nest_exposed_text(names);
    g_assert_cmpstr(words, ==, lists[i].words);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(definitions); i++)
        check_add_row("exposed/definition", definitions[i].sentence, GSIZE_TO_POINTER(i), test_definition);
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
        check_add_row("exposed/words", lists[i].sentence, GSIZE_TO_POINTER(i), test_wrap);
    g_test_add_func("/exposed/only the definitions of the directory itself are read", test_directory);
    g_test_add_func("/exposed/a file that is too long is skipped", test_size);
    g_test_add_func("/exposed/no directory at all", test_no_directory);
    return g_test_run();
}
