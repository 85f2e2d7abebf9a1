/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that a process's start time is a number or nothing.
 *
 * The input is the text of /proc/PID/stat. */
#include "fuzz.h"
#include "host/process.h"

#include <string.h>

gboolean
fuzz_start(void)
{
    return TRUE;
}

/* (transfer full) The same by splitting the text. */
static gchar *
split(const char *stat)
{
    const char *behind_name = strrchr(stat, ')');
    g_auto(GStrv) fields = g_strsplit(behind_name ? behind_name : "", " ", -1);

    return g_strdup(g_strv_length(fields) > 20 ? fields[20] : "");
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *stat = g_strndup((const char *)data, size);
    g_autofree gchar *start_time = nest_process_start_time(stat);
    g_autofree gchar *field = split(stat);

    PROMISE("a start time is digits", !start_time[strspn(start_time, "0123456789")], start_time);
    PROMISE("it can be counted with", strlen(start_time) <= 15, start_time);
    PROMISE("it is field 22", g_str_has_prefix(field, start_time), stat);
    PROMISE("what is field 22 is read",
            *start_time || strspn(field, "0123456789") == 0 || strspn(field, "0123456789") > 15,
            stat);
    return 0;
}
