/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the answers of QEMU's monitor, within limits: a QEMU that its guest has taken over can answer anything. */
#pragma once

#include <json-glib/json-glib.h>

/**
 * nest_monitor_answer_read: read the answer to a QMP command.
 * @command: its name, as "query-migrate"
 * @text: the whole answer, from libvirt
 *
 * json-glib makes a tree of the answer, in which an empty object takes 100 times the bytes of its text. So an answer with
 * more bytes or values than a real answer to this command ever has is not parsed.
 *
 * Returns: (transfer full) what the command returned, an object or array. NULL with NEST_ERROR_MONITOR and QEMU's own
 * words if QEMU refused; NULL with NEST_ERROR_ANSWER if the answer is too long or cannot be read.
 */
JsonNode *nest_monitor_answer_read(const char *command, const char *text,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether an answer to @command has at most @longest bytes; else FALSE with NEST_ERROR_ANSWER. */
gboolean nest_monitor_answer_fits(const char *command, const char *text, gsize longest,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
