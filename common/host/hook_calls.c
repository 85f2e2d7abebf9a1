/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether libvirt calls the hook: judged by the time of its last call, and by what was started since. */
#include "host/hook_calls.h"

#include "base/error.h"
#include "base/root.h"
#include "host/hook_place.h"
#include "host/libvirt_daemon.h"
#include "host/reinstall.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOOKS "/etc/libvirt/hooks"
#define ELF "\177ELF"
#define MS 1000 /* in a second */
#define NS_IN_MS 1000000
#define SLACK_MS 50 /* the kernel tells in hundredths of a second when a process began */
#define STARTING_MS 60000

/* Where ours may be: alone, or after somebody else's. */
static const char *const places[] = {HOOKS "/qemu", HOOKS "/qemu.d/50-virt-nest"};

/* A program, as ours is. A script that names virt-nest may call it, or may not. */
static gboolean
is_hook_of_ours(const char *path)
{
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
    const char *contents = file ? g_mapped_file_get_contents(file) : NULL;
    gsize length = contents ? g_mapped_file_get_length(file) : 0;

    return length > strlen(ELF) && memcmp(contents, ELF, strlen(ELF)) == 0 &&
           memmem(contents, length, "virt-nest", strlen("virt-nest"));
}

static gint64
to_ms(struct timespec time)
{
    return (gint64)time.tv_sec * MS + time.tv_nsec / NS_IN_MS;
}

/* libvirt's daemon runs as root, so it can run a file with any execute bit. */
static void
find_hook(NestHookCalls *calls)
{
    for (gsize i = 0; i < G_N_ELEMENTS(places) && !calls->place; i++) {
        g_autofree gchar *path = nest_root_path(places[i]);
        struct stat file = {0}, link = {0};

        calls->hidden |= access(path, R_OK) < 0 && errno == EACCES;
        if (!is_hook_of_ours(path) || stat(path, &file) < 0)
            continue;
        calls->place = places[i];
        calls->executable = (file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
        (void)lstat(path, &link);
        /* When it came to its place, or got its mode, be it itself or the link there that leads to it. */
        calls->installed = MAX(to_ms(link.st_ctim), to_ms(file.st_ctim));
    }
}

NestHookCalls
nest_hook_calls_read(void)
{
    g_autofree gchar *called = nest_root_path(NEST_HOOK_CALLED);
    NestHookCalls calls = {.daemon = nest_libvirt_daemon_began()};
    struct stat file = {0};

    find_hook(&calls);
    if (stat(called, &file) == 0)
        calls.called = to_ms(file.st_mtim);
    return calls;
}

NestHookVerdict
nest_hook_calls_judge(const NestHookCalls *calls, gint64 started, gboolean may_be_starting)
{
    gint64 wanted = may_be_starting ? started - STARTING_MS : started;

    if (calls->called && calls->called + SLACK_MS >= MAX(calls->daemon, wanted))
        return NEST_HOOK_IS_CALLED;
    if (started > calls->daemon + SLACK_MS)
        return NEST_HOOK_NOT_CALLED;
    return calls->installed > calls->daemon + SLACK_MS ? NEST_HOOK_UNSEEN : NEST_HOOK_UNKNOWN;
}

gchar *
nest_hook_calls_reason(const NestHookCalls *calls)
{
    if (!calls->place)
        return g_strdup("it is not in " HOOKS);
    if (!calls->executable)
        return g_strdup_printf("%s is not executable", calls->place);
    if (calls->installed > calls->daemon + SLACK_MS)
        return g_strdup_printf("%s is newer than libvirt's daemon, which has not looked for it",
                               calls->place);
    return g_strdup_printf("%s is there and executable, so the daemon has not looked for it, or "
                           "AppArmor or SELinux forbids to run it",
                           calls->place);
}

/* If the hook was not executable when the daemon began, the daemon knows no hook. So it must look again. */
gchar *
nest_hook_calls_remedy(const NestHookCalls *calls, const char *sudo)
{
    g_autofree gchar *reload = nest_libvirt_daemon_reload(sudo);

    if (!calls->place)
        return nest_reinstall(sudo, reload);
    if (!calls->executable)
        return g_strdup_printf("%schmod 755 %s && %s", sudo, calls->place, reload);
    return g_steal_pointer(&reload);
}

gchar *
nest_hook_calls_text(const NestHookCalls *calls, const char *name, const char *tagged,
                     const char *sudo)
{
    g_autofree gchar *reason = nest_hook_calls_reason(calls);
    g_autofree gchar *remedy = nest_hook_calls_remedy(calls, sudo);
    g_autofree gchar *did = tagged ? g_strdup_printf(" (%s did)", tagged) : g_strdup("");
    g_autofree gchar *text = g_strdup_printf(
        "libvirt does not call virt-nest's hook: %s was started without it, because %s; so tagged "
        "domains start unjudged, even with a mistaken tag%s: %s; the next start of a domain shows "
        "whether that helped",
        name, reason, did, remedy);

    return nest_error_escape(text); /* names are from outside */
}
