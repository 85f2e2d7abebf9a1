/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What QEMU's monitor answers, read with bounds. A QEMU whose guest has taken it over can answer anything. */
#pragma once

#include <json-glib/json-glib.h>

/**
 * nest_monitor_answer_read: read the answer to a QMP command.
 * @command: its name, as "query-migrate"
 * @text: the whole answer, as libvirt hands it over
 *
 * json-glib makes a tree of it, in which an empty object takes 100 times the bytes of its text. So an answer that has
 * more bytes or values than this command's ever has is not parsed.
 *
 * Returns: (transfer full) what it returned, an object or array; NULL with NEST_ERROR_MONITOR and QEMU's own words where
 * QEMU refused, with NEST_ERROR_ANSWER where the answer is too long or cannot be read.
 */
JsonNode *nest_monitor_answer_read(const char *command, const char *text,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether an answer to @command is short enough to be looked at, in bytes; else FALSE with NEST_ERROR_ANSWER. */
gboolean nest_monitor_answer_fits(const char *command, const char *text, gsize longest,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
