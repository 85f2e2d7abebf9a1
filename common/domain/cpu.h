/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's present CPU: its class, what it gives the guest, and whether the guest can have nested guests at all. */
#pragma once

#include "domain/domain_xml.h"
#include "domain/qemu_cpu.h"
#include "host/cpu_vendor.h"

/* What a domain's CPU is; bits, so that a rule can name several. */
typedef enum {
    NEST_CPU_CLASS_NONE = 1 << 0,        /* no <cpu>, or one without a model and the modes below */
    NEST_CPU_CLASS_DEFAULT = 1 << 1,     /* what libvirt writes where none was chosen */
    NEST_CPU_CLASS_PASSTHROUGH = 1 << 2, /* mode host-passthrough */
    NEST_CPU_CLASS_MAXIMUM = 1 << 3,     /* mode maximum */
    NEST_CPU_CLASS_HOST_MODEL = 1 << 4,  /* mode host-model */
    NEST_CPU_CLASS_CUSTOM = 1 << 5,      /* a model of no known vendor */
    NEST_CPU_CLASS_MATCHING = 1 << 6,    /* a model with the vendor's feature */
    NEST_CPU_CLASS_FOREIGN = 1 << 7,     /* a model of a vendor with the other feature */
    NEST_CPU_CLASS_ANY = (1 << 8) - 1,
} NestCpuClass;

/* The two names of the feature on x86. A domain may name both. */
#define NEST_CPU_FEATURES 2
extern const char *const nest_cpu_features[NEST_CPU_FEATURES];

/* The class of a <cpu>; @vendor: whose feature the guest is to see. */
NestCpuClass nest_cpu_classify(const xmlNode *cpu, const NestCpuVendor *vendor);

/**
 * nest_cpu_is_expanded_default: whether a <cpu> is libvirt's default in the form of a running guest's XML.
 *
 * There libvirt adds check='full', the features that QEMU and KVM add to the model, and, as disabled, the model's features
 * that the host lacks (facts.md, "Definitions"). If there is any other feature, somebody has chosen the CPU.
 */
gboolean nest_cpu_is_expanded_default(const xmlNode *cpu);

/* Whether libvirt adds this <feature> to its default CPU on every host. */
gboolean nest_cpu_is_expansion(const xmlNode *feature);

/* (transfer full)(nullable) The model that a <cpu> names. */
gchar *nest_cpu_model(const xmlNode *cpu);

/* (transfer full)(nullable) QEMU's name of the model that libvirt asks for: "host", "EPYC". NULL: there is none, or a
 * host-model is not expanded yet. */
gchar *nest_cpu_qemu_model(const xmlNode *cpu);

/* (nullable) The <feature> of this name in a <cpu>, which may be NULL. */
xmlNode *nest_cpu_find_feature(const xmlNode *cpu, const char *name);

/* Whether a <feature> gives the guest the feature, or keeps it from the guest; both FALSE for NULL. */
gboolean nest_cpu_grants(const xmlNode *feature);
gboolean nest_cpu_withholds(const xmlNode *feature);

/**
 * nest_cpu_feature_vendor: get the vendor whose feature a domain's guest is to see.
 * @xml: the domain
 * @host: (nullable) the vendor of the host, used for type='kvm'
 *
 * Returns: for type='qemu' the vendor that TCG emulates for the domain's architecture, else @host. If such a domain cannot
 * have nested guests: NULL with NEST_ERROR_CPU_TYPE, NEST_ERROR_CPU_ARCH, NEST_ERROR_CPU_CONFIDENTIAL or (if @host is NULL)
 * NEST_ERROR_HOST_VENDOR.
 */
const NestCpuVendor *nest_cpu_feature_vendor(const NestDomainXml *xml, const NestCpuVendor *host,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_is_kvm: whether the domain runs under KVM and so needs the host's module.
 */
gboolean nest_cpu_is_kvm(const NestDomainXml *xml);

/**
 * nest_cpu_exposes: whether a guest started from this XML sees the feature, on a host that has it.
 * @xml: the domain; for the hook's start operation libvirt has expanded host-model (docs/hooks.rst)
 * @vendor: from nest_cpu_feature_vendor()
 *
 * The CPU is judged by its effect: either its mode passes the host's CPU through, or it requires the
 * feature by name. A model that has the feature by itself does not count, because QEMU and libvirt
 * define such models differently. A model of the other vendor does not count either, because the
 * guest's kernel does not look for the feature on such a CPU. A -cpu in <qemu:commandline> counts instead
 * of <cpu>. A -global there counts if neither names the feature (facts.md, "QEMU's arguments").
 */
gboolean nest_cpu_exposes(const NestDomainXml *xml, const NestCpuVendor *vendor);

/* Whether a guest started from this XML may see the feature, by its <cpu> or as nest_cpu_exposes() says. For callers that
 * must not miss such a guest, such as the guard. */
gboolean nest_cpu_may_expose(const NestDomainXml *xml, const NestCpuVendor *vendor);

/* Whether the domain's CPU passes on what the host or QEMU's emulation has, and with it the feature, even without a tag.
 * host-model has the feature once the host's nesting is on. */
gboolean nest_cpu_passes_feature(const NestDomainXml *xml, const NestCpuVendor *vendor);

/**
 * nest_cpu_check_arguments: whether the arguments in <qemu:commandline> leave the guest the feature.
 * @xml: the domain
 * @vendor: from nest_cpu_feature_vendor()
 *
 * Returns: FALSE with NEST_ERROR_CPU_ARGUMENT if they keep it from the guest, whatever <cpu> says.
 */
gboolean nest_cpu_check_arguments(const NestDomainXml *xml, const NestCpuVendor *vendor,
                                  GError **error);

/**
 * nest_cpu_vcpus: get the most vCPUs that a domain can have, hotplugged ones included.
 *
 * Returns: the number in <vcpu>; 1 where there is none, as libvirt does, and never more than libvirt takes (16384,
 * VIR_DOMAIN_CPUMASK_LEN).
 */
guint nest_cpu_vcpus(const NestDomainXml *xml);

/* (transfer full) The CPU in a word for a person: "host-passthrough", "EPYC + svm", "none", "Penryn by -cpu". */
gchar *nest_cpu_describe(const NestDomainXml *xml);

/* (transfer full) The same for a -cpu, which @qemu must have. */
gchar *nest_cpu_describe_qemu(const NestQemuCpu *qemu);
