/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's monitor through libvirt, for the plugins that need it. Every command taints the domain
 * "custom-monitor" (facts.md, "A migration blocker at run time"), and waits for as long as QEMU does not answer. */
#pragma once

#include <json-glib/json-glib.h>
#include <libvirt/libvirt.h>

/**
 * nest_monitor_call: one QMP command.
 * @domain: the domain, running
 * @command: its name, as "query-migrate"
 * @arguments: (transfer full)(nullable) an object; its strings in UTF-8, which are sent as ASCII
 *
 * Returns: (transfer full) what it returned, an object or array; NULL with NEST_ERROR_LIBVIRT, with
 * NEST_ERROR_MONITOR where @arguments are not UTF-8, or as nest_monitor_answer_read() fails.
 */
JsonNode *nest_monitor_call(virDomainPtr domain, const char *command, JsonNode *arguments,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One command of the human monitor; (transfer full) its output, or NULL with NEST_ERROR_LIBVIRT, or with
 * NEST_ERROR_ANSWER where it has more than @longest bytes. */
gchar *nest_monitor_human(virDomainPtr domain, const char *command, gsize longest,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
