/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: text without control characters, in columns and lines, and JSON. */
#pragma once

#include <json-glib/json-glib.h>

#define NEST_OUTPUT_WIDTH 80 /* columns of what is printed, unless the terminal is asked */

/* How many columns of a terminal a text takes: characters may be wide, or have no width. */
gsize nest_output_width(const char *text);

/**
 * nest_output_fit: a text in exactly this many columns.
 * @text: escaped
 * @width: columns; what is longer is cut, what is shorter filled up with spaces
 *
 * Returns: (transfer full) the text.
 */
gchar *nest_output_fit(const char *text, gsize width) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_output_lines: an untrusted text in lines of at most this many columns.
 *
 * Returns: (transfer full)(element-type utf8) the lines, escaped, one at least; a longer word gets a line of its own.
 */
GPtrArray *nest_output_lines(const char *text, gsize width) G_GNUC_WARN_UNUSED_RESULT;

/**
 * nest_output_wrap: print a text from outside in lines of at most NEST_OUTPUT_WIDTH columns.
 * @indent: the column at which the cursor stands, and at which each further line begins
 *
 * No newline follows the last line.
 */
void nest_output_wrap(const char *text, gsize indent);

void nest_output_spaces(gsize n);

/* (transfer full) A time that has passed, or is left, in words: "45 s", "7 min", "3 h 20 min", "2 d 4 h". */
gchar *nest_output_span(gint64 seconds) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full) A point in time, in seconds since 1970, as ISO 8601 has it, UTC. */
gchar *nest_output_iso_time(gint64 seconds) G_GNUC_WARN_UNUSED_RESULT;

/* Members of a JSON object. A text is made valid UTF-8; NULL is null. */
void nest_output_json_string(JsonBuilder *builder, const char *name, const char *value);
void nest_output_json_boolean(JsonBuilder *builder, const char *name, gboolean value);
void nest_output_json_number(JsonBuilder *builder, const char *name, gint64 value);

/* Prints what was built. */
void nest_output_json_print(JsonBuilder *builder);
