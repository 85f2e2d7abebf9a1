/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that somebody wrote to set nesting, and that do nothing. */
#include "host/modprobe_mistakes.h"

#include "host/kernel_args.h"
#include "host/modprobe_files.h"

#include <string.h>

static const char *const commands[] = {"alias",  "blacklist", "install", "options",
                                       "remove", "softdep",   "weakdep", NULL};

/* A line, taken apart. */
typedef struct {
    const char *command; /* its first word, "" if there is none */
    const char *module;  /* its second, likewise */
    const char *rest;    /* what comes after them */
} Words;

static void
mistake_free(gpointer data)
{
    NestModprobeMistake *mistake = data;

    g_free(mistake->file);
    g_free(mistake->text);
    g_free(mistake->why);
    g_free(mistake);
}

/* Takes ownership of @why; NULL: it is not a mistake. */
static void
add_mistake(GPtrArray *mistakes, const char *file, guint line, const char *text, gchar *why)
{
    NestModprobeMistake *mistake = NULL;

    if (!why)
        return;
    mistake = g_new0(NestModprobeMistake, 1);
    mistake->file = g_strdup(file);
    mistake->line = line;
    mistake->text = g_strstrip(g_strdup(text));
    mistake->why = why;
    g_ptr_array_add(mistakes, mistake);
}

static gboolean
is_about_kvm(const char *name)
{
    return g_str_equal(name, "kvm") || nest_kernel_args_match(name, "kvm_intel") ||
           nest_kernel_args_match(name, "kvm_amd");
}

/* (nullable)(transfer full) What is wrong with setting nested for a module; NULL: it is the right one. */
static gchar *
reason_of_module(const NestCpuVendor *vendor, const char *name)
{
    if (nest_kernel_args_match(name, vendor->module))
        return NULL;
    if (g_str_equal(name, "kvm"))
        return g_strdup_printf("kvm has no parameter nested, %s has it", vendor->module);
    return g_strdup_printf("this host's module is %s", vendor->module);
}

/* (nullable)(transfer full) Why a line has no effect. */
static gchar *
reason_of_line(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    gboolean options = g_str_equal(words->command, "options");
    gboolean command = g_strv_contains(commands, words->command);
    gboolean nested = strstr(words->rest, "nested") != NULL;

    /* modprobe does not read this file. Its line is a mistake if it would otherwise affect the
     * module. */
    if (line->unread)
        return nest_kernel_args_match(words->module, vendor->module) && (options ? nested : command)
                   ? g_strdup(line->unread)
                   : NULL;
    if (options)
        return is_about_kvm(words->module) && nested ? reason_of_module(vendor, words->module)
                                                     : NULL;
    if (!command && strstr(line->text, "kvm") && strstr(line->text, "nested"))
        return g_strdup_printf("%s is no command of modprobe.d: options %s nested=1 is one",
                               words->command, vendor->module);
    return NULL;
}

static void
add_line_mistake(GPtrArray *mistakes, const NestCpuVendor *vendor, const NestModprobeLine *line)
{
    g_autofree gchar *text = g_strdup(line->text);
    char *rest = NULL;
    Words words = {.command = strtok_r(text, "\t\r ", &rest)};

    if (!words.command || *words.command == '#')
        return;
    words.module = strtok_r(NULL, "\t\r ", &rest);
    words.rest = strtok_r(NULL, "", &rest);
    words.module = words.module ? words.module : "";
    words.rest = words.rest ? words.rest : "";
    add_mistake(mistakes, line->file, line->number, line->text,
                reason_of_line(vendor, &words, line));
}

/* (nullable)(transfer full) Why a kernel argument has no effect. */
static gchar *
reason_of_argument(const NestCpuVendor *vendor, const char *name, const char *value)
{
    const char *parameter = strchr(name, '.');
    g_autofree gchar *module = parameter ? g_strndup(name, (gsize)(parameter - name)) : NULL;

    if (g_str_equal(name, "nested"))
        return g_strdup_printf("it names no module: %s.nested does", vendor->module);
    if (module && g_str_equal(parameter, ".nested") && is_about_kvm(module))
        return reason_of_module(vendor, module);
    if ((g_str_equal(name, "modprobe.blacklist") ||
         nest_kernel_args_match(name, "module_blacklist")) &&
        value && (strstr(value, "kvm-intel") || strstr(value, "kvm-amd")))
        return g_strdup_printf("the module's name is written %s there", vendor->module);
    return NULL;
}

static void
add_argument_mistakes(GPtrArray *mistakes, const NestCpuVendor *vendor)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;

    while (nest_kernel_args_next(&at, &name, &value)) {
        g_autofree gchar *argument = value ? g_strdup_printf("%s=%s", name, value) : g_strdup(name);

        add_mistake(mistakes, NEST_MODPROBE_ARGUMENTS, 1, argument,
                    reason_of_argument(vendor, name, value));
        g_clear_pointer(&name, g_free);
        g_clear_pointer(&value, g_free);
    }
}

GPtrArray *
nest_modprobe_mistakes_read(const NestCpuVendor *vendor, const GPtrArray *lines)
{
    GPtrArray *mistakes = g_ptr_array_new_with_free_func(mistake_free);

    for (guint i = 0; i < lines->len; i++)
        add_line_mistake(mistakes, vendor, g_ptr_array_index(lines, i));
    add_argument_mistakes(mistakes, vendor);
    return mistakes;
}
