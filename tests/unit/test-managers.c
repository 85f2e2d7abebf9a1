/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onDefineDomain and vdsm-hook as programs, called as KubeVirt and VDSM call them, with the documents that those pass. */
#include "check.h"
#include "domain/cpu.h"
#include "domain/cpu_rewrite.h"

#include <gio/gio.h>
#include <sys/wait.h>

#define SAME "=" /* the XML comes out as it went in, byte for byte */

/* --- what is run */

/* What a program left. */
typedef struct {
    int status;
    gchar *out; /* the XML: standard output, or VDSM's file */
    gchar *err; /* standard error */
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
    g_free(outcome->out);
    g_free(outcome->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static gchar *
program(const char *name)
{
    const char *build = g_getenv("BUILD");
    g_autofree gchar *path = g_build_filename(build ? build : "build", "libexec", name, NULL);

    return g_canonicalize_filename(path, NULL);
}

/* @host: of tests/fakes/hosts. */
static void
run(const char *host, const char *const *words, gchar **environment, Outcome *outcome)
{
    g_autofree gchar *below = g_build_filename("tests/fakes/hosts", host, NULL);
    g_autofree gchar *root = check_source_path(below);
    g_auto(GStrv) with_host = g_environ_setenv(g_strdupv(environment), "VIRT_NEST_ROOT", root, TRUE);
    g_autoptr(GError) error = NULL;
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, (gchar **)words, with_host, G_SPAWN_DEFAULT, NULL, NULL,
                               &outcome->out, &outcome->err, &status, &error));
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status)); /* not killed by a fault */
    outcome->status = WEXITSTATUS(status);
}

/* A file of tests/corpus as it was before somebody tagged it. */
static gchar *
read_untagged(const char *name)
{
    g_autofree gchar *below = g_strconcat("tests/corpus/", name, ".xml", NULL);
    g_autofree gchar *path = check_source_path(below);
    g_autoptr(GRegex) tag = g_regex_new("<nest:enable[^>]*/>|<nest:enable[^>]*></nest:enable>", 0, 0, NULL);
    g_autofree gchar *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_regex_match(tag, text, 0, NULL));
    return g_regex_replace_literal(tag, text, -1, 0, "", 0, NULL);
}

static void
check_outcome(const Outcome *outcome, const char *input, int status, const char *out, const char *err)
{
    if (err)
        check_says(outcome->err, err);
    else
        g_assert_cmpstr(outcome->err, ==, "");
    g_assert_cmpint(outcome->status, ==, status);
    if (g_strcmp0(out, SAME) == 0)
        g_assert_cmpstr(outcome->out, ==, input);
    else if (out)
        check_says(outcome->out, out);
    else
        g_assert_cmpstr(outcome->out, ==, "");
}

/* --- KubeVirt */

/* A VMI as KubeVirt's virt-launcher passes it, with these annotations besides those that it has anyway. */
#define VMI(annotations)                                                                           \
    "{\"kind\":\"VirtualMachineInstance\",\"apiVersion\":\"kubevirt.io/v1\",\"metadata\":{\"name\":\"testvm\","   \
    "\"namespace\":\"default\",\"uid\":\"00000000-0000-4000-8000-000000000021\",\"generation\":9,"                \
    "\"creationTimestamp\":\"2026-11-30T10:00:00Z\",\"labels\":{\"kubevirt.io/nodeName\":\"node01\"},"            \
    "\"annotations\":{\"hooks.kubevirt.io/hookSidecars\":\"[{\\\"args\\\": [\\\"--version\\\", \\\"v1alpha3\\\"]}]\","  \
    "\"kubevirt.io/latest-observed-api-version\":\"v1\"" annotations "},\"finalizers\":[\"foregroundDeleteVirtualMachine\"]}," \
    "\"spec\":{\"domain\":{\"resources\":{},\"cpu\":{\"cores\":1,\"model\":\"host-model\"},\"machine\":{\"type\":\"q35\"},"   \
    "\"devices\":{\"disks\":[{\"name\":\"containerdisk\",\"disk\":{\"bus\":\"virtio\"}}]}},\"networks\":[]},"       \
    "\"status\":{\"phase\":\"Scheduled\",\"guestOSInfo\":{},\"qosClass\":\"Burstable\"}}"

#define ENABLE ",\"virt-nest.io/enable\":\"true\""
#define TAG "<nest:enable xmlns:nest='urn:virt-nest:1'"
#define HOST_MODEL "kubevirt-1.1-host-model"
#define MODEL "kubevirt-0.59-node-model"

typedef struct {
    const char *sentence;
    const char *host;   /* of tests/fakes/hosts */
    const char *domain; /* of tests/corpus */
    const char *vmi;
    int status;
    const char *out; /* pieces; SAME; NULL: nothing */
    const char *err; /* pieces; NULL: nothing */
} VmiCase;

