#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Since GLib 2.76, g_str_has_prefix() is a macro if the prefix is a literal. The macro measures the whole rest of the string
# before it compares; the function used before stops at the first difference. So a loop that looks at the beginning of each
# line of one text has become quadratic: a text four times as long takes sixteen times as long.
. "$(dirname "$0")/packages"

# growth: how much longer the lines of a text that is 4 times as long take, of which the least of 5 rounds counts.
growth() {
    cat >"$root/lines.c" <<'C'
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static clock_t
cost(gsize lines)
{
    GString *text = g_string_new(NULL);
    clock_t least = 0;

    for (gsize i = 0; i < lines; i++)
        g_string_append(text, "a line of some thirty characters\n");
    for (int round = 0; round < 5; round++) {
        clock_t start = clock(), took;
        gsize found = 0;

        for (const char *line = text->str; *line; line = strchr(line, '\n') + 1)
            found += g_str_has_prefix(line, "CPU");
        took = clock() - start + (clock_t)found;
        least = round == 0 || took < least ? took : least;
    }
    return least;
}

int
main(void)
{
    clock_t one = cost(20000), four = cost(80000);

    puts(four < 8 * one ? "as the text" : "as its square");
    return 0;
}
C
    inside gcc -O2 -o /lines /lines.c -I/usr/include/glib-2.0 -I/usr/lib/x86_64-linux-gnu/glib-2.0/include -lglib-2.0 &&
        inside /lines
}

unpack bookworm libglib2.0-dev=2.74.6-2+deb12u9 gcc libc6-dev
sees 'with GLib 2.74 the time grows' 'as the text' "$(growth)"
unpack trixie libglib2.0-dev=2.84.4-3~deb13u5 gcc libc6-dev
sees 'with GLib 2.84 the time grows' 'as its square' "$(growth)"
