/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that QEMU's own arguments choose, in a definition and in a command line; and what is told of a CPU. */
#include "check.h"
#include "domain/cpu_remarks.h"
#include "domain/definition.h"

#define ARG(value) "<qemu:arg value='" value "'/>"
#define PASSTHROUGH "<cpu mode='host-passthrough'/>"
#define MAXIMUM "<cpu mode='maximum'/>"
#define MODEL(model, features) "<cpu mode='custom'><model>" model "</model>" features "</cpu>"
#define FEATURE(policy, name) "<feature policy='" policy "' name='" name "'/>"

/* One domain, and what its arguments do to its CPU. */
typedef struct {
    const char *sentence;
    const char *type; /* of the domain */
    const char *host; /* the host's vendor */
    const char *cpu;
    const char *arguments; /* below <qemu:commandline> */
    gboolean exposes;
    const char *says; /* pieces of what nest_cpu_check_arguments() says; NULL: it lets the domain pass */
    const char *word; /* nest_cpu_describe() */
} Row;

static const Row rows[] = {
    {"no argument", "kvm", "intel", PASSTHROUGH, "", TRUE, NULL, "host-passthrough"},
    {"another argument", "kvm", "intel", PASSTHROUGH, ARG("-snapshot") ARG("-cpuX"), TRUE, NULL, "host-passthrough"},
    {"a named model", "kvm", "intel", PASSTHROUGH, ARG("-cpu") ARG("Penryn,vendor=GenuineIntel,+aes"), FALSE,
     "-cpu Penryn,vendor=GenuineIntel,+aes in its <qemu:commandline>|does not give the guest vmx|virsh edit lab1",
     "Penryn by -cpu"},
    {"a named model with the feature", "kvm", "intel", PASSTHROUGH, ARG("-cpu") ARG("Penryn,+vmx"), TRUE, NULL,
     "Penryn + vmx by -cpu"},
    {"a named model under KVM has the host's vendor", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("Penryn,+svm"), TRUE,
     NULL, "Penryn + svm by -cpu"},
    {"but not if it names another", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("EPYC,vendor=GenuineIntel,+svm"), FALSE,
     "vendor=GenuineIntel|is of Intel|does not look for svm", "EPYC + svm by -cpu"},
    {"under TCG it has its own", "qemu", "amd", MAXIMUM, ARG("-cpu") ARG("Haswell,+svm"), FALSE, "Haswell|is of Intel|does not look for svm",
     "Haswell + svm by -cpu"},
    {"two dashes", "kvm", "intel", PASSTHROUGH, ARG("--cpu") ARG("qemu64"), FALSE, "-cpu qemu64", "qemu64 by -cpu"},
    {"the last one counts", "kvm", "intel", PASSTHROUGH, ARG("-cpu") ARG("qemu64") ARG("-cpu") ARG("host"), TRUE, NULL,
     "host by -cpu"},
    {"host", "kvm", "amd", MODEL("qemu64", ""), ARG("-cpu") ARG("host"), TRUE, NULL, "host by -cpu"},
    {"host without it", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("host,-svm"), FALSE, "host,-svm", "host by -cpu"},
    {"max without it", "qemu", "intel", MAXIMUM, ARG("-cpu") ARG("max,svm=off"), FALSE, "max,svm=off", "max by -cpu"},
    {"a minus wins over a plus", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("host,-svm,+svm"), FALSE, "-svm",
     "host by -cpu"},
    {"a plus wins over a value", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("EPYC,+svm,svm=off"), TRUE, NULL,
     "EPYC + svm by -cpu"},
    {"the last value wins", "kvm", "amd", PASSTHROUGH, ARG("-cpu") ARG("EPYC,svm=off,svm=yes"), TRUE, NULL,
     "EPYC + svm by -cpu"},
    {"-cpu without its value", "kvm", "intel", PASSTHROUGH, ARG("-cpu"), TRUE, NULL, "host-passthrough"},
    {"an equals sign", "kvm", "intel", PASSTHROUGH, ARG("-cpu=host"), TRUE, "-cpu=host|one argument, which QEMU does not know|another <qemu:arg>|virsh edit",
     "host-passthrough"},
    {"a space", "kvm", "intel", PASSTHROUGH, ARG("--cpu host,+vmx"), TRUE, "--cpu host,+vmx|QEMU does not know",
     "host-passthrough"},
    {"-global off", "kvm", "intel", PASSTHROUGH, ARG("-global") ARG("host-x86_64-cpu.vmx=off"), FALSE,
     "-global host-x86_64-cpu.vmx=off|keeps vmx", "host-passthrough"},
    {"-global off in its long form", "qemu", "intel", MAXIMUM,
     ARG("--global") ARG("driver=x86_64-cpu,property=svm,value=off"), FALSE, "driver=x86_64-cpu|keeps svm", "maximum"},
    {"-global off, where libvirt's -cpu says on", "kvm", "intel",
     "<cpu mode='host-passthrough'>" FEATURE("require", "vmx") "</cpu>", ARG("-global") ARG("cpu.vmx=off"), TRUE, NULL,
     "host-passthrough + vmx"},
    {"-global for another model", "kvm", "intel", PASSTHROUGH, ARG("-global") ARG("Haswell-x86_64-cpu.vmx=off"), TRUE,
     NULL, "host-passthrough"},
    {"-global on", "kvm", "intel", MODEL("Haswell", ""), ARG("-global") ARG("Haswell-x86_64-cpu.vmx=on"), TRUE, NULL,
     "Haswell"},
    {"-global for the model of -cpu", "kvm", "amd", PASSTHROUGH,
     ARG("-cpu") ARG("EPYC") ARG("-global") ARG("EPYC-x86_64-cpu.svm=on"), TRUE, NULL, "EPYC by -cpu"},
    {"-global that is none of the CPU's", "kvm", "intel", PASSTHROUGH,
     ARG("-global") ARG("ICH9-LPC.disable_s3=1") ARG("-global") ARG("x"), TRUE, NULL, "host-passthrough"},
    {"an element of another namespace", "kvm", "intel", PASSTHROUGH, "<arg value='-cpu'/><arg value='qemu64'/>", TRUE, NULL,
     "host-passthrough"},
};

