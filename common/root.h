/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the host's files are: below $VIRT_NEST_ROOT when a test lays out a host in a folder. */
#pragma once

#include <glib.h>

/**
 * nest_root_is_fake: whether $VIRT_NEST_ROOT is in force.
 *
 * Read with secure_getenv(3), so never in a program with raised privileges.
 */
gboolean nest_root_is_fake(void);

/**
 * nest_root_path: a file of the host, real or laid out.
 * @path: absolute, as "/sys/module/kvm_amd"
 *
 * Returns: (transfer full) the path to open.
 */
gchar *nest_root_path(const char *path) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_root_runtime_path: a file of ours that lives until the next boot.
 * @name: its name below the runtime folder
 *
 * Returns: (transfer full) /run/virt-nest/@name for root, /run/user/UID/virt-nest/@name for others.
 */
gchar *nest_root_runtime_path(const char *name) G_GNUC_WARN_UNUSED_RESULT;
