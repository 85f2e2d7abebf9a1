/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that QEMU's arguments -cpu, -global and -machine choose. They come from a domain's <qemu:commandline>, which adds
 * them to libvirt's arguments, or from the command line of a running QEMU. */
#pragma once

#include "domain/domain_xml.h"
#include "host/cpu_vendor.h"

/* The namespace of <qemu:commandline>. */
#define NEST_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/* What arguments say of a feature. */
typedef enum {
    NEST_QEMU_UNSET,
    NEST_QEMU_OFF,
    NEST_QEMU_ON,
} NestQemuSetting;

/**
 * NestQemuCpu: what arguments for QEMU say of its CPU (facts.md, "QEMU's arguments").
 */
typedef struct {
    gchar *argument;             /* (nullable) the -cpu that counts, as "-cpu host,-vmx" */
    gchar *model;                /* (nullable) its model: "host" */
    const NestCpuVendor *vendor; /* (nullable) what its vendor= says */
    gchar *
        malformed; /* (nullable) an argument that was meant to be -cpu and that QEMU does not know: "-cpu=host" */
    GStrv properties;    /* (nullable) what follows the model, as "-vmx" and "svm=on" */
    GPtrArray *globals;  /* the values of all -global, in order */
    NestQemuSetting el2; /* what the -machine options say of Arm's EL2, by virtualization= */
    gchar *machine;      /* (nullable) the -machine that says it */
} NestQemuCpu;

/* (transfer full) What a domain's <qemu:commandline> says; empty where it says nothing. */
NestQemuCpu *nest_qemu_cpu_of_domain(const NestDomainXml *xml);

/**
 * nest_qemu_cpu_of_command: read the command line of a running QEMU.
 * @text: from /proc/PID/cmdline
 * @length: of @text, in bytes
 *
 * Returns: (transfer full) what it says; empty where it says nothing.
 */
NestQemuCpu *nest_qemu_cpu_of_command(const char *text, gsize length);

void nest_qemu_cpu_free(NestQemuCpu *cpu);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestQemuCpu, nest_qemu_cpu_free)

/* What the -cpu itself says of a feature. */
NestQemuSetting nest_qemu_cpu_property(const NestQemuCpu *cpu, const char *feature);

/**
 * nest_qemu_cpu_global: find what -global says of a feature.
 * @model: (nullable) QEMU's name of the model that the guest gets; NULL: unknown
 * @ret_argument: (transfer full)(optional) gets the argument that says it
 */
NestQemuSetting nest_qemu_cpu_global(const NestQemuCpu *cpu, const char *model, const char *feature,
                                     gchar **ret_argument);

/* (nullable) The vendor of the CPU that the -cpu of @cpu (which must have one) gives the guest. NULL: no vendor, or under KVM
 * the host's. */
const NestCpuVendor *nest_qemu_cpu_vendor(const NestQemuCpu *cpu, gboolean kvm);

/* Whether the -cpu of @cpu (which must have one) names a model that has all that the host or TCG has. */
gboolean nest_qemu_cpu_is_whole(const NestQemuCpu *cpu);

/**
 * nest_qemu_cpu_exposes: whether the -cpu of @cpu (which must have one) gives the guest the feature.
 * @vendor: whose feature the guest is to see
 * @kvm: whether the guest runs under KVM, where a named model has the host's vendor
 *
 * A named model that has the feature by itself does not count, as in nest_cpu_exposes(). If the feature belongs to the
 * machine, as Arm's EL2 does, -machine is judged.
 */
gboolean nest_qemu_cpu_exposes(const NestQemuCpu *cpu, const NestCpuVendor *vendor, gboolean kvm);
