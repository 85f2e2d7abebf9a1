/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts in the order of their bytes, which is the same in every locale. */
#pragma once

#include <glib.h>

/**
 * nest_sort_texts: sort an array of texts by strcmp().
 * @texts: (element-type utf8)
 */
void nest_sort_texts(GPtrArray *texts);
