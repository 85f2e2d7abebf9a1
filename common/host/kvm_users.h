/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who keeps the KVM module in use: domains and other processes, by name. */
#pragma once

#include <glib.h>

/**
 * NestKvmUser: a process that has /dev/kvm open, or a virtual machine made with it.
 */
typedef struct {
    gint pid;    /* its number in /proc */
    gchar *name; /* of the domain (QEMU's -name guest=), else the process's own (/proc/PID/comm) */
    gboolean domain; /* whether @name is a domain's */
} NestKvmUser;

/**
 * nest_kvm_users_read: find all users that can be seen from here, by /proc/PID/fd.
 *
 * Only root sees the descriptors of others. Users in a PID namespace that /proc does not show stay
 * unseen, although the module's reference count includes them.
 *
 * Returns: (transfer full)(element-type NestKvmUser) by pid; empty where nobody was seen.
 */
GPtrArray *nest_kvm_users_read(void) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_kvm_users_text: the users for a message.
 * @users: from nest_kvm_users_read()
 *
 * Returns: (transfer full) "domain web1 (pid 812), crosvm (pid 90)", shortened after some with "and 7
 * more"; where empty, "a process that cannot be seen from here".
 */
gchar *nest_kvm_users_text(const GPtrArray *users) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) The users there are now, in words. */
gchar *nest_kvm_users_describe(void) G_GNUC_WARN_UNUSED_RESULT;
