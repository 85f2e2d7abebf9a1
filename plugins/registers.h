/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vCPUs' registers as QEMU's monitor shows them, and the bit in them that says whether a hypervisor is on. */
#pragma once

#include "guard/verdict.h"

#include <glib.h>

/* The most bytes that are read of a vCPU, more than twice what QEMU writes of one with AVX-512 (facts.md, "The monitor's
 * answers"), and of what stands around all of them. */
#define NEST_REGISTERS_VCPU_BYTES ((gsize)16 * 1024)
#define NEST_REGISTERS_OTHER_BYTES ((gsize)4 * 1024)

/* Whether any register that QEMU shows tells of this feature. */
gboolean nest_registers_shows(const char *feature);

/**
 * nest_registers_read: find out whether a hypervisor is on in any vCPU.
 * @text: the output of "info registers -a"
 * @feature: "vmx" or "svm"
 * @vcpus: the most vCPUs that the domain can have; no more are read
 *
 * Takes time and memory that grow with the length of the text, and no more.
 *
 * Returns: SET where the bit is set in one vCPU, CLEAR where it is clear in all, else UNKNOWN. If the text has more
 * vCPUs than @vcpus, it cannot be CLEAR.
 */
NestBit nest_registers_read(const char *text, const char *feature, guint vcpus);
