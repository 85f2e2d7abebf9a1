/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process, as the kernel shows it in /proc. */
#include "host/process.h"

#include <string.h>

#define NAME_FIELD 2
#define STATE_FIELD 3
#define USER_TIME_FIELD 14
#define SYSTEM_TIME_FIELD 15
#define START_TIME_FIELD 22
#define MOST_DIGITS 15 /* in ticks of 10 ms, 300,000 years */

/* (nullable) A field's text, and what follows it. */
static const char *
find_field(const char *stat, int number)
{
    const char *field = strrchr(stat, ')');

    for (int i = NAME_FIELD; field && i < number; i++)
        field = strchr(field + 1, ' ');
    return field ? field + 1 : NULL;
}

gchar *
nest_process_start_time(const char *stat)
{
    const char *field = find_field(stat, START_TIME_FIELD);
    gsize digits = field ? strspn(field, "0123456789") : 0;

    return digits > 0 && digits <= MOST_DIGITS ? g_strndup(field, digits) : g_strdup("");
}

gboolean
nest_process_is_stopped(const char *stat)
{
    const char *field = find_field(stat, STATE_FIELD);

    return field && (*field == 'T' || *field == 't');
}

guint64
nest_process_cpu_time(const char *stat)
{
    const char *user = find_field(stat, USER_TIME_FIELD);
    const char *system = find_field(stat, SYSTEM_TIME_FIELD);

    return user && system ? g_ascii_strtoull(user, NULL, 10) + g_ascii_strtoull(system, NULL, 10)
                          : 0;
}
