/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whether a document may be ours, without parsing it. Uses libc only, because the hook's
 * prefilter (qemu_prefilter.c) uses it too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* No word that is searched for is longer than this. */
#define NEST_PREFILTER_LONGEST 16

/**
 * nest_prefilter_matches: search for the words that show that a document may be ours.
 * @text: any bytes
 * @length: of @text, in bytes
 *
 * Every tag and every record contains at least one of these words, even a mistaken one, except an
 * element without a namespace, which libvirt drops.
 *
 * Returns: false for a text that has nothing to do with virt-nest; true means that it may have.
 */
bool nest_prefilter_matches(const char *text, size_t length);
