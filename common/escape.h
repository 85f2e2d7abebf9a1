/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text from outside, made fit to be printed in a line. Of libc only: the hook's front uses it too. */
#pragma once

#include <stddef.h>

/* What one byte becomes at most: "\xff". */
#define NEST_ESCAPE_GROWTH 4

/**
 * nest_escape_copy: copy a text so that it can do nothing but be read.
 * @to: where it goes; always ends in NUL
 * @room: the bytes there are in @to, more than 0
 * @text: a name, a value, a message: any bytes
 *
 * A name or an attribute's value may hold line feeds, which would make one refusal look like two, escape
 * sequences that a terminal obeys (in UTF-8 also as U+009B), characters that turn the direction of what
 * follows, and bytes that are no UTF-8. Each byte of those becomes "\xNN". Async-signal-safe.
 *
 * Returns: how many bytes of @text were copied: all of them unless @to was full.
 */
size_t nest_escape_copy(char *to, size_t room, const char *text);