static NestDomainXml *
parse_domain(const char *type, const char *cpu, const char *arguments)
{
    g_autofree gchar *text = g_strdup_printf(
        "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>lab1</name><metadata>"
        "<nest:enable xmlns:nest='urn:virt-nest:1'/></metadata>%s<qemu:commandline>%s</qemu:commandline></domain>",
        type, cpu, arguments);

    return check_parse(text);
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autoptr(NestDomainXml) xml = parse_domain(row->type, row->cpu, row->arguments);
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(xml, nest_cpu_vendor_by_name(row->host), NULL);
    g_autofree gchar *word = nest_cpu_describe(xml);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(nest_cpu_exposes(xml, vendor), ==, row->exposes);
    g_assert_cmpstr(word, ==, row->word);
    g_assert_cmpint(nest_cpu_check_arguments(xml, vendor, &error), ==, row->says == NULL);
    if (!row->says)
        return;
    g_assert_error(error, NEST_ERROR, NEST_ERROR_CPU_ARGUMENT);
    check_says(error->message, row->says);
}

/* A guest may see the feature by libvirt's CPU or by the arguments: what guards it errs on that side. */
static void
test_may_expose(void)
{
    g_autoptr(NestDomainXml) overridden = parse_domain("qemu", MAXIMUM, ARG("-cpu") ARG("EPYC"));
    g_autoptr(NestDomainXml) given = parse_domain("qemu", MODEL("qemu64", ""), ARG("-cpu") ARG("max"));
    g_autoptr(NestDomainXml) neither = parse_domain("qemu", MODEL("qemu64", ""), ARG("-cpu") ARG("EPYC"));
    const NestCpuVendor *vendor = nest_cpu_vendor_of_tcg();

    g_assert_true(nest_cpu_may_expose(overridden, vendor));
    g_assert_true(nest_cpu_may_expose(given, vendor));
    g_assert_false(nest_cpu_may_expose(neither, vendor));
}

static void
test_command(void)
{
    static const char command[] = "qemu\0-name\0guest=a\0-cpu\0max,svm=on\0-cpu\0EPYC,-svm\0-global\0x.y=z";
    g_autoptr(NestQemuCpu) cpu = nest_qemu_cpu_of_command(command, sizeof(command));
    g_autoptr(NestQemuCpu) empty = nest_qemu_cpu_of_command("", 0);
    g_autoptr(NestQemuCpu) cut = nest_qemu_cpu_of_command("qemu\0-cpu\0max", 13);

    g_assert_cmpstr(cpu->argument, ==, "-cpu EPYC,-svm");
    g_assert_false(nest_qemu_cpu_exposes(cpu, nest_cpu_vendor_of_tcg(), FALSE));
    g_assert_null(empty->argument);
    g_assert_cmpstr(cut->argument, ==, "-cpu max");
    g_assert_true(nest_qemu_cpu_exposes(cut, nest_cpu_vendor_of_tcg(), FALSE));
}

