/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block node that guard-blocker adds to a QEMU, and what QEMU says about migration because of it. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/* The name of the node. QEMU's message shows it when QEMU refuses to migrate. QEMU takes at most 31 characters. */
#define NEST_BLOCKER_NODE "virt-nest-nested-guests-running"
/* The node's name in versions before the first release. A guest whose node has this name counts as
 * armed, and is disarmed like any other. */
#define NEST_BLOCKER_FORMER_NODE "nested-guests-running"

/**
 * NestBlockerMigration: what QEMU says about migration.
 */
typedef struct {
    gboolean blocked; /* by our node, under either name */
    gboolean former;  /* ... under the former one */
    char status[32];  /* of the current or last migration, as "active"; "" for none */
} NestBlockerMigration;

/* All of these fail as nest_monitor_call() does. */
gboolean nest_blocker_migration_ask(virDomainPtr domain, NestBlockerMigration *ret_migration,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens the image at @path read-only. @driver: what QEMU calls its format. */
gboolean nest_blocker_node_add(virDomainPtr domain, const char *driver, const char *path,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @name: NEST_BLOCKER_NODE or the former one. */
gboolean nest_blocker_node_delete(virDomainPtr domain, const char *name, GError **error);
/* Whether the node is there, under either name. */
gboolean nest_blocker_node_find(virDomainPtr domain, gboolean *ret_there,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
