/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU rewrite: takes a domain, its tag and a vendor, and makes a <cpu> with VMX or SVM, or without both. */
#pragma once

#include "domain/domain_xml.h"
#include "domain/tag.h"
#include "host/cpu_vendor.h"

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
 * Returns: FALSE where the rewrite is not possible, with NEST_ERROR_CPU_*, or with
 * NEST_ERROR_HOST_VENDOR where @host is NULL and needed; no change is scheduled in @xml then.
 */
gboolean nest_cpu_rewrite(NestDomainXml *xml, const NestTag *tag, const NestCpuVendor *host,
                          GPtrArray *changes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_rewrite_work_out: do the work of nest_cpu_rewrite(), but schedule no change.
 * @ret_cpu: (transfer full) the <cpu> for nest_cpu_rewrite_put(); NULL where there is nothing to do
 *
 * Changes the <cpu> in the parsed tree, but not in the text.
 */
gboolean nest_cpu_rewrite_work_out(NestDomainXml *xml, const NestTag *tag,
                                   const NestCpuVendor *host, GPtrArray *changes, gchar **ret_cpu,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_cpu_rewrite_off_work_out: the same for a guest that shall have neither vmx nor svm.
 *
 * Every mode and model gets both features with policy='disable', because some models have one by themselves, and a
 * definition may go to another host. If <cpu> withholds a feature already, this stays. Required parts of the features are
 * removed, because they cannot exist without the feature. A domain that cannot have the features (nest_cpu_off_applies())
 * is left alone.
 */
void nest_cpu_rewrite_off_work_out(NestDomainXml *xml, GPtrArray *changes, gchar **ret_cpu);

/* Does the same and schedules the change, as nest_cpu_rewrite() does. */
void nest_cpu_rewrite_off(NestDomainXml *xml, GPtrArray *changes);

/* Schedules @cpu to replace the present <cpu>, or to be inserted where a <cpu> belongs. */
void nest_cpu_rewrite_put(NestDomainXml *xml, const char *cpu);

/**
 * nest_cpu_rewrite_find_host: find the vendor that nest_cpu_rewrite() needs as the host's.
 * @host: (inout) if it is NULL and the domain needs a vendor, it becomes this host's vendor
 *
 * Returns: FALSE with NEST_ERROR_HOST_VENDOR.
 */
gboolean nest_cpu_rewrite_find_host(const NestDomainXml *xml, const NestCpuVendor **host,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
