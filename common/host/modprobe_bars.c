/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bars: what keeps the KVM module from being loaded, or unloaded, at all, because somebody decided so. */
#include "host/modprobe_bars.h"

#include "base/error.h"
#include "host/kernel_args.h"
#include "host/modprobe_files.h"

#include <fnmatch.h>
#include <string.h>

#define DEPENDENCY "kvm"

#define SYSCTL "/proc/sys/kernel/modules_disabled"

/* When a kind counts. */
enum {
    ABSENT = 1 << 0,  /* the module is to be loaded */
    LOADED = 1 << 1,  /* the module is to be unloaded and loaded again */
    AT_BOOT = 1 << 2, /* the next boot is to load it */
    FORCED = 1 << 3,  /* somebody wants it nevertheless: nobody can override this kind */
};

/* How each kind is described in a message, and when it counts. */
static const struct {
    const char *name, *effect, *how;
    guint counts;
} kinds[] = {
    [NEST_MODPROBE_INSTALL] = {"install", "kept away",
                               "so that modprobe runs that command in place of loading it",
                               ABSENT | LOADED | AT_BOOT},
    [NEST_MODPROBE_BLACKLIST] = {"blacklist", "kept away", "so that it is not loaded by itself",
                                 ABSENT | AT_BOOT},
    [NEST_MODPROBE_KERNEL_BLACKLIST] = {"module-blacklist", "kept away",
                                        "so that the kernel refuses it",
                                        ABSENT | LOADED | AT_BOOT | FORCED},
    [NEST_MODPROBE_ALIAS] = {"alias", "kept away",
                             "so that modprobe takes its name for another module's",
                             ABSENT | LOADED | FORCED},
    [NEST_MODPROBE_REMOVE] = {"remove", "kept loaded",
                              "so that modprobe runs that command in place of unloading it",
                              LOADED},
    [NEST_MODPROBE_NO_MODULES] =
        {"modules-disabled", "kept as it is",
         "so that the kernel neither loads nor unloads a module until it boots again",
         ABSENT | LOADED | FORCED},
};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == NEST_MODPROBE_BARS);

const char *
nest_modprobe_bars_kind_name(NestModprobeBarKind kind)
{
    return kinds[kind].name;
}

static void
bar_free(gpointer data)
{
    NestModprobeBar *bar = data;

    g_free(bar->file);
    g_free(bar->text);
    g_free(bar);
}

/* Takes ownership of @text. */
static void
add_bar(GPtrArray *bars, NestModprobeBarKind kind, const char *file, guint line, gchar *text,
        gboolean dependency)
{
    NestModprobeBar *bar = g_new0(NestModprobeBar, 1);

    bar->kind = kind;
    bar->file = g_strdup(file);
    bar->line = line;
    bar->text = text;
    bar->dependency = dependency;
    g_ptr_array_add(bars, bar);
}

/* --- modprobe's files */

/* libkmod normalizes a pattern: '-' becomes '_' outside of brackets. */
static gboolean
pattern_fits(const char *pattern, const char *module)
{
    g_autofree gchar *name = g_strdup(pattern);
    gboolean inside = FALSE;

    for (gchar *c = name; *c; c++) {
        inside = *c == '[' || (inside && *c != ']');
        if (!inside && *c == '-')
            *c = '_';
    }
    return fnmatch(name, module, 0) == 0;
}

/* (nullable)(transfer none) The first line of a command whose pattern fits, if it says what is to be done. */
static const NestModprobeLine *
find_command_line(const GPtrArray *lines, const char *command, const char *module)
{
    for (guint i = 0; i < lines->len; i++) {
        const NestModprobeLine *line = g_ptr_array_index(lines, i);

        if (*line->rest && !line->unread && g_str_equal(line->command, command) &&
            pattern_fits(line->argument, module))
            return line;
    }
    return NULL;
}

/* "install PATTERN COMMAND", "remove PATTERN COMMAND" or "alias PATTERN MODULE". */
static void
add_bar_of_line(GPtrArray *bars, NestModprobeBarKind kind, const NestModprobeLine *line,
                gboolean dependency)
{
    if (line)
        add_bar(bars, kind, line->file, line->number,
                g_strdup_printf("%s %s %s", line->command, line->argument,
                                line->rest + strspn(line->rest, "\t ")),
                dependency);
}

/* An alias for the module itself changes nothing. */
static void
add_alias(GPtrArray *bars, const GPtrArray *lines, const char *module)
{
    const NestModprobeLine *line = find_command_line(lines, "alias", module);
    const char *other = line ? line->rest + strspn(line->rest, "\t ") : "";
    g_autofree gchar *name = g_strndup(other, strcspn(other, "\t "));

    if (line && !nest_kernel_args_match(name, module))
        add_bar_of_line(bars, NEST_MODPROBE_ALIAS, line, FALSE);
}

/* "blacklist MODULE" */
static void
add_blacklists(GPtrArray *bars, const GPtrArray *lines, const char *module)
{
    for (guint i = 0; i < lines->len; i++) {
        const NestModprobeLine *line = g_ptr_array_index(lines, i);

        if (!line->unread && g_str_equal(line->command, "blacklist") &&
            nest_kernel_args_match(line->argument, module))
            add_bar(bars, NEST_MODPROBE_BLACKLIST, line->file, line->number,
                    g_strdup_printf("blacklist %s", line->argument), FALSE);
    }
}

/* --- the kernel's command line */

/* Neither libkmod nor the kernel takes a '-' for a '_' in these lists. */
static gboolean
list_has(const char *list, const char *module)
{
    g_auto(GStrv) names = g_strsplit(list ? list : "", ",", -1);

    return g_strv_contains((const char *const *)names, module);
}

