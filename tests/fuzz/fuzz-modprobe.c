/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows that modprobe's configuration is read as libkmod and the kernel read it, and that our drop-in comes
 * and goes without harm to what else stands in its file.
 *
 * The first byte chooses: 0 and 1 read the rest as a file, for AMD and Intel; 2 has it as the drop-in. */
#include "fuzz.h"
#include "host/modprobe_conf.h"
#include "host/modprobe_dropin.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <libkmod.h>
#include <string.h>
#include <unistd.h>

#define OTHER_FILE "/etc/modprobe.d/a.conf"

static gchar *directory, *other, *ours;

gboolean
fuzz_start(void)
{
    g_autofree gchar *world = fuzz_world();

    other = g_strconcat(world, OTHER_FILE, NULL);
    ours = g_strconcat(world, NEST_MODPROBE_FILE, NULL);
    directory = g_path_get_dirname(other);
    /* libkmod tells standard error of lines that are none. */
    return g_mkdir_with_parents(directory, 0755) == 0 && g_setenv("VIRT_NEST_ROOT", world, TRUE) &&
           g_setenv("KMOD_LOG", "0", TRUE);
}

static void
write_file(const char *path, const void *data, gsize size)
{
    int file = g_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    PROMISE("the file is written", file >= 0 && write(file, data, size) == (gssize)size, path);
    (void)close(file);
}

/* (transfer full)(nullable) The value that wins, and whether it is on. */
static gchar *
winner_of(const NestCpuVendor *vendor, guint lines)
{
    g_autoptr(NestModprobeConf) conf = nest_modprobe_conf_read(vendor);
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    g_autoptr(GError) error = NULL;

    if (!nest_modprobe_conf_check(conf, NULL, &error)) {
        fuzz_check_error(error, NEST_ERROR_HOST_KEPT_OFF, NEST_ERROR_HOST_VALUE);
        PROMISE("a refusal has a reason", winner && !winner->on, NULL);
    } else {
        PROMISE("nothing off is let pass", !winner || winner->on, NULL);
    }
    if (!winner)
        return NULL;
    PROMISE("the file is named", g_str_equal(winner->file, OTHER_FILE), winner->file);
    PROMISE("its line is one of its lines", winner->line >= 1 && winner->line <= lines, NULL);
    return g_strdup_printf("%d %s", winner->on, g_strdelimit(winner->value, "\t", ' '));
}

/* What libkmod would hand to the kernel, as one line of a file. */
static void
write_libkmods(const char *name)
{
    const char *const directories[] = {directory, NULL};
    struct kmod_ctx *kmod = kmod_new(directory, directories);
    struct kmod_module *module = NULL;
    g_autoptr(GString) line = g_string_new(NULL);

    PROMISE("libkmod reads too", kmod && kmod_module_new_from_name(kmod, name, &module) == 0, NULL);
    g_string_printf(line, "options %s ", name);
    for (const char *c = kmod_module_get_options(module); c && *c; c++)
        g_string_append_printf(line, "%s%c", *c == '\\' ? "\\" : "", *c);
    kmod_module_unref(module);
    kmod_unref(kmod);
    write_file(other, line->str, line->len);
}

/* A last backslash is left out here: libkmod before 31 takes the file's end for a character. */
static void
check_reading(const NestCpuVendor *vendor, const guint8 *text, gsize size)
{
    g_autofree gchar *won = NULL, *libkmods = NULL;
    guint lines = 1;

    while (size > 0 && text[size - 1] == '\\')
        size--;
    for (gsize i = 0; i < size; i++)
        lines += text[i] == '\n';
    (void)g_unlink(ours);
    write_file(other, text, size);
    won = winner_of(vendor, lines);
    write_libkmods(vendor->module);
    libkmods = winner_of(vendor, 1);
    PROMISE("the winner is libkmod's", g_strcmp0(won, libkmods) == 0, won);
}

/* What is not ours is there as before. */
static void
check_kept(const char *before)
{
    g_autofree gchar *after = NULL;
    g_auto(GStrv) lines = g_strsplit(before, "\n", -1);
    g_auto(GStrv) kept = NULL;

    (void)g_file_get_contents(ours, &after, NULL, NULL);
    kept = g_strsplit(after ? after : "", "\n", -1);
    for (gsize i = 0; lines[i]; i++)
        PROMISE("a line that is not ours stays",
                g_str_has_prefix(lines[i], "# Written by virt-nest") ||
                    g_str_has_prefix(lines[i], "options kvm_") ||
                    !lines[i][strspn(lines[i], " \t\n\v\f\r")] ||
                    g_strv_contains((const gchar *const *)kept, lines[i]),
                lines[i]);
}

/* (transfer full) Without the backslashes, which kmod drops, and with them the end of a line that they continue. */
static gchar *
unescaped(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\\\n", -1);
    g_autofree gchar *joined = g_strjoinv("", lines);
    g_auto(GStrv) parts = g_strsplit(joined, "\\", -1);

    return g_strjoinv("", parts);
}

static void
check_drop_in(const NestCpuVendor *vendor, const guint8 *text, gsize size)
{
    g_autofree gchar *before = g_strndup((const char *)text, size);
    g_autoptr(GError) error = NULL;
    gboolean removed = FALSE;

    (void)g_unlink(other);
    write_file(ours, text, size);
    if (!nest_modprobe_dropin_keep_on(vendor, NEST_MODPROBE_LOADED | NEST_MODPROBE_FORCE, &error)) {
        g_autofree gchar *after = NULL;
        g_autofree gchar *plain = unescaped(before);
        gsize length = 0;

        fuzz_check_error(error, NEST_ERROR_HOST_KEPT_OFF, NEST_ERROR_IO);
        PROMISE("only what is no text, or takes our line's effect, is refused",
                error->code == NEST_ERROR_IO ? strlen(before) < size
                : error->code == NEST_ERROR_HOST_VALUE
                    ? strstr(plain, "nested") != NULL
                    : strpbrk(plain, "\"-") || strstr(plain, "install"),
                error->message);
        PROMISE("a refusal changes nothing",
                g_file_get_contents(ours, &after, &length, NULL) && length == size &&
                    memcmp(after, text, size) == 0,
                NULL);
        return;
    }
    check_kept(before);
    PROMISE("what was kept is taken away", nest_modprobe_dropin_forget(&removed, NULL) && removed,
            NULL);
    check_kept(before);
    PROMISE("once", nest_modprobe_dropin_forget(&removed, NULL) && !removed, NULL);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    guint choice = size > 0 ? fuzz_choice(data[0], 3) : 0;
    const NestCpuVendor *vendor = nest_cpu_vendor_by_name(choice == 1 ? "intel" : "amd");

    if (size == 0)
        return 0;
    if (choice < 2)
        check_reading(vendor, data + 1, size - 1);
    else
        check_drop_in(vendor, data + 1, size - 1);
    return 0;
}
