/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remarks on a tagged domain's CPU that is no error: it has no effect, or makes nested guests slow. */
#include "domain/cpu_remarks.h"

#include "base/error.h"

#include <string.h>

/* The models of QEMU without npt, and those that have npt and lack nrip-save (facts.md, "QEMU's arguments"). */
#define WITHOUT_NPT                                                                                \
    "486", "pentium", "pentium2", "pentium3", "qemu32", "qemu64", "kvm32", "kvm64", "athlon",      \
        "Opteron_G1", "Opteron_G2", "Opteron_G3"
static const char *const without_npt[] = {WITHOUT_NPT, NULL};
static const char *const without_nrip_save[] = {WITHOUT_NPT, "phenom", NULL};

/* The parts of the features that matter for speed, and the models that lack them unless they are switched on; NULL: no such
 * model is known. */
static const struct {
    const char *feature;
    const char *part;
    const char *const *lacking;
} parts[] = {
    {"svm", "npt", without_npt},
    {"svm", "nrip-save", without_nrip_save},
    {"vmx", "vmx-ept", NULL},
    {"vmx", "vmx-unrestricted-guest", NULL},
};

/* What a domain's CPU is, whether <cpu> or a -cpu says so. */
typedef struct {
    const xmlNode *element;  /* <cpu> */
    const NestQemuCpu *qemu; /* what <qemu:commandline> says */
    gchar *model;            /* (nullable) QEMU's name of its model */
    gchar *base;             /* (nullable) the same without its version */
    gboolean switched_off;   /* one of the parts was switched off by name */
} Cpu;

static void
cpu_clear(Cpu *cpu)
{
    g_free(cpu->model);
    g_free(cpu->base);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cpu, cpu_clear)

/* (transfer full) "Opteron_G3-v1" is "Opteron_G3". */
static gchar *
without_version(const char *model)
{
    const char *dash = strrchr(model, '-');
    gboolean versioned = dash && dash[1] == 'v' && g_ascii_isdigit(dash[2]);

    return versioned ? g_strndup(model, (gsize)(dash - model)) : g_strdup(model);
}

static NestQemuSetting
setting_of(const Cpu *cpu, const char *part)
{
    const xmlNode *feature = cpu->qemu->argument ? NULL : nest_cpu_find_feature(cpu->element, part);
    NestQemuSetting setting = nest_qemu_cpu_property(cpu->qemu, part);

    if (nest_cpu_withholds(feature))
        setting = NEST_QEMU_OFF;
    else if (nest_cpu_grants(feature))
        setting = NEST_QEMU_ON;
    return setting == NEST_QEMU_UNSET ? nest_qemu_cpu_global(cpu->qemu, cpu->model, part, NULL)
                                      : setting;
}

/* Adds the name of a part to the list if the CPU lacks it. */
static void
add_if_lacking(Cpu *cpu, const char *part, const char *const *lacking, GString *list)
{
    NestQemuSetting setting = setting_of(cpu, part);
    gboolean lacks_by_model = cpu->base && lacking && g_strv_contains(lacking, cpu->base);

    if (setting == NEST_QEMU_ON || (setting == NEST_QEMU_UNSET && !lacks_by_model))
        return;
    cpu->switched_off |= setting == NEST_QEMU_OFF;
    g_string_append_printf(list, "%s%s", list->len ? " and " : "", part);
}

/* (transfer full) The names of the parts that the CPU lacks; "" if it lacks none. */
static GString *
list_lacking(Cpu *cpu, const NestCpuVendor *vendor)
{
    GString *list = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
        if (g_str_equal(parts[i].feature, vendor->feature))
            add_if_lacking(cpu, parts[i].part, parts[i].lacking, list);
    return list;
}

gchar *
nest_cpu_remarks_slow(const NestDomainXml *xml, const NestCpuVendor *vendor)
{
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    g_auto(Cpu) cpu = {.element = nest_domain_xml_cpu(xml), .qemu = qemu};
    g_autofree gchar *name = nest_domain_xml_shell_name(xml);
    g_autoptr(GString) list = NULL;

    cpu.model = qemu->argument ? g_strdup(qemu->model) : nest_cpu_qemu_model(cpu.element);
    cpu.base = cpu.model ? without_version(cpu.model) : NULL;
    list = list_lacking(&cpu, vendor);
    if (!list->len)
        return NULL;
    if (cpu.switched_off || qemu->argument)
        return g_strdup_printf(
            "its CPU has %s without %s, so nested guests will be slow or not run: switch that on "
            "(virsh edit %s)",
            vendor->feature, list->str, name);
    return g_strdup_printf(
        "its CPU (%s) has %s without %s, so nested guests will be slow or not run: let virt-nest "
        "choose the CPU (virt-nest enable --cpu=host-passthrough %s)",
        cpu.model, vendor->feature, list->str, name);
}

/* Adds a sentence, escaped because it may contain values of the document. */
static void
add_remark(GPtrArray *remarks, gchar *sentence)
{
    g_autofree gchar *owned = sentence;

    if (owned)
        g_ptr_array_add(remarks, nest_error_escape(owned));
}

GPtrArray *
nest_cpu_remarks(const NestDomainXml *xml, const NestCpuVendor *vendor)
{
    GPtrArray *remarks = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(NestQemuCpu) qemu = nest_qemu_cpu_of_domain(xml);
    g_autoptr(GError) error = NULL;

    if (!nest_cpu_check_arguments(xml, vendor, &error)) {
        add_remark(remarks, nest_error_with_code(error));
        return remarks;
    }
    if (qemu->argument)
        add_remark(remarks,
                   g_strdup_printf(
                       "%s in its <qemu:commandline> takes the place of libvirt's CPU, so what "
                       "virt-nest writes into <cpu> has no effect",
                       qemu->argument));
    add_remark(remarks, nest_cpu_remarks_slow(xml, vendor));
    return remarks;
}
