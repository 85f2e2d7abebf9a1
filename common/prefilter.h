/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a document may be ours, without parsing it: for the hook's front too, so libc only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* No word that is looked for is longer. */
#define NEST_PREFILTER_LONGEST 16

/**
 * nest_prefilter_matches: look for the words of which one stands in every tag and record, mistaken ones too.
 * @text: any bytes
 * @length: of @text, in bytes
 *
 * Returns: false for what has nothing to do with virt-nest; true is no promise.
 */
bool nest_prefilter_matches(const char *text, size_t length);
