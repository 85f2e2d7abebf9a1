/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flags: notes between the hook and virtnestd about one domain, void after a minute.
 *
 * A flag is an empty file in a directory that only its user can read: root, or in a session that
 * user. The file's name is the domain's uuid.
 * There are four kinds.
 *
 * RESUMING and RESTORING: libvirt runs the hook's prepare and start both for a boot and for a guest that
 * resumes saved state. A guest that resumes has the CPU that it had before, so the hook must not judge
 * it by its CPU. The live status in the guest's XML shows that the guest resumes, but it may be missing
 * because virtnestd did not run when the guest was saved. So the hook's migrate and restore set these
 * flags for the prepare and start that follow. Migrate also judges the guest; restore does not. So if
 * prepare finds the flag of restore, it makes the checks that migrate would have made. A flag is used
 * once. An operation that refuses removes it. It is void after a minute, because nobody removes it
 * after a migration without the guest (virsh migrate --offline), or after a restore that libvirt itself
 * refuses. Within that minute a boot is not refused because of its CPU.
 *
 * CORRECTING: virtnestd is sending a corrected definition to libvirt, where it waits until the
 * domain is free. If a start was faster than the correction, the hook waits up to two seconds for
 * this flag to be set before it refuses the start: then the correction is queued before the next
 * start.
 *
 * STARTING: the hook has let a tagged domain start. Its QEMU keeps the KVM module loaded as soon as it has
 * opened /dev/kvm. Until then this flag keeps everybody from turning nesting off. */
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
