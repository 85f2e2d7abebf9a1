/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whether the settings may forbid nesting to domains that do not mention virt-nest, without parsing them. Uses libc only,
 * because the hook's prefilter (qemu_prefilter.c) uses it too. */
#pragma once

#include <stdbool.h>

#define NEST_CONFIG_FILE "/etc/virt-nest/virt-nest.conf"

/**
 * nest_config_peek: whether the settings may have [untagged] policy=disable.
 * @path: of the file
 *
 * This reads the settings themselves, not a file that virtnestd leaves. So a start is judged by the present settings, even if
 * virtnestd has not run since the host was booted.
 *
 * Returns: false if they certainly do not have it: there is no such file, or no such line in it. For a file that is too long
 * to be read, true.
 */
bool nest_config_peek(const char *path);
