/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whether the host has rules, without reading them. Uses libc only, because the hook's prefilter (qemu_prefilter.c)
 * uses it too. */
#pragma once

#include <stdbool.h>

/* Where the rules are: key files whose names end in ".conf". */
#define NEST_RULES_DIRECTORY "/etc/virt-nest/rules.d"

/* Whether a file of this name in that directory has rules. */
bool nest_rules_peek_is_file(const char *name);

/**
 * nest_rules_peek: whether there may be rules.
 * @path: of their directory
 *
 * Returns: false if there are certainly none: there is no such directory, or no such file in it.
 */
bool nest_rules_peek(const char *path);
