/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process, as the kernel shows it in /proc. */
#include "host/process.h"

#include <string.h>

#define NAME_FIELD 2
#define START_TIME_FIELD 22
#define MOST_DIGITS 15 /* in ticks of 10 ms, 300,000 years */

gchar *
nest_process_start_time(const char *stat)
{
    const char *field = strrchr(stat, ')');
    gsize digits = 0;

    for (int i = NAME_FIELD; field && i < START_TIME_FIELD; i++)
        field = strchr(field + 1, ' ');
    digits = field ? strspn(field + 1, "0123456789") : 0;
    return digits > 0 && digits <= MOST_DIGITS ? g_strndup(field + 1, digits) : g_strdup("");
}
