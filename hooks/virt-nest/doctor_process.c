/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process of libvirt's daemon, as the doctor sees it: when it began, how it is confined, and what it has called. */
#include "doctor.h"

#include "base/root.h"
#include "host/libvirt_daemon.h"
#include "host/process.h"

#define SLACK_MS 50 /* the kernel tells in hundredths of a second when a process began */

/* (transfer full)(nullable) A file of the process whose PID is in @file. */
static gchar *
read_file_of_process(const char *file, const char *name)
{
    g_autofree gchar *pid = nest_root_read(file, NULL);
    g_autofree gchar *path = pid ? g_strdup_printf("/proc/%s/%s", g_strstrip(pid), name) : NULL;

    return path ? nest_root_read(path, NULL) : NULL;
}

/* (transfer full) The file with the PID of the daemon that was asked; a session has its own. */
static gchar *
libvirt_pid_file(const NestDoctor *doctor)
{
    const char *unit = nest_libvirt_daemon_unit();

    unit = unit ? unit : "libvirtd";
    return doctor->connection && nest_virt_is_session(doctor->connection->libvirt)
               ? g_strdup_printf("%s/libvirt/%s.pid", g_get_user_runtime_dir(), unit)
               : g_strdup_printf("/run/%s.pid", unit);
}

gint64
nest_doctor_libvirt_began(const NestDoctor *doctor)
{
    g_autofree gchar *file = libvirt_pid_file(doctor);

    return nest_process_began(file);
}

/* Without AppArmor and SELinux the kernel refuses to read it. */
gchar *
nest_doctor_libvirt_label(const NestDoctor *doctor)
{
    g_autofree gchar *file = libvirt_pid_file(doctor);
    g_autofree gchar *stat = read_file_of_process(file, "stat");
    gchar *label = stat ? read_file_of_process(file, "attr/current") : NULL;

    if (!stat)
        return NULL;
    return label ? g_strchomp(label) : g_strdup("");
}

gboolean
nest_doctor_hook_is_called(const NestDoctor *doctor)
{
    gint64 called = doctor->hook.called;

    return called && called + SLACK_MS >= nest_doctor_libvirt_began(doctor);
}
