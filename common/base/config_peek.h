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
 * The settings themselves are asked, and not a note of virtnestd's, so that a start is judged by what stands there now, also if
 * virtnestd has not run since the host was booted.
 *
 * Returns: false where they surely have not: there is no such file, or no such line in it. A file too long to be looked
 * through may have it.
 */
bool nest_config_peek(const char *path);
