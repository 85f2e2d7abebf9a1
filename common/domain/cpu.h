/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU rewrite: takes a domain, its tag and a vendor, and makes a <cpu> with VMX or SVM. */
#pragma once

#include "domain/domain_xml.h"
#include "domain/tag.h"
#include "host/cpu_vendor.h"

/**
 * nest_cpu_feature_vendor: get the vendor whose feature a domain's guest is to see.
 * @xml: the domain
 * @host: (nullable) the vendor of the host, used for type='kvm'
 *
 * Returns: TCG's vendor for type='qemu', else @host. Where such a domain cannot have nested guests:
 * NULL with NEST_ERROR_CPU_TYPE, NEST_ERROR_CPU_ARCH, NEST_ERROR_CPU_CONFIDENTIAL or (if @host is
 * NULL) NEST_ERROR_HOST_VENDOR.
 */
const NestCpuVendor *nest_cpu_feature_vendor(const NestDomainXml *xml, const NestCpuVendor *host,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_is_kvm: whether the domain runs under KVM and so needs the host's module.
 */
gboolean nest_cpu_is_kvm(const NestDomainXml *xml);

/**
 * nest_cpu_rewrite: schedule the change to the <cpu> that the tag asks for.
 * @xml: the tagged domain; the change is scheduled in it, nest_domain_xml_text() gives the result
 * @tag: what is asked for
 * @host: (nullable) the vendor of the host
 * @changes: gets one sentence (gchar *) added for each change; none where there is nothing to do
 *
 * Pure and idempotent: the function depends on nothing but its arguments, and has nothing to do on
 * its own result. Only <cpu> is changed.
 *
 * Returns: FALSE with NEST_ERROR_CPU_*, or with NEST_ERROR_XML for a <cpu> that cannot be written,
 * where the rewrite is not possible; no change is scheduled in @xml then.
 */
gboolean nest_cpu_rewrite(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                          GPtrArray *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_work_out: do the work of nest_cpu_rewrite(), but schedule no change.
 * @ret_cpu: (transfer full) the <cpu> for nest_cpu_put(); NULL where there is nothing to do
 *
 * Changes the <cpu> in the parsed tree, but not in the text.
 */
gboolean nest_cpu_work_out(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                           GPtrArray *changes, gchar **ret_cpu,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Schedules @cpu to replace the present <cpu>, or to be inserted where a <cpu> belongs. */
void nest_cpu_put(NestDomainXml *xml, const char *cpu);

/**
 * nest_cpu_exposes: whether a guest started from this XML sees the feature, on a host that has it.
 * @xml: the domain; for the hook's start operation libvirt has expanded host-model (docs/hooks.rst)
 * @vendor: from nest_cpu_feature_vendor()
 *
 * The CPU is judged by its effect: its mode passes the host's CPU through, or it requires the feature
 * by name. A model that may include the feature by itself does not count, because QEMU and libvirt
 * define the models differently there. Nor does a model of the other vendor count, because the guest's
 * kernel will not look for the feature on such a CPU.
 */
gboolean nest_cpu_exposes(const NestDomainXml *xml, const NestCpuVendor *vendor);

/* (transfer full) The CPU in a word for a person: "host-passthrough", "EPYC + svm", "none". */
gchar *nest_cpu_describe(const NestDomainXml *xml);
