/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the probes and the guard plugins say of one guest now, where no virtnestd has asked them. */
#pragma once

#include "nest-plugin.h"

/**
 * nest_leave_probe_sample: ask the probes, for a second at most.
 * @directory: where the plugins are
 * @domain: may be of a read-only connection
 * @guest: its feature is the one to look for
 * @ask_qemu: the probes that ask QEMU itself, which libvirt notes as a taint, may be asked where the others are silent
 *
 * Returns: the verdict on all samples, the last of which was taken just now.
 */
NestVerdict nest_leave_probe_sample(const char *directory, virDomainPtr domain,
                                    const NestGuest *guest, gboolean ask_qemu);

/* Whether a guard is armed in QEMU, which is asked; FALSE where that cannot be asked. */
gboolean nest_leave_probe_is_armed(const char *directory, virDomainPtr domain,
                                   const NestGuest *guest);
