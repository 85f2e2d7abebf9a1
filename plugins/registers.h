/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vCPUs' registers as QEMU's monitor shows them, and the bit in them that says whether a hypervisor is on. */
#pragma once

#include "guard/verdict.h"

#include <glib.h>

/* The most bytes that are read for one vCPU, and for the text around all vCPUs. The first is more than twice what QEMU
 * writes for a vCPU with AVX-512 (facts.md, "The monitor's answers"). */
#define NEST_REGISTERS_VCPU_BYTES ((gsize)16 * 1024)
#define NEST_REGISTERS_OTHER_BYTES ((gsize)4 * 1024)

/* Whether there is a register that QEMU shows and that tells whether this feature is in use. */
gboolean nest_registers_shows(const char *feature);

/**
 * nest_registers_read: find out whether a hypervisor is on in any vCPU.
 * @text: the output of "info registers -a"
 * @feature: "vmx" or "svm"
 * @vcpus: the most vCPUs that the domain can have; no more are read
 *
 * Time and memory grow only linearly with the length of the text.
 *
 * Returns: SET if the bit is set in any vCPU, CLEAR if it is clear in all, else UNKNOWN. If the text has more vCPUs
 * than @vcpus, the result is never CLEAR.
 */
NestBit nest_registers_read(const char *text, const char *feature, guint vcpus);
