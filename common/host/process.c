/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process, as the kernel shows it in /proc. */
#include "host/process.h"

#include "base/root.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* (transfer full) What the kernel shows of the process whose PID is in a file; "" where there is none. */
static gchar *
read_stat(const char *pid_file)
{
    g_autofree gchar *file = nest_root_path(pid_file);
    g_autofree gchar *pid = NULL;
    g_autofree gchar *name = NULL;
    g_autofree gchar *path = NULL;
    gchar *stat = NULL;

    if (!g_file_get_contents(file, &pid, NULL, NULL))
        return g_strdup("");
    name = g_strdup_printf("/proc/%" G_GUINT64_FORMAT "/stat", g_ascii_strtoull(pid, NULL, 10));
    path = nest_root_path(name);
    return g_file_get_contents(path, &stat, NULL, NULL) ? stat : g_strdup("");
}

gint64
nest_process_began(const char *pid_file)
{
    g_autofree gchar *stat = read_stat(pid_file);
    g_autofree gchar *ticks = nest_process_start_time(stat);
    struct timespec up = {0};

    if (!*ticks || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
        return 0;
    return g_get_real_time() / G_TIME_SPAN_MILLISECOND - up.tv_sec * 1000 - up.tv_nsec / 1000000 +
           g_ascii_strtoll(ticks, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK);
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

gboolean
nest_process_has_booted(gint64 pid, const char *uuid)
{
    gsize length = 0;
    g_autofree gchar *command = nest_root_read_process(pid, "cmdline", &length);

    return command && length && (!uuid || memmem(command, length, uuid, strlen(uuid))) &&
           !memmem(command, length, "-incoming", sizeof("-incoming")) &&
           !memmem(command, length, "-loadvm", sizeof("-loadvm"));
}