static const VmiCase vmis[] = {
    {"a VMI without our annotations", "intel-on", HOST_MODEL, VMI(""), 0, SAME, NULL},
    {"a VMI that says no", "intel-on", HOST_MODEL,
     VMI(",\"virt-nest.io/enable\":\"false\",\"virt-nest.io/cpu\":\"keep\""), 0, SAME, NULL},
    {"a VMI without annotations at all", "intel-on", HOST_MODEL, "{\"metadata\":{\"name\":\"a\",\"annotations\":null}}", 0, SAME, NULL},
    {"an annotation of somebody else", "intel-on", HOST_MODEL, VMI(",\"virt-nest.example/enable\":\"true\""), 0, SAME, NULL},
    {"host-model on Intel", "intel-on", HOST_MODEL, VMI(ENABLE), 0,
     TAG "/>|<feature policy=\"require\" name=\"vmx\"/>|<deletionGracePeriodSeconds>30<",
     "nest: default/testvm: feature vmx is required"},
    {"host-model on AMD", "amd-on", HOST_MODEL, VMI(ENABLE), 0, "<feature policy=\"require\" name=\"svm\"/>",
     "nest: default/testvm: feature svm is required"},
    {"each attribute", "intel-on", HOST_MODEL,
     VMI(ENABLE ",\"virt-nest.io/cpu\":\"host-passthrough\",\"virt-nest.io/migration\":\"allow\",\"virt-nest.io/required\":\"no\""), 0,
     TAG " cpu='host-passthrough' migration='allow' required='no'/>|<cpu mode=\"host-passthrough\"",
     "the CPU becomes host-passthrough"},
    {"a node model", "intel-on", MODEL, VMI(ENABLE), 0, "<model>Penryn</model>|<feature name=\"vmx\" policy=\"require\"/>",
     "feature vmx: policy optional becomes require"},
    {"no device for KVM, which only the domain's container has", "no-device", HOST_MODEL, VMI(ENABLE), 0, "name=\"svm\"", "svm"},
    {"a model of the other vendor", "amd-on", MODEL, VMI(ENABLE), 1, NULL, "nest: default/testvm: |Penryn|[NEST-CPU-VENDOR]"},
    {"... and nested guests are not required", "amd-on", MODEL, VMI(ENABLE ",\"virt-nest.io/required\":\"no\""), 0, SAME,
     "starts without nested guests|Penryn|[NEST-CPU-VENDOR]"},
    {"a confidential VMI", "intel-on", "kubevirt-1.0-sev", VMI(ENABLE ",\"virt-nest.io/required\":\"yes\""), 1, NULL, "[NEST-CPU-CONFIDENTIAL]"},
    {"a node with nesting off", "intel-off-idle", HOST_MODEL, VMI(ENABLE), 1, NULL,
     "nest: default/testvm: nesting is off in kvm_intel of this node (off-idle)|virt-nest host enable|nodeSelector|[NEST-HOST-OFF]"},
    {"a node without VMX", "intel-no-vmx", HOST_MODEL, VMI(ENABLE), 1, NULL, "[NEST-HOST-HARDWARE]"},
    {"a node with a CPU of nobody", "unknown-vendor", HOST_MODEL, VMI(ENABLE), 1, NULL, "[NEST-HOST-VENDOR]"},
    {"a misspelled annotation", "intel-on", HOST_MODEL, VMI(ENABLE ",\"virt-nest.io/migraton\":\"allow\""), 1, NULL,
     "no annotation virt-nest.io/migraton|(did you mean 'virt-nest.io/migration'?)|[NEST-TAG-ATTRIBUTE]"},
    {"a value that is none", "intel-on", HOST_MODEL, VMI(",\"virt-nest.io/enable\":\"yes\""), 1, NULL,
     "virt-nest.io/enable has the value 'yes': use one of true, false|[NEST-TAG-VALUE]"},
    {"a CPU that is none", "intel-on", HOST_MODEL, VMI(ENABLE ",\"virt-nest.io/cpu\":\"host-passtrough\""), 1, NULL,
     "use one of auto, host-passthrough, host-model, keep (did you mean 'host-passthrough'?)|[NEST-TAG-VALUE]"},
    {"a value that is no text", "intel-on", HOST_MODEL, VMI(",\"virt-nest.io/enable\":true"), 1, NULL,
     "has no text as its value|[NEST-TAG-VALUE]"},
    {"an attribute without virt-nest.io/enable", "intel-on", HOST_MODEL, VMI(",\"virt-nest.io/cpu\":\"keep\""), 1, NULL,
     "virt-nest.io/cpu has no effect without virt-nest.io/enable|[NEST-TAG-ATTRIBUTE]"},
    {"no JSON", "intel-on", HOST_MODEL, "VMI", 1, NULL, "--vmi is not the JSON of a VMI|[NEST-USAGE]"},
    {"JSON that is no object", "intel-on", HOST_MODEL, "[]", 1, NULL, "[NEST-USAGE]"},
};

static void
run_on_define_domain(const char *host, const char *vmi, const char *domain, Outcome *outcome)
{
    g_autofree gchar *path = program("onDefineDomain");
    const char *words[] = {path, "--vmi", vmi, "--domain", domain, NULL};
    g_auto(GStrv) environment = g_get_environ();

    run(host, words, environment, outcome);
}

