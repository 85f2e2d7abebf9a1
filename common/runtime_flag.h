/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flags: notes between the hook and virtnestd about one domain, void after a minute.
 *
 * A flag is an empty file in a folder only root reads, named by the domain's uuid. There are four
 * kinds.
 *
 * RESUMING and RESTORING: libvirt calls prepare and start for a boot and for a guest that resumes saved
 * state alike. A guest that resumes has the CPU it had, so it must not be judged by it. Where the live
 * marker in its XML does not tell (virtnestd was not there when it was saved), the hook's migrate and
 * restore leave these flags for the prepare and start that follow. Restore judges nothing, so prepare
 * judges by its flag what migrate has judged itself. A flag is used once, taken away by what refuses, and
 * void after a minute, because a migration without its guest (virsh migrate --offline), or a restore that
 * libvirt itself refuses (of an image that does not fit), leaves one that nobody collects: within that minute
 * a boot is not refused for its CPU.
 *
 * CORRECTING: virtnestd is sending a corrected definition to libvirt, which waits there until the
 * domain is free. A hook that refuses a start because it was faster waits for this, so that the
 * next start finds the correction before it in line.
 *
 * STARTING: the hook has let a tagged domain start, and its QEMU has not opened /dev/kvm yet, which from then
 * on keeps the module. In between nobody may turn nesting off. */
#pragma once

#include <glib.h>

typedef enum {
    NEST_RUNTIME_FLAG_RESUMING,
    NEST_RUNTIME_FLAG_RESTORING,
    NEST_RUNTIME_FLAG_CORRECTING,
    NEST_RUNTIME_FLAG_STARTING
} NestRuntimeFlag;

/**
 * nest_runtime_flag_set: say so of a domain.
 * @flag: what is said
 * @uuid: the domain's
 *
 * Returns: FALSE with NEST_ERROR_IO.
 */
gboolean nest_runtime_flag_set(NestRuntimeFlag flag, const char *uuid, GError **error);

/* Whether there is a fresh flag. */
gboolean nest_runtime_flag_test(NestRuntimeFlag flag, const char *uuid);

/* (transfer full)(nullable) The uuid of a domain, any, of which there is a fresh one. */
gchar *nest_runtime_flag_find(NestRuntimeFlag flag);

/* Takes the flag away, if there is one. Never fails. */
void nest_runtime_flag_clear(NestRuntimeFlag flag, const char *uuid);
