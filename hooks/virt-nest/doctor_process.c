/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process of libvirt's daemon, as the doctor sees it: when it began, how it is confined, and what it has called. */
#include "doctor.h"

#include "../operations.h"

#include "base/root.h"
#include "host/process.h"

#include <sys/stat.h>
#include <unistd.h>

#define MS 1000 /* in a second */
#define NS_IN_MS 1000000
#define SLACK_MS 50 /* the kernel tells in hundredths of a second when a process began */

static gchar *
read_file_below_root(const char *path)
{
    g_autofree gchar *below_root = nest_root_path(path);
    gchar *text = NULL;

    return g_file_get_contents(below_root, &text, NULL, NULL) ? text : NULL;
}

/* (transfer full)(nullable) A file of the process whose PID is in @file. */
static gchar *
read_process(const char *file, const char *name)
{
    g_autofree gchar *pid = read_file_below_root(file);
    g_autofree gchar *path = pid ? g_strdup_printf("/proc/%s/%s", g_strstrip(pid), name) : NULL;

    return path ? read_file_below_root(path) : NULL;
}

gint64
nest_doctor_process_began(const char *file)
{
    g_autofree gchar *stat = read_process(file, "stat");
    g_autofree gchar *uptime = read_file_below_root("/proc/uptime");
    g_autofree gchar *ticks = stat ? nest_process_start_time(stat) : NULL;

    if (!stat || !uptime)
        return 0;
    return g_get_real_time() / G_TIME_SPAN_MILLISECOND -
           (gint64)(g_ascii_strtod(uptime, NULL) * MS) +
           g_ascii_strtoll(ticks, NULL, 10) * MS / sysconf(_SC_CLK_TCK);
}

/* (transfer full) The file with the PID of the daemon that was asked; a session has its own. */
static gchar *
libvirt_pid_file(const NestDoctor *doctor)
{
    const char *unit = nest_doctor_libvirt_unit();

    unit = unit ? unit : "libvirtd";
    return doctor->connection && nest_virt_is_session(doctor->connection->libvirt)
               ? g_strdup_printf("%s/libvirt/%s.pid", g_get_user_runtime_dir(), unit)
               : g_strdup_printf("/run/%s.pid", unit);
}

gint64
nest_doctor_libvirt_began(const NestDoctor *doctor)
{
    g_autofree gchar *file = libvirt_pid_file(doctor);

    return nest_doctor_process_began(file);
}

/* Without AppArmor and SELinux the kernel refuses to read it. */
gchar *
nest_doctor_libvirt_label(const NestDoctor *doctor)
{
    g_autofree gchar *file = libvirt_pid_file(doctor);
    g_autofree gchar *stat = read_process(file, "stat");
    gchar *label = stat ? read_process(file, "attr/current") : NULL;

    if (!stat)
        return NULL;
    return label ? g_strchomp(label) : g_strdup("");
}

gint64
nest_doctor_hook_called(void)
{
    g_autofree gchar *path = nest_root_path(NEST_HOOK_CALLED);
    struct stat file = {0};

    if (stat(path, &file) < 0)
        return 0;
    return (gint64)file.st_mtim.tv_sec * MS + file.st_mtim.tv_nsec / NS_IN_MS;
}

gboolean
nest_doctor_hook_is_called(const NestDoctor *doctor)
{
    gint64 called = nest_doctor_hook_called();

    return called && called + SLACK_MS >= nest_doctor_libvirt_began(doctor);
}
