/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Escapes text from outside so that it can be printed in one line. Uses libc only, because the hook's
 * prefilter (qemu_prefilter.c) uses it too. */
#pragma once

#include <stddef.h>

/* The most bytes that one byte can become: "\xff". */
#define NEST_ESCAPE_GROWTH 4

/**
 * nest_escape_copy: copy a text, and escape every byte of it that is not simply displayed.
 * @to: the destination; always ends in NUL
 * @room: the size of @to in bytes, more than 0
 * @text: a name, a value, a message: any bytes
 *
 * A name or an attribute's value may contain newlines, which would make one refusal look like two. It may
 * contain escape sequences that a terminal obeys (in UTF-8 also as U+009B), characters that change the
 * direction of the text, or bytes that are not UTF-8. Each of these bytes becomes "\xNN".
 * Async-signal-safe.
 *
 * Returns: how many bytes of @text were copied: all of them unless @to was full.
 */
size_t nest_escape_copy(char *to, size_t room, const char *text);
