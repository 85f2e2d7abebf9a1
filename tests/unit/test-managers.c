/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onDefineDomain and vdsm-hook as programs, called as KubeVirt and VDSM call them, with the documents that those pass. */
#include "base/daemon_status.h"
#include "check.h"
#include "domain/cpu.h"

#include <gio/gio.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* (transfer full) A host of tests/fakes/hosts. */
static gchar *
host_path(const char *host)
{
    g_autofree gchar *below = g_build_filename("tests/fakes/hosts", host, NULL);

    return check_source_path(below);
}

/* @root: the host's files. */
static void
run(const char *root, const char *const *words, gchar **environment, Outcome *outcome)
{
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
    {"no JSON", "intel-on", HOST_MODEL, "VMI", 1, NULL, "is not the JSON of a VMI|[NEST-USAGE]"},
    {"JSON that is no object", "intel-on", HOST_MODEL, "[]", 1, NULL, "[NEST-USAGE]"},
};

static void
run_on_define_domain(const char *host, const char *vmi, const char *domain, Outcome *outcome)
{
    g_autofree gchar *path = program("onDefineDomain");
    g_autofree gchar *root = host_path(host);
    const char *words[] = {path, "--vmi", vmi, "--domain", domain, NULL};
    g_auto(GStrv) environment = g_get_environ();

    run(root, words, environment, outcome);
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

    run("/nonexistent", words, environment, &outcome);
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
    const xmlNode *cpu = nest_domain_xml_cpu(xml);
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

/* --- VDSM */

#define UUID "6e657374-0000-4000-8000-000000000036"
#define SKYLAKE "vdsm-4.40-skylake"
#define START "before_vm_start"
#define HIBERNATE "before_vm_hibernate"
#define SOURCE "before_vm_migrate_source"
#define DESTINATION "before_vm_migrate_destination"

typedef struct {
    const char *sentence;
    const char *point;
    const char *host;       /* of tests/fakes/hosts */
    const char *properties; /* custom ones: "name=value name=value" */
    const char *domain;     /* of tests/corpus */
    int status;
    const char *out; /* pieces of the file; SAME */
    const char *err; /* pieces; NULL: nothing */
} StartCase;

static const StartCase starts[] = {
    {"a VM without our properties", START, "intel-on", "sap_agent=true", SKYLAKE, 0, SAME, NULL},
    {"a VM that says no", START, "intel-on", "nest=false nest_cpu=keep", SKYLAKE, 0, SAME, NULL},
    {"nest=true", START, "intel-on", "nest=true", SKYLAKE, 0,
     TAG "/>|<feature name=\"vmx\" policy=\"require\"/>|<ovirt-vm:guestAgentAPIVersion type=\"int\">0<",
     "nest: from-vdsm: feature vmx: policy disable becomes require"},
    {"a document of one line", START, "intel-on", "nest=true", "ovirt-4.5-cascadelake", 0,
     "<ovirt-tune:qos/>|" TAG "/>|<feature policy=\"require\" name=\"vmx\"/>|passwd=\"*****\"", "nest: HostedLab: feature vmx is required"},
    {"each property", START, "intel-on", "nest=true nest_cpu=host-passthrough nest_migration=allow nest_required=no", SKYLAKE, 0,
     TAG " cpu='host-passthrough' migration='allow' required='no'/>|mode=\"host-passthrough\"", "the CPU becomes host-passthrough"},
    {"the host's module is left to libvirt's hook", START, "intel-off-idle", "nest=true", SKYLAKE, 0, "name=\"vmx\"", "vmx"},
    {"a model of the other vendor", START, "amd-on", "nest=true", SKYLAKE, 2, SAME, "Skylake|[NEST-CPU-VENDOR]"},
    {"... and nested guests are not required", START, "amd-on", "nest=true nest_required=no", SKYLAKE, 0, SAME,
     "nest: from-vdsm: it starts without nested guests|[NEST-CPU-VENDOR]"},
    {"a value that is none", START, "intel-on", "nest=yes", SKYLAKE, 2, SAME, "custom property nest has the value 'yes'|[NEST-TAG-VALUE]"},
    {"a misspelled property", START, "intel-on", "nest=true nest_migraton=allow", SKYLAKE, 2, SAME,
     "no custom property nest_migraton|(did you mean 'nest_migration'?)|[NEST-TAG-ATTRIBUTE]"},
    {"a property without nest", START, "intel-on", "nest_cpu=keep", SKYLAKE, 2, SAME, "nest_cpu has no effect without nest|[NEST-TAG-ATTRIBUTE]"},
    {"no point of ours", "after_vm_start", "intel-on", "nest=true", SKYLAKE, 1, SAME, "after_vm_start|[NEST-USAGE]"},
    {"an untagged VM may be hibernated", HIBERNATE, "intel-on", "nest=false", SKYLAKE, 0, SAME, NULL},
    {"an untagged VM may leave", SOURCE, "intel-on", "", SKYLAKE, 0, SAME, NULL},
    {"an untagged VM may come", DESTINATION, "amd-absent", "", SKYLAKE, 0, SAME, NULL},
};

/* (transfer full) VDSM's file with the XML, as its mkstemp() makes it. */
static gchar *
make_file(const char *directory, const char *text)
{
    gchar *path = g_build_filename(directory, "tmpXXXXXX", NULL);
    int fd = g_mkstemp(path);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
    close(fd);
    return path;
}

/* Runs the hook as VDSM does, by a link in the point's directory. What VDSM reads afterwards is @outcome's out. */
static void
run_vdsm_hook(const char *root, const char *point, const char *properties, const char *domain, Outcome *outcome)
{
    g_autofree gchar *directory = g_dir_make_tmp("virt-nest-vdsm-XXXXXX", NULL);
    g_autofree gchar *at_point = g_build_filename(directory, point, NULL);
    g_autofree gchar *link = g_build_filename(at_point, "50_nest", NULL);
    g_autofree gchar *path = program("vdsm-hook");
    g_autofree gchar *file = make_file(directory, domain);
    g_auto(GStrv) environment = g_get_environ();
    g_auto(GStrv) list = g_strsplit(properties, " ", -1);
    const char *words[] = {link, NULL};

    g_assert_cmpint(g_mkdir(at_point, 0755), ==, 0);
    g_assert_cmpint(symlink(path, link), ==, 0);
    environment = g_environ_setenv(environment, "_hook_domxml", file, TRUE);
    environment = g_environ_setenv(environment, "vmId", UUID, TRUE);
    for (gchar **one = list; *one && **one; one++) {
        g_auto(GStrv) pair = g_strsplit(*one, "=", 2);

        environment = g_environ_setenv(environment, pair[0], pair[1], TRUE);
    }
    run(root, words, environment, outcome);
    g_assert_cmpstr(outcome->out, ==, ""); /* VDSM ignores it */
    g_clear_pointer(&outcome->out, g_free);
    g_assert_true(g_file_get_contents(file, &outcome->out, NULL, NULL));
    g_assert_cmpuint(check_mode(file), ==, 0600);
    g_assert_cmpint(g_unlink(file) | g_unlink(link) | g_rmdir(at_point), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0); /* nothing else was left there */
}

static void
test_start(gconstpointer data)
{
    const StartCase *c = data;
    g_autofree gchar *domain = read_untagged(c->domain);
    g_autofree gchar *root = host_path(c->host);
    g_auto(Outcome) outcome = {0};

    run_vdsm_hook(root, c->point, c->properties, domain, &outcome);
    check_outcome(&outcome, domain, c->status, c->out, c->err);
}

/* The live XML of a running VM. */
#define LIVE_XML(tag, state)                                                                       \
    "<domain type='kvm' id='3'><name>lab1</name><uuid>" UUID "</uuid><metadata>" tag state         \
    "</metadata><cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Cascadelake-Server</model>"  \
    "<feature policy='require' name='vmx'/></cpu><devices/></domain>"
#define TAGGED TAG "/>"
#define STATE(attributes)                                                                          \
    "<neststate:domain xmlns:neststate='urn:virt-nest:state:1'><live uuid='" UUID "' qemu='4711' " attributes       \
    "/></neststate:domain>"
#define QUIET "since='1790000000' why='clear' probe='probe-registers' guard='off' nested='no'"
#define NESTED "since='1790000000' why='entries' probe='probe-debugfs' guard='armed' nested='yes'"
#define LET_GO "<nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' until='99999999999'/>"
#define NO_LONGER "<nestallow:domain xmlns:nestallow='urn:virt-nest:allow:1' until='1'/>"

typedef struct {
    const char *sentence;
    gboolean watched; /* a virtnestd runs on this host */
    const char *xml;
    int leaves;      /* the status at HIBERNATE and SOURCE */
    int arrives;     /* ... at DESTINATION */
    const char *err; /* pieces, where it is refused */
} LeaveCase;

static const LeaveCase leaves[] = {
    {"no nested guests run", TRUE, LIVE_XML(TAGGED, STATE(QUIET)), 0, 0, NULL},
    {"nested guests run", TRUE, LIVE_XML(TAGGED, STATE(NESTED)), 2, 2, "nest: lab1: |shut its nested guests down|[NEST-LIVE-RUNNING]"},
    {"nested guests run, and the tag is gone", TRUE, LIVE_XML("", STATE(NESTED)), 2, 2, "[NEST-LIVE-RUNNING]"},
    {"nested guests run, and the tag lets them go", TRUE,
     LIVE_XML(TAG " migration='allow'/>", STATE("since='1790000000' why='entries' guard='lifted' nested='yes'")), 0, 0, NULL},
    {"nested guests run, and virt-nest allow lets them go", TRUE,
     LIVE_XML(TAGGED, STATE("since='1790000000' why='entries' guard='lifted' nested='yes'") LET_GO), 0, 0, NULL},
    {"what virt-nest allow let go has ended", TRUE, LIVE_XML(TAGGED, STATE(NESTED) NO_LONGER), 2, 2, "[NEST-LIVE-RUNNING]"},
    {"a live status that does not say", TRUE, LIVE_XML(TAGGED, STATE("guard='off'")), 2, 2, "[NEST-LIVE-RUNNING]"},
    {"virtnestd has not looked yet", TRUE, LIVE_XML(TAGGED, ""), 2, 0, "has not found out yet|ask again in some seconds|virt-nest allow|[NEST-LIVE-UNKNOWN]"},
    {"no virtnestd has ever run", FALSE, LIVE_XML(TAGGED, ""), 2, 0, "no virtnestd runs|systemctl start virtnestd|[NEST-LIVE-UNKNOWN]"},
    {"no virtnestd runs any more", FALSE, LIVE_XML(TAGGED, STATE(QUIET)), 2, 0, "systemctl start virtnestd|[NEST-LIVE-UNKNOWN]"},
    {"a mistaken tag", TRUE, LIVE_XML(TAG " cpu='x'/>", STATE(NESTED)), 2, 2, "[NEST-LIVE-RUNNING]"},
    {"XML that mentions us and cannot be read", TRUE, "<domain><metadata>" TAGGED, 2, 2, "[NEST-XML]"},
    {"XML that cannot be read", TRUE, "<domain>", 0, 0, NULL},
    {"a CPU without the feature", FALSE, "<domain type='kvm'><name>lab1</name><uuid>" UUID "</uuid><metadata>" TAGGED
     "</metadata><cpu mode='custom'><model>qemu64</model><feature policy='disable' name='svm'/><feature policy='disable' name='vmx'/>"
     "</cpu><devices/></domain>", 0, 0, NULL},
};

static void
check_leave(const char *root, const LeaveCase *c, const char *point, int status)
{
    g_auto(Outcome) outcome = {0};

    run_vdsm_hook(root, point, "", c->xml, &outcome);
    check_outcome(&outcome, c->xml, status, SAME, status ? c->err : NULL);
}

static void
test_leave(gconstpointer data)
{
    const LeaveCase *c = data;
    gchar *root = check_root_new();
    const NestDaemonStatus status = {.version = (gchar *)"1", .since = 1};
    int daemon = -1;

    check_root_write("proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n");
    check_root_write("sys/module/kvm_intel/parameters/nested", "Y\n");
    if (c->watched)
        daemon = nest_daemon_status_write(&status, NULL);
    g_assert_true(!c->watched || daemon >= 0);
    check_leave(root, c, HIBERNATE, c->leaves);
    check_leave(root, c, SOURCE, c->leaves);
    check_leave(root, c, DESTINATION, c->arrives);
    if (daemon >= 0)
        close(daemon);
    check_root_free(root);
}

/* A host on which nothing can be done about it takes no tagged VM in. */
static void
test_destination(void)
{
    static const struct {
        const char *host;
        int status;
    } hosts[] = {{"intel-on", 0}, {"intel-off-idle", 0}, {"intel-no-vmx", 2}, {"amd-off-busy", 2}, {"amd-builtin-off", 2}};

    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autofree gchar *root = host_path(hosts[i].host);
        g_auto(Outcome) outcome = {0};

        run_vdsm_hook(root, DESTINATION, "", LIVE_XML(TAGGED, STATE(QUIET)), &outcome);
        check_outcome(&outcome, LIVE_XML(TAGGED, STATE(QUIET)), hosts[i].status, SAME, hosts[i].status ? "[NEST-HOST-" : NULL);
    }
}

/* Somebody tries it by hand, and forgets what VDSM would say. */
static void
test_by_hand(void)
{
    g_autofree gchar *path = program("vdsm-hook");
    const char *words[] = {path, SOURCE, NULL};
    g_auto(GStrv) environment = g_environ_unsetenv(g_get_environ(), "_hook_domxml");
    g_auto(Outcome) outcome = {0};

    run("/nonexistent", words, environment, &outcome);
    check_outcome(&outcome, NULL, 2, NULL, "_hook_domxml is not in the environment|[NEST-IO]");
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
    for (gsize i = 0; i < G_N_ELEMENTS(starts); i++)
        check_add_row("vdsm-hook", starts[i].sentence, &starts[i], test_start);
    for (gsize i = 0; i < G_N_ELEMENTS(leaves); i++)
        check_add_row("vdsm-hook/leave", leaves[i].sentence, &leaves[i], test_leave);
    g_test_add_func("/vdsm-hook/a destination that cannot nest", test_destination);
    g_test_add_func("/vdsm-hook/by hand", test_by_hand);
    return g_test_run();
}
