/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the hook: whether it is there and whole, and whether libvirt calls it. */
#include "doctor.h"

#include "base/root.h"
#include "host/hook_calls.h"
#include "host/process.h"

#define HOOKS "/etc/libvirt/hooks"
#define SECOND_PART "qemu-hook.so"
#define INSTALL "install virt-nest anew (sudo make install), then have libvirt's daemon read it"

static void
look_at_mode(NestDoctor *doctor, const NestHookCalls *calls)
{
    g_autofree gchar *remedy = g_strdup_printf("sudo chmod 755 %s", calls->place);

    if (!calls->executable)
        nest_doctor_add(
            doctor, "hook-executable", NEST_DOCTOR_FAIL, remedy,
            "%s is not executable: libvirt does not call it, and a tagged domain starts unjudged",
            calls->place);
    else
        nest_doctor_add(doctor, "hook-executable", NEST_DOCTOR_PASS, NULL, "it is executable");
}

static void
look_at_second_part(NestDoctor *doctor)
{
    g_autofree gchar *path = nest_root_path(NEST_HOOKDIR "/" SECOND_PART);

    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        nest_doctor_add(doctor, "hook-whole", NEST_DOCTOR_PASS, NULL, "its second part is there");
    else
        nest_doctor_add(doctor, "hook-whole", NEST_DOCTOR_FAIL, INSTALL,
                        NEST_HOOKDIR "/" SECOND_PART
                                     " is not there: every start of a tagged domain is refused");
}

/* --- whether libvirt calls it */

/* The youngest domain that runs. */
typedef struct {
    gint64 started;  /* when it was started, in milliseconds since 1970; 0: none runs, or unknown */
    gchar *youngest; /* its name */
} Calls;

static void
calls_clear(Calls *calls)
{
    g_free(calls->youngest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Calls, calls_clear)

static gboolean
note_start(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Calls *calls = data;
    g_autofree gchar *file = g_strdup_printf("/run/libvirt/qemu/%s.pid", virDomainGetName(domain));
    gint64 started = virDomainIsActive(domain) == 1 ? nest_process_began(file) : 0;

    (void)connection, (void)error;
    if (started <= calls->started)
        return TRUE;
    calls->started = started;
    g_free(calls->youngest);
    calls->youngest = g_strdup(virDomainGetName(domain));
    return TRUE;
}

static void
judge_calls(NestDoctor *doctor, const NestHookCalls *calls, const Calls *seen)
{
    g_autofree gchar *remedy = nest_hook_calls_remedy(calls, "sudo ");
    g_autofree gchar *reason = nest_hook_calls_reason(calls);

    switch (nest_hook_calls_judge(calls, seen->started, TRUE)) {
    case NEST_HOOK_IS_CALLED:
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_PASS, NULL, "libvirt calls it");
        break;
    case NEST_HOOK_NOT_CALLED:
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_FAIL, remedy,
                        "libvirt does not call it: %s was started without it, because %s",
                        seen->youngest, reason);
        break;
    case NEST_HOOK_UNSEEN:
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_WARN, remedy,
                        "it is newer than libvirt's daemon, which may not have seen it");
        break;
    case NEST_HOOK_UNKNOWN:
        nest_doctor_add(
            doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
            "no domain has been started since libvirt's daemon was, so libvirt had no reason to call it");
        break;
    }
}

static void
look_at_calls(NestDoctor *doctor, const NestHookCalls *calls)
{
    static gchar *all[] = {NULL};
    g_auto(Calls) seen = {0};

    if (!doctor->connection || !calls->daemon) {
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
                        "libvirt's daemon does not run; it looks for the hook when it begins");
        return;
    }
    (void)nest_connection_visit(doctor->connection, all, note_start, &seen);
    judge_calls(doctor, calls, &seen);
}

void
nest_doctor_hook(NestDoctor *doctor)
{
    NestHookCalls calls = nest_hook_calls_read();

    if (!calls.place) {
        nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_FAIL, INSTALL,
                        "no hook of virt-nest is in " HOOKS ": a tagged domain starts unjudged");
        return;
    }
    nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_PASS, NULL, "%s is virt-nest's",
                    calls.place);
    look_at_mode(doctor, &calls);
    look_at_second_part(doctor);
    look_at_calls(doctor, &calls);
}
