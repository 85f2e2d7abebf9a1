/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the host's files are: below $VIRT_NEST_ROOT when a test sets up a host in a directory. */
#pragma once

#include <glib.h>

/**
 * nest_root_is_fake: whether $VIRT_NEST_ROOT is in effect.
 *
 * It is read with secure_getenv(3), so it never has an effect in a program with raised privileges.
 */
gboolean nest_root_is_fake(void);

/**
 * nest_root_path: get the path of a file on the real or the fake host.
 * @path: absolute, such as "/sys/module/kvm_amd"
 *
 * Returns: (transfer full) the path to open.
 */
gchar *nest_root_path(const char *path) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_root_read: read a file of the real or the fake host.
 * @path: absolute, such as "/proc/cpuinfo"
 * @ret_length: (out)(nullable) the bytes read; a file of /proc may hold NULs
 *
 * Returns: (transfer full)(nullable) its text, with a NUL at the end; NULL if it cannot be read.
 */
gchar *nest_root_read(const char *path, gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full)(nullable) The same for the file @name of /proc/@pid. */
gchar *nest_root_read_process(gint64 pid, const char *name,
                              gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;

/* Whether an ordinary user runs this program. It then works on qemu:///session, and may not change the host. */
gboolean nest_root_is_session(void);

/**
 * nest_root_libvirt_path: get the path of a directory of qemu:///system or of this user's session.
 * @system: the path for qemu:///system, absolute, such as "/var/lib/libvirt/qemu/snapshot"
 * @session: the path for a session, below ~/.config/libvirt, such as "qemu/snapshot"
 *
 * Returns: (transfer full) the path to open.
 */
gchar *nest_root_libvirt_path(const char *system, const char *session) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_root_runtime_path: get the path of a file of ours that lasts until the next boot.
 * @name: its name below the runtime directory
 *
 * Returns: (transfer full) /run/virt-nest/@name for root, /run/user/UID/virt-nest/@name for others.
 */
gchar *nest_root_runtime_path(const char *name) G_GNUC_WARN_UNUSED_RESULT;
