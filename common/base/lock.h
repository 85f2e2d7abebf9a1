/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locks between programs, each on a file below /run/virt-nest. The kernel releases a lock when its holder ends. */
#pragma once

#include <glib.h>

/**
 * nest_lock_open: open a lock's file, and make it if it is missing.
 * @name: the file's, such as "host.lock"
 *
 * Only root and the user who made it can open it later, so nobody else can hold the lock.
 *
 * Returns: a descriptor, whose close() releases the lock; -1 with NEST_ERROR_IO.
 */
int nest_lock_open(const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A descriptor for nest_lock_is_held() alone; -1 where there is no such file, or this user may not read it. */
int nest_lock_open_to_ask(const char *name) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the lock unless somebody else holds it; never waits. Returns: whether this descriptor holds it. */
gboolean nest_lock_try(int lock) G_GNUC_WARN_UNUSED_RESULT;

/* Whether another descriptor holds it; never waits. */
gboolean nest_lock_is_held(int lock);
