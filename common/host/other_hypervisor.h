/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hypervisors other than KVM that use, or keep to themselves, this host's VMX or SVM. */
#pragma once

#include <glib.h>

/**
 * nest_other_hypervisor_names: find the other hypervisors that are there.
 *
 * While guests of one of them run, the CPU's virtualization is theirs: KVM then starts no guest, and from Linux 6.12 on
 * its module cannot even be loaded (kvm_enable_virtualization in virt/kvm/kvm_main.c).
 *
 * Returns: (transfer full)(element-type utf8) such as "VirtualBox (module vboxdrv)".
 */
GPtrArray *nest_other_hypervisor_names(void) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full)(nullable) The same as one text; NULL if there is none. */
gchar *nest_other_hypervisor_text(void) G_GNUC_WARN_UNUSED_RESULT;

/* Whether this kernel runs on Xen, which shows it neither VMX nor SVM. */
gboolean nest_other_hypervisor_is_xen(void);