/* What makes nested guests slow is told, with a remedy. */
static const struct {
    const char *sentence;
    const char *host;
    const char *cpu;
    const char *arguments;
    const char *says; /* pieces of the only remark; NULL: there is none */
} slow[] = {
    {"an old model", "amd", MODEL("Opteron_G3", FEATURE("require", "svm")), "",
     "Opteron_G3|without npt and nrip-save|slow or not run|virt-nest enable --cpu=host-passthrough lab1"},
    {"a version of an old model", "amd", MODEL("Opteron_G3-v1", FEATURE("require", "svm")), "", "npt and nrip-save"},
    {"libvirt's default", "amd", MODEL("qemu64", FEATURE("require", "svm")), "", "qemu64|npt and nrip-save"},
    {"one that has npt", "amd", MODEL("phenom", FEATURE("require", "svm")), "", "without nrip-save"},
    {"an old model with both", "amd",
     MODEL("Opteron_G3", FEATURE("require", "svm") FEATURE("require", "npt") FEATURE("force", "nrip-save")), "", NULL},
    {"a new model", "amd", MODEL("EPYC-Rome-v2", FEATURE("require", "svm")), "", NULL},
    {"npt off", "amd", "<cpu mode='host-passthrough'>" FEATURE("disable", "npt") "</cpu>", "",
     "svm without npt|switch that on (virsh edit lab1)"},
    {"nrip-save off", "amd", "<cpu mode='host-model'>" FEATURE("require", "svm") FEATURE("forbid", "nrip-save") "</cpu>", "",
     "svm without nrip-save"},
    {"ept off", "intel", "<cpu mode='host-passthrough'>" FEATURE("disable", "vmx-ept") "</cpu>", "",
     "vmx without vmx-ept"},
    {"npt off by -global", "amd", PASSTHROUGH, ARG("-global") ARG("host-x86_64-cpu.npt=off"), "svm without npt"},
    {"what is off of the other vendor", "intel", "<cpu mode='host-passthrough'>" FEATURE("disable", "npt") "</cpu>", "",
     NULL},
    {"by -cpu", "amd", PASSTHROUGH, ARG("-cpu") ARG("host,nrip_save=off"), "host,nrip_save=off|takes the place|no effect"},
    {"-cpu without the feature", "amd", PASSTHROUGH, ARG("-cpu") ARG("qemu64"), "[NEST-CPU-ARGUMENT]"},
    {"nothing", "amd", PASSTHROUGH, "", NULL},
};

static void
test_slow(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(NestDomainXml) xml = parse_domain("kvm", slow[i].cpu, slow[i].arguments);
    const NestCpuVendor *vendor = nest_cpu_feature_vendor(xml, nest_cpu_vendor_by_name(slow[i].host), NULL);
    g_autoptr(GPtrArray) remarks = nest_cpu_remarks(xml, vendor);

    if (!slow[i].says) {
        g_assert_cmpuint(remarks->len, ==, 0);
        return;
    }
    g_assert_cmpuint(remarks->len, >=, 1);
    check_says(g_ptr_array_index(remarks, 0), slow[i].says);
}

/* The log and virt-nest enable have it in the line of the correction. */
static void
test_definition(void)
{
    g_autoptr(NestDomainXml) xml = parse_domain("kvm", MODEL("Opteron_G3", ""), "");
    g_autofree gchar *text = nest_domain_xml_text(xml);
    g_autoptr(GError) error = NULL;
    g_autoptr(NestDefinition) definition =
        nest_definition_correct(text, nest_cpu_vendor_by_name("amd"), NULL, TRUE, &error);
    g_autofree gchar *remarks = NULL;

    g_assert_no_error(error);
    g_assert_cmpint(definition->action, ==, NEST_DEFINITION_CORRECTED);
    remarks = nest_definition_describe_remarks(definition);
    check_says(remarks, "; but its CPU (Opteron_G3) has svm without npt");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        check_add_row("qemu-cpu/arguments", rows[i].sentence, &rows[i], test_row);
    for (gsize i = 0; i < G_N_ELEMENTS(slow); i++)
        check_add_row("qemu-cpu/slow", slow[i].sentence, GSIZE_TO_POINTER(i), test_slow);
    g_test_add_func("/qemu-cpu/a guard errs on the safe side", test_may_expose);
    g_test_add_func("/qemu-cpu/the command line of a running QEMU", test_command);
    g_test_add_func("/qemu-cpu/in the line of the correction", test_definition);
    return g_test_run();
}
