/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our drop-in in modprobe's configuration, which turns nesting on at each boot. */
#include "host/modprobe_dropin.h"

#include "base/error.h"
#include "base/root.h"
#include "host/kernel_args.h"
#include "host/modprobe_conf.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* The command that writes the drop-in even where somebody set nested=0. */
#define FORCE_COMMAND "virt-nest host enable --boot --force"

/* The lines of all vendors are ours: a disk is moved from one machine to another. */
#define NOTE                                                                                       \
    "# Written by virt-nest, to have nested guests at each boot; virt-nest host disable removes it."
static const char *const our_lines[] = {NOTE, "options kvm_intel nested=1",
                                        "options kvm_amd nested=1", "options kvm nested=1", NULL};

static gboolean
refuse_file(GError **error, const char *what, const char *reason, const char *remedy)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                NEST_MODPROBE_FILE " %s (%s) and is as it was: %s, then try again", what, reason,
                remedy);
    return FALSE;
}

/* Refuses what we did not make, such as a link to /dev/null: somebody made it on purpose. */
static gboolean
read_ours(gchar **ret_text, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_MODPROBE_FILE);
    g_autofree gchar *text = NULL;
    g_autoptr(GError) problem = NULL;
    GStatBuf status;
    gsize length = 0;

    if (g_lstat(path, &status) < 0) {
        if (errno != ENOENT)
            return refuse_file(error, "cannot be read", g_strerror(errno), "make it readable");
        *ret_text = g_strdup("");
        return TRUE;
    }
    if (!S_ISREG(status.st_mode))
        return refuse_file(error, "cannot be edited", "it is no regular file", "move it away");
    if (!g_file_get_contents(path, &text, &length, &problem))
        return refuse_file(error, "cannot be read", problem->message, "make it readable");
    if (strlen(text) != length)
        return refuse_file(error, "cannot be edited", "it has a NUL byte in it", "move it away");
    *ret_text = g_steal_pointer(&text);
    return TRUE;
}

/* (transfer full) The lines that are not ours; "" where they are all blank. */
static gchar *
without_ours(const char *text, gboolean *ret_found)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *rest = g_string_new(NULL);

    *ret_found = FALSE;
    for (gsize i = 0; lines[i]; i++) {
        if (g_strv_contains(our_lines, lines[i]))
            *ret_found = TRUE;
        else if (lines[i + 1] || *lines[i])
            g_string_append_printf(rest, "%s\n", lines[i]);
    }
    if (!rest->str[strspn(rest->str, NEST_KERNEL_BLANKS)])
        g_string_truncate(rest, 0);
    return g_string_free(rest, FALSE);
}

/* The remedy where the drop-in cannot be written. */
#define MAKE_ROOM "make its directory writable, with room on its disk"

static gboolean
write_ours(const char *text, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_MODPROBE_FILE);
    g_autofree gchar *directory = g_path_get_dirname(path);
    g_autoptr(GError) problem = NULL;

    if (g_mkdir_with_parents(directory, 0755) < 0)
        return refuse_file(error, "cannot be written", g_strerror(errno), MAKE_ROOM);
    if (!g_file_set_contents_full(path, text, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0644, &problem))
        return refuse_file(error, "cannot be written", problem->message, MAKE_ROOM);
    (void)g_chmod(path, 0644); /* whatever the umask: anybody may ask what is set */
    return TRUE;
}

/* Whether the module would be loaded with nesting on, and nobody else has turned nesting off.
 * @override: it does not matter that somebody has. */
static gboolean
check_drop_in(const NestCpuVendor *vendor, NestModprobeDropinUse use, const char *rest,
              const char *text, gboolean override, GError **error)
{
    g_autoptr(NestModprobeConf) without = nest_modprobe_conf_read_with(vendor, rest);
    g_autoptr(NestModprobeConf) with = nest_modprobe_conf_read_with(vendor, text);
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(with);

    if (!nest_modprobe_conf_check_boot(with, use & NEST_MODPROBE_LOADED, error))
        return FALSE;
    if (winner && !winner->on)
        return nest_modprobe_conf_refuse(with, NULL, error);
    return override || nest_modprobe_conf_check(without, FORCE_COMMAND, error);
}

/* Works out the text that the drop-in is to have; *ret_done: it has that text already. */
static gchar *
work_out_dropin(const NestCpuVendor *vendor, NestModprobeDropinUse use, gboolean *ret_done,
                GError **error)
{
    g_autofree gchar *old = NULL;
    g_autofree gchar *rest = NULL;
    g_autofree gchar *text = NULL;
    gboolean found = FALSE;

    if (!read_ours(&old, error))
        return NULL;
    rest = without_ours(old, &found);
    /* A last line that ends in a backslash would otherwise swallow our note. */
    text = g_strdup_printf("%s%s" NOTE "\noptions %s nested=1\n", rest,
                           g_str_has_suffix(rest, "\\\n") ? "\n" : "", vendor->module);
    *ret_done = g_str_equal(old, text);
    if (!check_drop_in(vendor, use, rest, text, (use & NEST_MODPROBE_FORCE) || *ret_done, error))
        return NULL;
    return g_steal_pointer(&text);
}

gboolean
nest_modprobe_dropin_may_keep_on(const NestCpuVendor *vendor, NestModprobeDropinUse use,
                                 GError **error)
{
    gboolean done = FALSE;
    g_autofree gchar *text = work_out_dropin(vendor, use, &done, error);

    return text != NULL;
}

gboolean
nest_modprobe_dropin_keep_on(const NestCpuVendor *vendor, NestModprobeDropinUse use, GError **error)
{
    gboolean done = FALSE;
    g_autofree gchar *text = work_out_dropin(vendor, use, &done, error);

    return text && (done || write_ours(text, error));
}

gboolean
nest_modprobe_dropin_forget(gboolean *ret_removed, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_MODPROBE_FILE);
    g_autofree gchar *old = NULL;
    g_autofree gchar *rest = NULL;
    gboolean found = FALSE;

    if (!read_ours(&old, error))
        return FALSE;
    rest = without_ours(old, &found);
    if (found && *rest && !write_ours(rest, error))
        return FALSE;
    if (found && !*rest && g_unlink(path) < 0)
        return refuse_file(error, "cannot be removed", g_strerror(errno),
                           "make its directory writable");
    *ret_removed = found;
    return TRUE;
}
