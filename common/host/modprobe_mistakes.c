/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that somebody wrote to set nesting, and that do nothing. */
#include "host/modprobe_mistakes.h"

#include "base/root.h"
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

/* --- why a line has no effect; each returns (nullable)(transfer full) */

/* Why nested has no effect when it is set for this module; NULL: it is the right module. */
static gchar *
reason_of_module(const NestCpuVendor *vendor, const char *name)
{
    if (nest_kernel_args_match(name, vendor->module))
        return NULL;
    if (g_str_equal(name, "kvm"))
        return g_strdup_printf("kvm has no parameter nested, %s has it", vendor->module);
    return g_strdup_printf("this host's module is %s", vendor->module);
}

/* A parameter of the right module whose name is nearly `nested`. The kernel ignores what it does not know. */
static gchar *
reason_of_parameter(const NestCpuVendor *vendor, const char *name)
{
    if (!strcasestr(name, "nest") || nest_kernel_args_match(name, "nested") ||
        nest_kernel_args_match(name, "nested_early_check"))
        return NULL;
    return g_strdup_printf("%s has no parameter %s: it is called nested", vendor->module, name);
}

static gchar *
reason_of_parameters(const NestCpuVendor *vendor, const char *text)
{
    gchar *name = NULL, *value = NULL, *why = NULL;

    while (!why && nest_kernel_args_next(&text, &name, &value)) {
        why = reason_of_parameter(vendor, name);
        g_clear_pointer(&name, g_free);
        g_clear_pointer(&value, g_free);
    }
    return why;
}

/* modprobe does not read this file. Its line is a mistake if it would otherwise affect the module. */
static gchar *
reason_of_unread(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    gboolean meant = g_str_equal(words->command, "options")
                         ? strstr(words->rest, "nested") != NULL
                         : g_strv_contains(commands, words->command);

    return meant && nest_kernel_args_match(words->module, vendor->module) ? g_strdup(line->unread)
                                                                          : NULL;
}

static gchar *
reason_of_options(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    if (!g_str_equal(words->command, "options"))
        return NULL;
    if (nest_kernel_args_match(words->module, vendor->module))
        return reason_of_parameters(vendor, words->rest);
    return strcasestr(words->module, "kvm") && strstr(line->text, "nested")
               ? reason_of_module(vendor, words->module)
               : NULL;
}

/* A blacklist has an effect only on modules that are loaded automatically, not on those that another module needs. */
static gchar *
reason_of_dependency(const NestCpuVendor *vendor, const char *name)
{
    return g_str_equal(name, "kvm") && !g_str_equal(vendor->module, "kvm")
               ? g_strdup_printf("kvm is loaded all the same, as %s needs it", vendor->module)
               : NULL;
}

static gchar *
reason_of_blacklist(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    (void)line;
    return g_str_equal(words->command, "blacklist") ? reason_of_dependency(vendor, words->module)
                                                    : NULL;
}

static gchar *
reason_of_nothing(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    static const char *const need_more[] = {"install", "remove", "alias", NULL};

    (void)line;
    return !*words->rest && g_strv_contains(need_more, words->command) &&
                   nest_kernel_args_match(words->module, vendor->module)
               ? g_strdup("modprobe skips it, as nothing follows the module's name")
               : NULL;
}

static gchar *
reason_of_command(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    static const char *const former[] = {"config", "include", NULL};

    if (g_strv_contains(commands, words->command) || !strstr(line->text, "kvm") ||
        !strstr(line->text, "nested"))
        return NULL;
    if (g_strv_contains(former, words->command))
        return g_strdup_printf("modprobe reads no %s lines any more", words->command);
    return g_strdup_printf("%s is no command of modprobe.d: options %s nested=1 is one",
                           words->command, vendor->module);
}

typedef gchar *(*Reason)(const NestCpuVendor *vendor, const Words *words,
                         const NestModprobeLine *line);

