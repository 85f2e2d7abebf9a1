/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virt-nest report: what a report of a fault needs, in one text; no domain's XML, no password, no name of the host. */
#include "command.h"

#include <stdio.h>

#define SELF "/proc/self/exe"

/* The releases of all programs involved, the settings, virtnestd's log, and the output of virt-nest's commands. A
 * program that is not on this host, or fails, is left out, except virt-nest itself. */
static const char *const lines[] = {
    "uname -srvm",
    "grep -E ^(NAME|VERSION)= /etc/os-release",
    "libvirtd --version",
    "virtqemud --version",
    "qemu-system-x86_64 --version",
    "cat /etc/virt-nest/virt-nest.conf",
    "cat /etc/modprobe.d/virt-nest.conf",
    "journalctl --unit=virtnestd --lines=200 --output=cat --no-pager --quiet",
    "virt-nest doctor",
    "virt-nest host",
    "virt-nest status --json",
};

/* (transfer full) The line as arguments; virt-nest is this program, and takes this command's URI. */
static char **
new_arguments(const char *line, const char *uri)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    GStrvBuilder *arguments = g_strv_builder_new();
    gboolean is_own = g_str_has_prefix(line, "virt-nest ");
    g_autofree gchar *self = g_file_read_link(SELF, NULL);
    char **all = NULL;

    g_strv_builder_add(arguments, is_own && self ? self : words[0]);
    for (gsize i = 1; words[i]; i++)
        g_strv_builder_add(arguments, words[i]);
    if (is_own && uri && !g_str_has_suffix(line, " host"))
        g_strv_builder_add_many(arguments, "-c", uri, NULL);
    all = g_strv_builder_end(arguments);
    g_strv_builder_unref(arguments);
    return all;
}

static void
print_part(const char *line, const char *uri)
{
    g_auto(GStrv) arguments = new_arguments(line, uri);
    g_autofree gchar *out = NULL;
    g_autofree gchar *err = NULL;
    gint status = 0;

    if (!g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status,
                      NULL))
        return;
    if (status == 0 || g_str_has_prefix(line, "virt-nest "))
        (void)printf("\n--- %s\n%s%s", line, out, err);
}

int
nest_bug_report(NestCall *call)
{
    const GOptionEntry none[] = {G_OPTION_ENTRY_NULL};
    int status = NEST_EXIT_DONE;

    if (!nest_command_parse(call, none, &status))
        return status;
    if (*call->arguments)
        return nest_command_misused(call, "it takes no argument");
    (void)puts("virt-nest " NEST_VERSION);
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        print_part(lines[i], call->uri);
    return NEST_EXIT_DONE;
}