/* One kernel argument. @kernel_list: (inout) the last module_blacklist=. */
static void
add_bar_of_argument(GPtrArray *bars, const char *module, const char *argument, const char *value,
                    gchar **kernel_list)
{
    if (g_str_equal(argument, "modprobe.blacklist") && list_has(value, module))
        add_bar(bars, NEST_MODPROBE_BLACKLIST, NEST_MODPROBE_ARGUMENTS, 1,
                g_strdup_printf("%s=%s", argument, value), FALSE);
    if (g_str_equal(argument, "nomodule") && nest_kernel_args_is_yes(value))
        add_bar(bars, NEST_MODPROBE_KERNEL_BLACKLIST, NEST_MODPROBE_ARGUMENTS, 1,
                g_strdup(argument), FALSE);
    if (nest_kernel_args_match(argument, "module_blacklist")) {
        g_free(*kernel_list);
        *kernel_list = g_strdup(value);
    }
}

static void
add_argument_bars(GPtrArray *bars, const char *module)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    g_autofree gchar *kernel_list = NULL;
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;

    while (nest_kernel_args_next(&at, &name, &value)) {
        add_bar_of_argument(bars, module, name, value, &kernel_list);
        g_clear_pointer(&name, g_free);
        g_clear_pointer(&value, g_free);
    }
    if (list_has(kernel_list, module) || list_has(kernel_list, DEPENDENCY))
        add_bar(bars, NEST_MODPROBE_KERNEL_BLACKLIST, NEST_MODPROBE_ARGUMENTS, 1,
                g_strdup_printf("module_blacklist=%s", kernel_list),
                !list_has(kernel_list, module));
}

/* --- all of them */

GPtrArray *
nest_modprobe_bars_read(const NestCpuVendor *vendor, const GPtrArray *lines)
{
    GPtrArray *bars = g_ptr_array_new_with_free_func(bar_free);
    g_autofree gchar *sysctl = nest_modprobe_files_text(SYSCTL, NULL);

    add_blacklists(bars, lines, vendor->module);
    add_alias(bars, lines, vendor->module);
    add_bar_of_line(bars, NEST_MODPROBE_REMOVE, find_command_line(lines, "remove", vendor->module),
                    FALSE);
    add_bar_of_line(bars, NEST_MODPROBE_INSTALL, find_command_line(lines, "install", DEPENDENCY),
                    TRUE);
    add_bar_of_line(bars, NEST_MODPROBE_INSTALL,
                    find_command_line(lines, "install", vendor->module), FALSE);
    if (sysctl && *sysctl == '1') /* it cannot be taken back until the host boots again */
        add_bar(bars, NEST_MODPROBE_NO_MODULES, SYSCTL, 1, g_strdup("kernel.modules_disabled=1"),
                FALSE);
    add_argument_bars(bars, vendor->module);
    return bars;
}

/* The last bar that counts, but any other before a blacklist. */
static const NestModprobeBar *
find_decisive_bar(const GPtrArray *bars, guint when, gboolean has_dependency, gboolean has_module)
{
    const NestModprobeBar *found = NULL;

    for (guint i = 0; i < bars->len; i++) {
        const NestModprobeBar *bar = g_ptr_array_index(bars, i);
        gboolean blacklist = bar->kind == NEST_MODPROBE_BLACKLIST;

        if ((kinds[bar->kind].counts & when) != when || (has_dependency && bar->dependency) ||
            (has_module && blacklist))
            continue;
        if (!found || !blacklist)
            found = bar;
    }
    return found;
}

const NestModprobeBar *
nest_modprobe_bars_find(const GPtrArray *bars, gboolean loaded, gboolean forced)
{
    return find_decisive_bar(bars, (loaded ? LOADED : ABSENT) | (forced ? FORCED : 0), loaded,
                             FALSE);
}

const NestModprobeBar *
nest_modprobe_bars_find_at_boot(const GPtrArray *bars, gboolean loaded)
{
    return find_decisive_bar(bars, AT_BOOT, FALSE, loaded);
}

/* (transfer full) Where the bar stands, for a message. */
static gchar *
bar_place(const NestModprobeBar *bar)
{
    if (g_str_equal(bar->file, NEST_MODPROBE_ARGUMENTS))
        return g_strdup_printf("the kernel argument %s", bar->text);
    if (g_str_equal(bar->file, SYSCTL))
        return g_strdup_printf("the sysctl %s", bar->text);
    return g_strdup_printf("%s:%u (%s)", bar->file, bar->line, bar->text);
}

/* What to do about the bar. @turns_on: nesting is to be turned on. */
static const char *
bar_remedy(const NestModprobeBar *bar, gboolean turns_on)
{
    if (g_str_equal(bar->file, NEST_MODPROBE_ARGUMENTS))
        return "remove that from the boot loader's configuration and boot again";
    if (!g_str_equal(bar->file, SYSCTL))
        return "remove that line";
    return turns_on ? "run virt-nest host enable --boot, then boot again" : "boot again";
}

void
nest_modprobe_bars_refuse(const NestModprobeBar *bar, const char *module, const char *remedy,
                          GError **error)
{
    g_autofree gchar *place = bar_place(bar);
    const char *command = kinds[bar->kind].counts & FORCED ? NULL : remedy;

    g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                "the module %s is %s by %s%s, %s: %s%s%s", module, kinds[bar->kind].effect, place,
                bar->dependency ? ", a setting for " DEPENDENCY ", a module that it needs" : "",
                kinds[bar->kind].how, bar_remedy(bar, remedy != NULL), command ? ", or run " : "",
                command ? command : "");
}
