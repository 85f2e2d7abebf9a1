/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU vendors: what each calls its feature and its KVM module. A new vendor or architecture is a row here. */
#pragma once

#include <glib.h>

/* The architecture for which this is compiled, as libvirt calls it, and takes it for a domain that names none. */
#if defined(__s390x__)
#define NEST_CPU_VENDOR_OWN_ARCH "s390x"
#elif defined(__aarch64__)
#define NEST_CPU_VENDOR_OWN_ARCH "aarch64"
#else
#define NEST_CPU_VENDOR_OWN_ARCH "x86_64"
#endif

/**
 * NestCpuVendor: one vendor of CPUs.
 */
typedef struct {
    const char *name;             /* as on the command line: "intel" */
    const char *title;            /* as a person writes it: "Intel" */
    const char *cpuid_vendors[2]; /* as in /proc/cpuinfo: "GenuineIntel"; the second may be NULL */
    const char *feature;          /* as in libvirt's <feature>: "vmx", "svm" or "sief2"; or "EL2" */
    const char *module;           /* as below /sys/module: "kvm_intel" */
    const char *arch;             /* as in libvirt's <type arch=...>: "x86_64" */
    const char *flag;   /* of a CPU that has the feature, in /proc/cpuinfo; NULL: it shows none */
    guint32 cpuid_leaf; /* x86: where CPUID tells of the feature, in ECX */
    guint cpuid_bit;    /* ... by this bit */
    guint kernel_bit;   /* the kernel's number for it (arch/x86/include/asm/cpufeatures.h) */
} NestCpuVendor;

/**
 * nest_cpu_vendor_by_name: the vendor of a name on the command line.
 *
 * Returns: (nullable) a row of the table.
 */
const NestCpuVendor *nest_cpu_vendor_by_name(const char *name);

/**
 * nest_cpu_vendor_by_cpuid: the vendor of a name as CPUID and /proc/cpuinfo have it.
 * @name: as "GenuineIntel", with or without the spaces around it
 *
 * Returns: (nullable) a row of the table.
 */
const NestCpuVendor *nest_cpu_vendor_by_cpuid(const char *name);

/**
 * nest_cpu_vendor_names: the names nest_cpu_vendor_by_name() knows, for a message.
 *
 * Returns: (transfer full) "intel, amd, hygon, zhaoxin, ibm, arm".
 */
gchar *nest_cpu_vendor_names(void) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The vendors for a person: "Intel, AMD, Hygon, Zhaoxin, IBM and Arm". */
gchar *nest_cpu_vendor_titles(void) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer container) The architectures whose guests can have nested guests, each once, ending in NULL: "x86_64", "s390x",
 * "aarch64". */
const char **nest_cpu_vendor_archs(void) G_GNUC_WARN_UNUSED_RESULT;

/* Sets NEST_ERROR_HOST_VENDOR: this host's CPU is of none of them. */
void nest_cpu_vendor_refuse(GError **error);

/**
 * nest_cpu_vendor_cpuinfo: read what /proc/cpuinfo says about the first processor.
 *
 * No more is read, because the kernel generates each processor's part at the time it is read, and a
 * large host has hundreds of processors.
 *
 * Returns: (transfer full)(nullable) the text; NULL where it cannot be read.
 */
gchar *nest_cpu_vendor_cpuinfo(void) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_vendor_of_cpuinfo: find the vendor that a text from /proc/cpuinfo names.
 * @cpuinfo: from nest_cpu_vendor_cpuinfo()
 *
 * Returns: (nullable) a row of the table; NULL for a vendor that is not in it.
 */
const NestCpuVendor *nest_cpu_vendor_of_cpuinfo(const char *cpuinfo);

/**
 * nest_cpu_vendor_of_host: the vendor of this machine, from /proc/cpuinfo.
 *
 * Returns: (nullable) a row of the table, or NULL with NEST_ERROR_HOST_VENDOR.
 */
const NestCpuVendor *nest_cpu_vendor_of_host(GError **error);

/**
 * nest_cpu_vendor_of_model: find the vendor of a CPU model by the model's name.
 * @model: as in libvirt's <model>: "Haswell-noTSX-IBRS"
 *
 * The vendor is known by the family of the model in libvirt's src/cpu_map; versions and variants
 * only add a suffix to the family's name.
 *
 * Returns: (nullable) NULL where the model has no vendor (qemu64, kvm64) or is not known.
 */
const NestCpuVendor *nest_cpu_vendor_of_model(const char *model);

/**
 * nest_cpu_vendor_of_tcg: get the vendor whose feature QEMU's TCG emulates on x86.
 *
 * That feature is SVM, never VMX (facts.md, "Evidence of nested guests").
 */
const NestCpuVendor *nest_cpu_vendor_of_tcg(void);

/**
 * nest_cpu_vendor_of_tcg_arch: the same of any architecture.
 * @arch: as in libvirt's <type arch=...>
 *
 * Returns: (nullable) NULL where TCG emulates none, as of s390x, or where virt-nest knows nothing of the architecture.
 */
const NestCpuVendor *nest_cpu_vendor_of_tcg_arch(const char *arch);

/* Whether it is one of x86, whose modules turn nesting on by themselves since Linux 4.20. */
gboolean nest_cpu_vendor_is_x86(const NestCpuVendor *vendor);

/* Whether libvirt gives the feature to a guest as part of the machine, by <features><virtualization/>, and not of <cpu>. */
gboolean nest_cpu_vendor_is_by_machine(const NestCpuVendor *vendor);
