/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt, for the plugins that need it. Every command taints the domain as
 * "custom-monitor" (facts.md, "A migration blocker at run time"), and waits until QEMU answers. */
#pragma once

#include <json-glib/json-glib.h>
#include <libvirt/libvirt.h>

/**
 * nest_monitor_call: run one QMP command.
 * @domain: the domain, running
 * @command: its name, as "query-migrate"
 * @arguments: (transfer full)(nullable) an object whose strings are UTF-8; they are sent as escaped ASCII
 *
 * Returns: (transfer full) what the command returned, an object or array. NULL with NEST_ERROR_LIBVIRT, with
 * NEST_ERROR_MONITOR if @arguments are not UTF-8, or with an error of nest_monitor_answer_read().
 */
JsonNode *nest_monitor_call(virDomainPtr domain, const char *command, JsonNode *arguments,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs one command of the human monitor. Returns: (transfer full) its output; NULL with NEST_ERROR_LIBVIRT, or with
 * NEST_ERROR_ANSWER if the output has more than @longest bytes. */
gchar *nest_monitor_human(virDomainPtr domain, const char *command, gsize longest,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
