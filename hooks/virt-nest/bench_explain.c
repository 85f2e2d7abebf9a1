/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The properties of this host that decide how much nesting costs, and whether its figures mean anything. */
#include "bench_explain.h"

#include "base/root.h"
#include "host/kvm_parameters.h"

#include <cpuid.h>
#include <string.h>
#include <sys/utsname.h>

/* Where CPUID has the hypervisor's name (Linux, Documentation/virt/kvm/x86/cpuid.rst), and whether there is one. */
enum { HYPERVISOR_LEAF = 0x40000000, HYPERVISOR_BIT = 31 };

/* The name of the hypervisor of a host that is itself a guest. */
static const struct {
    const char *signature;
    const char *name;
    gboolean emulates;
} hypervisors[] = {
    {"TCGTCGTCGTCG", "QEMU's emulation", TRUE},
    {"KVMKVMKVM", "KVM", FALSE},
    {"Microsoft Hv", "Hyper-V", FALSE},
    {"VMwareVMware", "VMware", FALSE},
    {"XenVMMXenVMM", "Xen", FALSE},
};

/* FALSE where this host is no guest. */
static gboolean
read_hypervisor(char signature[13])
{
    unsigned int eax = 0;
    unsigned int words[3] = {0};

    if (!__get_cpuid(1, &eax, &words[0], &words[1], &words[2]) ||
        !(words[1] & (1U << HYPERVISOR_BIT)))
        return FALSE;
    __cpuid(HYPERVISOR_LEAF, eax, words[0], words[1], words[2]);
    memcpy(signature, words, sizeof(words));
    signature[sizeof(words)] = '\0';
    return TRUE;
}

static void
explain_hypervisor(NestBenchReport *report)
{
    char signature[13] = "";
    const char *name = "an unknown hypervisor";
    gboolean emulates = FALSE;

    if (!read_hypervisor(signature))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(hypervisors); i++)
        if (g_str_equal(signature, hypervisors[i].signature)) {
            name = hypervisors[i].name;
            emulates = hypervisors[i].emulates;
        }
    nest_bench_report_add_fact(
        report, "hypervisor",
        g_strdup_printf("this host is a guest of %s: every level is one deeper", name));
    if (emulates && !report->no_meaning)
        report->no_meaning = g_strdup(
            "These figures mean nothing: QEMU's TCG emulates the processor of this host, so they "
            "show what the emulation costs, and not what nesting costs. Run it on a real host.");
}

static void
explain_parameters(NestBenchReport *report, const NestCpuVendor *vendor)
{
    g_autoptr(GPtrArray) parameters = nest_kvm_parameters_read(vendor);

    for (guint i = 0; i < parameters->len; i++) {
        const NestKvmParameter *parameter = g_ptr_array_index(parameters, i);

        nest_bench_report_add_fact(report, parameter->name,
                                   g_strdup_printf("%s: %s", parameter->value, parameter->meaning));
    }
}

/* "always [madvise] never": the word in brackets counts. */
static void
explain_huge_pages(NestBenchReport *report)
{
    g_autofree gchar *path = nest_root_path("/sys/kernel/mm/transparent_hugepage/enabled");
    g_autofree gchar *text = NULL;
    const char *begin = NULL;
    const char *end = NULL;

    if (g_file_get_contents(path, &text, NULL, NULL))
        begin = strchr(text, '[');
    end = begin ? strchr(begin, ']') : NULL;
    if (end)
        nest_bench_report_add_fact(
            report, "huge pages",
            g_strdup_printf(
                "%.*s: in small pages, each miss of the TLB costs more, most of all in L2",
                (int)(end - begin - 1), begin + 1));
}

void
nest_bench_explain(NestBenchReport *report, const NestCpuVendor *vendor)
{
    struct utsname names;

    if (!vendor)
        report->no_meaning = g_strdup(
            "These figures mean nothing: QEMU emulates L1 (--emulate), so they show what the "
            "emulation costs, and not what nesting costs. Run it without --emulate on a host with KVM.");
    if (!report->kernel)
        report->kernel = g_strdup(uname(&names) == 0 ? names.release : "unknown");
    report->module = vendor ? vendor->module : NULL;
    if (vendor)
        explain_parameters(report, vendor);
    explain_huge_pages(report);
    explain_hypervisor(report);
}
