/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of vmx and svm a running guest's vCPUs really have: QEMU is asked. */
#pragma once

#include <libvirt/libvirt.h>
#include <glib.h>

/**
 * nest_shown_ask: ask a domain's QEMU.
 * @domain: running
 * @ret_feature: (out)(nullable) "vmx" or "svm"; NULL: its processors have neither
 *
 * Each command taints the domain "custom-monitor" (facts.md, "A migration blocker at run time"). A QEMU that does not answer
 * libvirt is not asked.
 *
 * Returns: FALSE where it was not asked, or did not answer.
 */
gboolean nest_shown_ask(virDomainPtr domain, const char **ret_feature);
