/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU rewrite: from a domain, its tag and a vendor to a <cpu> with VMX or SVM. */
#pragma once

#include "domain_xml.h"
#include "cpu_vendor.h"
#include "tag.h"

/**
 * nest_cpu_feature_vendor: whose feature a domain's guest is to see.
 * @xml: the domain
 * @host: (nullable) the vendor of the host, used for type='kvm'
 *
 * Returns: TCG's vendor for type='qemu', else @host; NULL with NEST_ERROR_CPU_TYPE,
 * NEST_ERROR_CPU_ARCH, NEST_ERROR_CPU_CONFIDENTIAL or (where @host is NULL) NEST_ERROR_HOST_VENDOR
 * where a domain like this cannot have nested guests.
 */
const NestCpuVendor *nest_cpu_feature_vendor(const NestDomainXml *xml, const NestCpuVendor *host,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_is_kvm: whether the domain runs under KVM and so needs the host's module.
 */
gboolean nest_cpu_is_kvm(const NestDomainXml *xml);

/**
 * nest_cpu_rewrite: want the <cpu> that the tag asks for.
 * @xml: the domain, tagged; the change is wanted of it, nest_domain_xml_text() gives the result
 * @tag: what is asked for
 * @host: (nullable) the vendor of the host
 * @changes: takes one sentence (gchar *) for each change; none where nothing is to be done
 *
 * Pure and idempotent: depends on nothing but its arguments, and finds nothing to do in its own
 * result. Only <cpu> is changed.
 *
 * Returns: FALSE with NEST_ERROR_CPU_* (or NEST_ERROR_XML, for a <cpu> that cannot be written) where it
 * cannot be; nothing is wanted of @xml then.
 */
gboolean nest_cpu_rewrite(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                          GPtrArray *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_work_out: nest_cpu_rewrite() without the wanting.
 * @ret_cpu: (transfer full) the <cpu> for nest_cpu_put(); NULL where nothing is to be done
 *
 * The <cpu> of the tree is changed, not that of the text.
 */
gboolean nest_cpu_work_out(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                           GPtrArray *changes, gchar **ret_cpu,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Wants a <cpu> in place of the one there is, or where one belongs. */
void nest_cpu_put(NestDomainXml *xml, const char *cpu);

/**
 * nest_cpu_exposes: whether a guest started from this XML sees the feature, on a host that has it.
 * @xml: the domain; at a hook's start host-model is expanded by libvirt (docs/hooks.rst)
 * @vendor: from nest_cpu_feature_vendor()
 *
 * Judged by effect: a mode that hands the host's CPU through, or the feature required by name. A
 * model that may bring the feature by itself does not count, as QEMU's and libvirt's ideas of the
 * models differ there. Nor does a model of the other vendor, in which the guest's kernel will not look
 * for the feature.
 */
gboolean nest_cpu_exposes(const NestDomainXml *xml, const NestCpuVendor *vendor);

/* (transfer full) The CPU in a word for a person: "host-passthrough", "EPYC + svm", "none". */
gchar *nest_cpu_describe(const NestDomainXml *xml);
