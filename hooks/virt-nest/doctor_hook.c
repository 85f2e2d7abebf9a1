/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor's look at the hook: whether it is there and whole, and whether libvirt calls it. */
#include "doctor.h"

#include "../operations.h"

#include "base/root.h"
#include "host/process.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOKS "/etc/libvirt/hooks"
#define SECOND_PART "qemu-hook.so"
#define MS 1000 /* in a second */
#define NS_IN_MS 1000000
#define SLACK_MS 50 /* the kernel tells in hundredths of a second when a process began */
#define INSTALL "install virt-nest anew (sudo make install), then have libvirt's daemon read it"

/* Where ours may be: alone, or after somebody else's. */
static const char *const places[] = {HOOKS "/qemu", HOOKS "/qemu.d/50-virt-nest"};

static gboolean
is_ours(const char *path)
{
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);

    return file && g_mapped_file_get_contents(file) &&
           memmem(g_mapped_file_get_contents(file), g_mapped_file_get_length(file), "virt-nest",
                  strlen("virt-nest"));
}

/* (nullable) The hook's path, as the host has it. */
static const char *
find_hook(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree gchar *path = nest_root_path(places[i]);

        if (is_ours(path))
            return places[i];
    }
    return NULL;
}

/* libvirt's daemon, run by root, calls what any execute bit allows. */
static void
look_at_mode(NestDoctor *doctor, const char *hook)
{
    struct stat file = {0};
    g_autofree gchar *path = nest_root_path(hook);
    g_autofree gchar *remedy = g_strdup_printf("sudo chmod 755 %s", hook);

    if (stat(path, &file) == 0 && (file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
        nest_doctor_add(
            doctor, "hook-executable", NEST_DOCTOR_FAIL, remedy,
            "%s is not executable: libvirt does not call it, and a tagged domain starts unjudged",
            hook);
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

/* What the look at libvirt's calls goes by; all in milliseconds since 1970, 0: unknown, or never. */
typedef struct {
    gint64 daemon;    /* when libvirt's daemon began, which reads then whether there is a hook */
    gint64 installed; /* when the hook came to its place */
    gint64 called;    /* when it was called last */
    gint64 started;   /* when the youngest domain that runs was started */
    gchar *youngest;  /* its name */
} Calls;

static void
calls_clear(Calls *calls)
{
    g_free(calls->youngest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Calls, calls_clear)

/* When a process began; @name: of the file with its PID. */
static gint64
process_began(const char *name)
{
    g_autofree gchar *file = nest_root_path(name);
    g_autofree gchar *pid = NULL;
    g_autofree gchar *stat = NULL;
    g_autofree gchar *text = NULL;
    g_autofree gchar *ticks = NULL;
    g_autofree gchar *uptime = NULL;

    if (!g_file_get_contents(file, &pid, NULL, NULL))
        return 0;
    stat = g_strdup_printf("/proc/%s/stat", g_strstrip(pid));
    if (!g_file_get_contents(stat, &text, NULL, NULL) ||
        !g_file_get_contents("/proc/uptime", &uptime, NULL, NULL))
        return 0;
    ticks = nest_process_start_time(text);
    return g_get_real_time() / G_TIME_SPAN_MILLISECOND -
           (gint64)(g_ascii_strtod(uptime, NULL) * MS) +
           g_ascii_strtoll(ticks, NULL, 10) * MS / sysconf(_SC_CLK_TCK);
}

static gboolean
note_start(const NestConnection *connection, virDomainPtr domain, gpointer data, GError **error)
{
    Calls *calls = data;
    g_autofree gchar *file = g_strdup_printf("/run/libvirt/qemu/%s.pid", virDomainGetName(domain));
    gint64 started = virDomainIsActive(domain) == 1 ? process_began(file) : 0;

    (void)connection, (void)error;
    if (started <= calls->started)
        return TRUE;
    calls->started = started;
    g_free(calls->youngest);
    calls->youngest = g_strdup(virDomainGetName(domain));
    return TRUE;
}

/* @changed: its place or mode, not what is in it */
static gint64
file_time(const char *path, gboolean changed)
{
    struct stat file = {0};
    struct timespec time = {0};

    if (stat(path, &file) < 0)
        return 0;
    time = changed ? file.st_ctim : file.st_mtim;
    return (gint64)time.tv_sec * MS + time.tv_nsec / NS_IN_MS;
}

/* (transfer full) How libvirt's daemon is made to look for the hook. */
static gchar *
reload_text(void)
{
    const char *unit = nest_doctor_libvirt_unit();

    return nest_doctor_is_on_systemd() ? g_strdup_printf("sudo systemctl reload %s", unit)
                                       : g_strdup_printf("sudo kill -HUP $(cat /run/%s.pid)", unit);
}

static void
judge_calls(NestDoctor *doctor, const Calls *calls)
{
    g_autofree gchar *remedy = reload_text();

    if (calls->called && calls->called + SLACK_MS >= calls->daemon)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_PASS, NULL, "libvirt calls it");
    else if (calls->started > calls->daemon + SLACK_MS)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_FAIL, remedy,
                        "libvirt does not call it: %s was started without it", calls->youngest);
    else if (calls->installed > calls->daemon + SLACK_MS)
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_WARN, remedy,
                        "it is newer than libvirt's daemon, which may not have seen it");
    else
        nest_doctor_add(
            doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
            "no domain has been started since libvirt's daemon was, so libvirt had no reason to call it");
}

static void
look_at_calls(NestDoctor *doctor, const char *hook)
{
    static gchar *all[] = {NULL};
    g_autofree gchar *called = nest_root_path(NEST_HOOK_CALLED);
    g_autofree gchar *installed = nest_root_path(hook);
    g_auto(Calls)
        calls = {.installed = file_time(installed, TRUE), .called = file_time(called, FALSE)};
    const char *unit = nest_doctor_libvirt_unit();
    g_autofree gchar *pid = g_strdup_printf("/run/%s.pid", unit ? unit : "libvirtd");

    calls.daemon = process_began(pid);
    if (!doctor->connection || !calls.daemon) {
        nest_doctor_add(doctor, "hook-called", NEST_DOCTOR_UNKNOWN, NULL,
                        "libvirt's daemon does not run; it looks for the hook when it begins");
        return;
    }
    (void)nest_connection_visit(doctor->connection, all, note_start, &calls);
    judge_calls(doctor, &calls);
}

void
nest_doctor_hook(NestDoctor *doctor)
{
    const char *hook = find_hook();

    if (!hook) {
        nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_FAIL, INSTALL,
                        "no hook of virt-nest is in " HOOKS ": a tagged domain starts unjudged");
        return;
    }
    nest_doctor_add(doctor, "hook-installed", NEST_DOCTOR_PASS, NULL, "%s is virt-nest's", hook);
    look_at_mode(doctor, hook);
    look_at_second_part(doctor);
    look_at_calls(doctor, hook);
}
