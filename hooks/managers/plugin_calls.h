/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that kubevirt-plugin does except gRPC. Its C++ file calls these functions. */
#pragma once

#include "node_watch.h"

/**
 * nest_plugin_calls_begin: call this before any thread exists; it leaves SIGTERM and SIGINT to nest_plugin_calls_run().
 * @ret_watch: (nullable) gets a watch on this node, with the settings of virt-nest.conf, if it exists
 *
 * Returns: FALSE if the watch cannot be made; the reason is printed.
 */
gboolean nest_plugin_calls_begin(NestNodeWatch **ret_watch) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_plugin_calls_run: print that the server is ready, and look at the node in each interval, until SIGTERM or SIGINT.
 * @watch: (nullable) NULL: only wait
 */
void nest_plugin_calls_run(NestNodeWatch *watch);

/* The time of a call, in milliseconds of the monotonic clock. */
gint64 nest_plugin_calls_now(void);

/**
 * nest_plugin_calls_rewrite: nest_vmi_domain_rewrite() for any thread, with the VMI's name in the error.
 * @format: of @domain, as KubeVirt calls it
 */
gchar *nest_plugin_calls_rewrite(const char *format, const char *json, gssize length,
                                 const char *domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Print why the program ends; they return its exit status. */
int nest_plugin_calls_misused(void);
int nest_plugin_calls_fail(const char *socket);
