/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the probes and the guard plugins about one guest now, if no virtnestd has asked them. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_leave_probe_sample: ask the probes, for a second at most.
 * @directory: where the plugins are
 * @domain: may be of a read-only connection
 * @guest: its feature is the one to look for
 * @ask_qemu: if the other probes give no evidence, those that ask QEMU itself may be used; libvirt notes that as a taint
 *
 * Returns: the verdict on all samples, the last of which was taken just now.
 */
NestVerdict nest_leave_probe_sample(const char *directory, virDomainPtr domain,
                                    const NestGuest *guest, gboolean ask_qemu);

/* Asks QEMU whether a guard is armed; FALSE also if QEMU cannot be asked. */
gboolean nest_leave_probe_is_armed(const char *directory, virDomainPtr domain,
                                   const NestGuest *guest);
