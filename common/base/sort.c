/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sort.h"

static gint
compare_texts(gconstpointer one, gconstpointer other)
{
    return g_strcmp0(*(const char *const *)one, *(const char *const *)other);
}

void
nest_sort_texts(GPtrArray *texts)
{
    g_ptr_array_sort(texts, compare_texts);
}
