/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the hook: whether it is there and whole, and whether libvirt calls it. */
#include "doctor.h"

#include "base/root.h"
#include "host/libvirt_daemon.h"
#include "host/reinstall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HOOKS "/etc/libvirt/hooks"
#define JUDGE NEST_HOOKDIR "/qemu-hook.so"
#define SLACK_MS 50 /* the kernel tells in hundredths of a second when a process began */

/* (nullable) What is in a file of the host; errno says why not. */
static GMappedFile *
map_file(const char *path)
{
    g_autofree gchar *below_root = nest_root_path(path);
    int fd = open(below_root, O_RDONLY | O_CLOEXEC);
    GMappedFile *file = fd >= 0 ? g_mapped_file_new_from_fd(fd, FALSE, NULL) : NULL;

    if (fd >= 0)
        close(fd);
    return file;
}

/* (transfer full) */
static gchar *
install_text(void)
{
    g_autofree gchar *reload = nest_libvirt_daemon_reload("sudo ");

    return nest_reinstall("sudo ", reload);
}

static void
diagnose_mode(NestDoctor *doctor, const NestHookCalls *calls)
{
    g_autofree gchar *remedy = nest_hook_calls_remedy(calls, "sudo ");

    if (!calls->executable)
        nest_doctor_add(
            doctor, "hook-executable", NEST_DOCTOR_FAIL, remedy,
            "%s is not executable: libvirt does not call it, and a tagged domain starts unjudged",
            calls->place);
    else
        nest_doctor_add(doctor, "hook-executable", NEST_DOCTOR_PASS, NULL, "it is executable");
}

/* A file that is no shared object, such as an empty or truncated one, is not loaded. */
static void
diagnose_judge(NestDoctor *doctor)
{
    g_autoptr(GMappedFile) file = map_file(JUDGE);
    gboolean hidden = !file && errno == EACCES;
    gsize length = file ? g_mapped_file_get_length(file) : 0;
    g_autofree gchar *install = install_text();

    if (hidden)
        nest_doctor_add(doctor, "hook-whole", NEST_DOCTOR_UNKNOWN, NULL,
                        "only root may read " JUDGE);
    else if (length > 4 && memcmp(g_mapped_file_get_contents(file), "\177ELF", 4) == 0)
        nest_doctor_add(doctor, "hook-whole", NEST_DOCTOR_PASS, NULL, "its judge is there");
    else
        nest_doctor_add(doctor, "hook-whole", NEST_DOCTOR_FAIL, install,
                        JUDGE " is %s: every start of a tagged domain is refused",
                        file ? "no shared object" : "not there");
}

/* --- whether libvirt calls it */

/* The last time at which libvirt's daemon looked for a hook: before it was ready, or when it reloaded. Both are
 * changes of the unit's state for systemd, whose clock is finer than the kernel's for a process. */
static gint64
looked_at(NestDoctor *doctor)
{
    g_autofree gchar *unit = g_strconcat(nest_libvirt_daemon_unit(), ".service", NULL);
    const char *text = nest_doctor_unit(doctor, unit, "StateChangeTimestampMonotonic");
    gint64 changed = g_ascii_strtoll(text, NULL, 10);
    gint64 ago = (g_get_monotonic_time() - changed) / G_TIME_SPAN_MILLISECOND;
    gint64 began = nest_doctor_libvirt_began(doctor);

    if (!began)
        return 0;
    if (!changed || !g_str_equal(nest_doctor_unit(doctor, unit, "ActiveState"), "active"))
        return began + SLACK_MS;
    return MAX(began, g_get_real_time() / G_TIME_SPAN_MILLISECOND - ago);
}

static void
judge_calls(NestDoctor *doctor, const NestHookCalls *calls, gint64 looked)
{
    g_autofree gchar *remedy = nest_hook_calls_remedy(calls, "sudo ");
    g_autofree gchar *reason = nest_hook_calls_reason(calls);

    if (nest_doctor_hook_is_called(doctor))
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_PASS, NULL, "libvirt calls it");
    else if (doctor->survey.started > looked + SLACK_MS)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_FAIL, remedy,
                        "libvirt does not call it: %s was started without it, because %s",
                        doctor->survey.youngest, reason);
    else if (calls->installed > looked)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_WARN, remedy,
                        "it is newer than libvirt's daemon, which may not have seen it");
    else
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
                        "no domain has been started since libvirt's daemon looked for a hook, so "
                        "libvirt had no reason to call it");
}

static void
diagnose_calls(NestDoctor *doctor, const NestHookCalls *calls)
{
    gint64 looked = doctor->connection ? looked_at(doctor) : 0;

    if (!looked)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
                        "libvirt's daemon does not run; it looks for the hook when it begins");
    else if (nest_virt_is_session(doctor->connection->libvirt))
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
                        "the calls of a session's libvirt are noted nowhere");
    else
        judge_calls(doctor, calls, looked);
}

void
nest_doctor_hook(NestDoctor *doctor)
{
    const NestHookCalls *calls = &doctor->hook;
    g_autofree gchar *install = install_text();

    if (!calls->place && calls->hidden)
        nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_UNKNOWN, NULL,
                        "only root may see what is in " HOOKS);
    else if (!calls->place)
        nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_FAIL, install,
                        "no hook of virt-nest is in " HOOKS ": a tagged domain starts unjudged");
    if (!calls->place)
        return;
    nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_PASS, NULL, "%s is virt-nest's",
                    calls->place);
    diagnose_mode(doctor, calls);
    diagnose_judge(doctor);
    diagnose_calls(doctor, calls);
}
