/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A document that may be ours contains at least one of these words. */
#include "domain/prefilter.h"

#include <string.h>

static const char words[][NEST_PREFILTER_LONGEST] = {"virt-nest", "virtnest", "nest:enable",
                                                     "nest:disable"};

bool
nest_prefilter_matches(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (memmem(text, length, words[i], strlen(words[i])))
            return true;
    return false;
}
