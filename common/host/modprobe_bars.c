/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bars: what keeps the KVM module from being loaded at all, because somebody decided so. */
#include "host/modprobe_bars.h"

#include "base/error.h"
#include "host/kernel_args.h"
#include "host/modprobe_files.h"

#include <fnmatch.h>
#include <string.h>

#define DEPENDENCY "kvm"

/* How each kind is described in a message, and whether it is for good: nobody can override it. */
static const struct {
    const char *name, *how;
    gboolean for_good;
} kinds[] = {
    [NEST_MODPROBE_INSTALL] = {"install",
                               "so that modprobe runs that command in place of loading it", FALSE},
    [NEST_MODPROBE_BLACKLIST] = {"blacklist", "so that it is not loaded by itself", FALSE},
    [NEST_MODPROBE_KERNEL_BLACKLIST] = {"module-blacklist", "so that the kernel refuses it", TRUE},
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

/* Adds the first "install PATTERN COMMAND" that fits. */
static void
add_install(GPtrArray *bars, const GPtrArray *lines, const char *module, gboolean dependency)
{
    for (guint i = 0; i < lines->len; i++) {
        const NestModprobeLine *line = g_ptr_array_index(lines, i);

        if (!*line->rest || line->unread || !g_str_equal(line->command, "install") ||
            !pattern_fits(line->argument, module))
            continue;
        add_bar(bars, NEST_MODPROBE_INSTALL, line->file, line->number,
                g_strdup_printf("install %s %s", line->argument,
                                line->rest + strspn(line->rest, "\t ")),
                dependency);
        return;
    }
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

static void
add_argument_bars(GPtrArray *bars, const char *module)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    g_autofree gchar *kernel_list = NULL;
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;

    while (nest_kernel_args_next(&at, &name, &value)) {
        g_autofree gchar *argument = g_steal_pointer(&name);
        g_autofree gchar *list = g_steal_pointer(&value);

        if (g_str_equal(argument, "modprobe.blacklist") && list_has(list, module))
            add_bar(bars, NEST_MODPROBE_BLACKLIST, NEST_MODPROBE_ARGUMENTS, 1,
                    g_strdup_printf("%s=%s", argument, list), FALSE);
        if (nest_kernel_args_match(argument, "module_blacklist")) {
            g_free(kernel_list);
            kernel_list = g_steal_pointer(&list);
        }
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

    add_blacklists(bars, lines, vendor->module);
    add_install(bars, lines, DEPENDENCY, TRUE);
    add_install(bars, lines, vendor->module, FALSE);
    add_argument_bars(bars, vendor->module);
    return bars;
}

const NestModprobeBar *
nest_modprobe_bars_find(const GPtrArray *bars, gboolean loaded, gboolean forced)
{
    const NestModprobeBar *found = NULL;

    for (guint i = 0; i < bars->len; i++) {
        const NestModprobeBar *bar = g_ptr_array_index(bars, i);
        gboolean blacklist = bar->kind == NEST_MODPROBE_BLACKLIST;

        if ((loaded && (bar->dependency || blacklist)) || (forced && !kinds[bar->kind].for_good))
            continue;
        if (!found || !blacklist)
            found = bar;
    }
    return found;
}

void
nest_modprobe_bars_refuse(const NestModprobeBar *bar, const char *module, const char *remedy,
                          GError **error)
{
    gboolean argument = g_str_equal(bar->file, NEST_MODPROBE_ARGUMENTS);
    g_autofree gchar *where = argument
                                  ? g_strdup_printf("the kernel argument %s", bar->text)
                                  : g_strdup_printf("%s:%u (%s)", bar->file, bar->line, bar->text);
    const char *command = kinds[bar->kind].for_good ? NULL : remedy;

    g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                "the module %s is kept away by %s%s, %s: remove that %s%s%s", module, where,
                bar->dependency ? ", a setting for " DEPENDENCY ", a module that it needs" : "",
                kinds[bar->kind].how,
                argument ? "from the boot loader's configuration and boot again" : "line",
                command ? ", or run " : "", command ? command : "");
}