static gchar *
reason_of_line(const NestCpuVendor *vendor, const Words *words, const NestModprobeLine *line)
{
    static const Reason reasons[] = {reason_of_options, reason_of_blacklist, reason_of_nothing,
                                     reason_of_command};
    gchar *why = NULL;

    if (line->unread)
        return reason_of_unread(vendor, words, line);
    for (gsize i = 0; i < G_N_ELEMENTS(reasons) && !why; i++)
        why = reasons[i](vendor, words, line);
    return why;
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

/* --- why a kernel argument has no effect; each returns (nullable)(transfer full) */

/* nested, with a module or without one. */
static gchar *
reason_of_nested(const NestCpuVendor *vendor, const char *name)
{
    const char *parameter = strchr(name, '.');
    g_autofree gchar *module = parameter ? g_strndup(name, (gsize)(parameter - name)) : NULL;

    if (g_str_equal(name, "nested"))
        return g_strdup_printf("it names no module: %s.nested does", vendor->module);
    if (!module || !is_about_kvm(module))
        return NULL;
    if (nest_kernel_args_match(module, vendor->module))
        return reason_of_parameter(vendor, parameter + 1);
    return g_str_equal(parameter, ".nested") ? reason_of_module(vendor, module) : NULL;
}

/* The lists that keep modules away, and those that look like them. */
static const struct {
    const char *name;
    const char *why; /* why it has no effect; NULL: it has one */
} lists[] = {
    {"modprobe.blacklist", NULL},
    {"module_blacklist", NULL},
    {"rd.driver.blacklist", "it counts in the initramfs only"},
    {"rdblacklist", "it counts in the initramfs only"},
};

/* (transfer full)(nullable) The first name of a list that is the module's, or would be if '-' were '_'. */
static gchar *
find_in_list(const char *list, const char *module)
{
    g_auto(GStrv) names = g_strsplit(list ? list : "", ",", -1);

    if (g_strv_contains((const char *const *)names, module))
        return g_strdup(module);
    for (gsize i = 0; names[i]; i++)
        if (nest_kernel_args_match(names[i], module))
            return g_strdup(names[i]);
    return NULL;
}

/* A list that means the module, as @written. */
static gchar *
reason_of_list(const NestCpuVendor *vendor, const char *name, const char *written)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (!nest_kernel_args_match(name, lists[i].name))
            continue;
        if (lists[i].why)
            return g_strdup(lists[i].why);
        return g_str_equal(written, vendor->module)
                   ? NULL
                   : g_strdup_printf("the module's name is written %s there", vendor->module);
    }
    return strstr(name, "blacklist")
               ? g_strdup_printf("neither modprobe nor the kernel knows %s", name)
               : NULL;
}

static gchar *
reason_of_argument(const NestCpuVendor *vendor, const char *name, const char *value)
{
    g_autofree gchar *own = find_in_list(value, vendor->module);
    g_autofree gchar *needed = find_in_list(value, "kvm");

    if (own)
        return reason_of_list(vendor, name, own);
    return needed && g_str_equal(name, "modprobe.blacklist") ? reason_of_dependency(vendor, needed)
                                                             : reason_of_nested(vendor, name);
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

/* --- files that name modules to be loaded */

/* Where systemd looks for them (modules-load.d(5)): files, or directories of *.conf. */
static const char *const loading_files[] = {"/etc/modules", "/etc/modules-load.d",
                                            "/run/modules-load.d", "/usr/lib/modules-load.d"};

/* A line such as "kvm_amd nested=1". */
static void
add_loading_mistakes(GPtrArray *mistakes, const NestCpuVendor *vendor, const char *file)
{
    g_autofree gchar *text = nest_modprobe_files_text(file, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        g_autofree gchar *line = g_strstrip(g_strdup(lines[i]));
        g_autofree gchar *name = g_strndup(line, strcspn(line, "\t "));

        if (is_about_kvm(name) && strstr(line, "nested"))
            add_mistake(mistakes, file, i + 1, line,
                        g_strdup_printf("only names of modules count in this file: options %s "
                                        "nested=1 in a file of modprobe.d counts",
                                        vendor->module));
    }
}

/* Debian's modules-load.d has a link to /etc/modules, so links are skipped. */
static void
add_loading_files(GPtrArray *mistakes, const NestCpuVendor *vendor, const char *file)
{
    g_autofree gchar *path = nest_root_path(file);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    if (!dir)
        add_loading_mistakes(mistakes, vendor, file);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *part = g_build_filename(file, name, NULL);
        g_autofree gchar *full = g_build_filename(path, name, NULL);

        if (g_str_has_suffix(name, ".conf") && !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
            add_loading_mistakes(mistakes, vendor, part);
    }
}

GPtrArray *
nest_modprobe_mistakes_read(const NestCpuVendor *vendor, const GPtrArray *lines)
{
    GPtrArray *mistakes = g_ptr_array_new_with_free_func(mistake_free);

    for (guint i = 0; i < lines->len; i++)
        add_line_mistake(mistakes, vendor, g_ptr_array_index(lines, i));
    add_argument_mistakes(mistakes, vendor);
    for (gsize i = 0; i < G_N_ELEMENTS(loading_files); i++)
        add_loading_files(mistakes, vendor, loading_files[i]);
    return mistakes;
}
