/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain of a VMI of KubeVirt, with the tag and the CPU that the VMI's annotations ask for. */
#pragma once

#include "vmi.h"

/**
 * nest_vmi_domain_rewrite: what KubeVirt shall define for a VMI.
 * @vmi: gets what could be read of the VMI; all zeros before the call
 * @json: the VMI, @length bytes, or -1: it ends in NUL
 * @domain: its domain's XML
 *
 * There is neither virtnestd nor our hook in the pod, so the node is judged here. The changes of the CPU, or why
 * there are
 * none although nested guests are asked for, are printed to standard error.
 *
 * Returns: (transfer full) the XML; as it is, if the VMI asks for nothing. NULL: an error.
 */
gchar *nest_vmi_domain_rewrite(NestVmi *vmi, const char *json, gssize length, const char *domain,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
