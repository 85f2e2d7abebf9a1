/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flags: notes between the hook and virtnestd about one domain, void after a minute.
 *
 * A flag is an empty file in a directory that only root can read; its name is the domain's uuid.
 * There are four kinds.
 *
 * RESUMING and RESTORING: libvirt runs the hook's prepare and start both for a boot and for a guest that
 * resumes saved state. A guest that resumes has the CPU that it had before, so the hook must not judge
 * it by its CPU. For the case that the live status in its XML does not tell (virtnestd was not there when
 * it was saved), the hook's migrate and restore leave these flags for the prepare and start that follow.
 * Restore judges nothing, so where prepare finds the flag of restore, it makes the checks that migrate
 * makes itself. A flag is used once, and an operation that refuses removes it. It is void after a minute,
 * because a migration without its guest (virsh migrate --offline), or a restore that libvirt itself refuses
 * (of an image that does not fit), leaves a flag that nobody collects. Within that minute a boot is not
 * refused because of its CPU.
 *
 * CORRECTING: virtnestd is sending a corrected definition to libvirt, where it waits until the
 * domain is free. A hook that refuses a start which was faster than the correction first waits for
 * this flag, so that the correction is queued before the next start.
 *
 * STARTING: the hook has let a tagged domain start, but its QEMU has not opened /dev/kvm yet; once it has,
 * that keeps the module loaded. Until then nobody may turn nesting off. */
#pragma once

#include <glib.h>

typedef enum {
    NEST_RUNTIME_FLAG_RESUMING,
    NEST_RUNTIME_FLAG_RESTORING,
    NEST_RUNTIME_FLAG_CORRECTING,
    NEST_RUNTIME_FLAG_STARTING
} NestRuntimeFlag;

/**
 * nest_runtime_flag_set: set a flag for a domain.
 * @flag: the kind of flag
 * @uuid: the domain's
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_runtime_flag_set(NestRuntimeFlag flag, const char *uuid, GError **error);

/* Whether there is a fresh flag. */
gboolean nest_runtime_flag_test(NestRuntimeFlag flag, const char *uuid);

/* (transfer full)(nullable) The uuid of any one domain that has a fresh flag of this kind. */
gchar *nest_runtime_flag_find(NestRuntimeFlag flag);

/* Takes the flag away, if there is one. Never fails. */
void nest_runtime_flag_clear(NestRuntimeFlag flag, const char *uuid);