static void
test_vmi(gconstpointer data)
{
    const VmiCase *c = data;
    g_autofree gchar *domain = read_untagged(c->domain);
    g_auto(Outcome) outcome = {0};

    run_on_define_domain(c->host, c->vmi, domain, &outcome);
    check_outcome(&outcome, domain, c->status, c->out, c->err);
}

/* Whatever it is, an unannotated VMI's XML passes: KubeVirt knows it better. */
static void
test_any_xml(void)
{
    static const char *const texts[] = {"", "no XML", "<domain type='kvm'><name>x", "<domain/>\r\n"};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_auto(Outcome) plain = {0};
        g_auto(Outcome) enabled = {0};

        run_on_define_domain("intel-on", VMI(""), texts[i], &plain);
        check_outcome(&plain, texts[i], 0, SAME, NULL);
        run_on_define_domain("intel-on", VMI(ENABLE), texts[i], &enabled);
        check_outcome(&enabled, NULL, 1, NULL, "[NEST-XML]");
    }
}

static void
test_usage(void)
{
    g_autofree gchar *path = program("onDefineDomain");
    const char *words[] = {path, "--vmi", "{}", NULL};
    g_auto(GStrv) environment = g_get_environ();
    g_auto(Outcome) outcome = {0};

    run("intel-on", words, environment, &outcome);
    check_outcome(&outcome, NULL, 1, NULL, "--vmi JSON and --domain XML|[NEST-USAGE]");
}

/* The text of a child, as an element. */
static void
append_child(GString *text, const xmlNode *cpu, const char *name)
{
    xmlNode *child = nest_xml_child(cpu, name);
    xmlChar *content = child ? xmlNodeGetContent(child) : NULL;

    if (content)
        g_string_append_printf(text, "<%s>%s</%s>", name, (const char *)content, name);
    xmlFree(content);
}

/* What is left of a <cpu> in KubeVirt's own types (virtwrap/api: CPU, CPUFeature): the mode, the model's name, and the
 * name and policy of each feature. Metadata of others is left out there. */
static gchar *
through_kubevirt(const char *domain)
{
    g_autoptr(NestDomainXml) xml = check_parse(domain);
    const xmlNode *cpu = nest_xml_child(nest_domain_xml_root(xml), "cpu");
    g_autofree gchar *mode = nest_xml_attribute(cpu, "mode");
    GString *text = g_string_new("<domain type=\"kvm\"><name>default_testvm</name><metadata><kubevirt "
                                 "xmlns=\"http://kubevirt.io\"><uid></uid></kubevirt></metadata>");

    g_string_append_printf(text, "<cpu mode=\"%s\">", mode);
    append_child(text, cpu, "model");
    NEST_XML_FOREACH (cpu, child)
        if (nest_xml_is(child, "feature")) {
            g_autofree gchar *name = nest_xml_attribute(child, "name");
            g_autofree gchar *policy = nest_xml_attribute(child, "policy");

            g_string_append_printf(text, "<feature name=\"%s\" policy=\"%s\"></feature>", name, policy ? policy : "");
        }
    g_string_append(text, "</cpu><os><type arch=\"x86_64\">hvm</type></os><devices></devices></domain>");
    return g_string_free(text, FALSE);
}

/* KubeVirt reads what a hook gives into its own types, and may write it anew from them. */
static void
test_round_trip(void)
{
    static const struct {
        const char *host, *vendor, *domain, *annotations;
    } trips[] = {
        {"intel-on", "intel", HOST_MODEL, ""},
        {"amd-on", "amd", HOST_MODEL, ""},
        {"intel-on", "intel", HOST_MODEL, ",\"virt-nest.io/cpu\":\"host-passthrough\""},
        {"intel-on", "intel", MODEL, ",\"virt-nest.io/cpu\":\"keep\""},
        {"amd-on", "amd", "kubevirt-1.2-numa-passthrough", ""},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(trips); i++) {
        g_autofree gchar *domain = read_untagged(trips[i].domain);
        g_autofree gchar *vmi = g_strdup_printf(VMI(ENABLE "%s"), trips[i].annotations);
        const NestCpuVendor *vendor = nest_cpu_vendor_by_name(trips[i].vendor);
        g_auto(Outcome) outcome = {0};
        g_autofree gchar *left = NULL;
        g_autoptr(NestDomainXml) xml = NULL;

        run_on_define_domain(trips[i].host, vmi, domain, &outcome);
        g_assert_cmpint(outcome.status, ==, 0);
        left = through_kubevirt(outcome.out);
        xml = check_parse(left);
        g_assert_true(nest_cpu_exposes(xml, vendor));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(vmis); i++)
        check_add_row("onDefineDomain", vmis[i].sentence, &vmis[i], test_vmi);
    g_test_add_func("/onDefineDomain/an unannotated VMI's XML passes, whatever it is", test_any_xml);
    g_test_add_func("/onDefineDomain/a command line that is not KubeVirt's", test_usage);
    g_test_add_func("/onDefineDomain/VMX or SVM is left when KubeVirt has written the domain anew", test_round_trip);
    return g_test_run();
}
