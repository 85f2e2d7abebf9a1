/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe's configuration, which decides about nesting at the next load of the KVM module.
 *
 * libkmod gives the options of a module as one text and does not tell where each of them comes from. So the
 * same files are read here (modprobe_files.h), and the resulting text is split as the kernel does it. */
#include "host/modprobe_conf.h"

#include "base/error.h"
#include "base/root.h"
#include "host/kernel_args.h"
#include "host/modprobe_files.h"

#include <stdlib.h>
#include <string.h>

#define OUR_NAME "virt-nest.conf" /* the name in NEST_MODPROBE_FILE */

/* Where the modules that an initramfs loads are named: files, or directories of *.conf. */
static const char *const initramfs_files[] = {
    "/etc/initramfs-tools/modules", "/etc/dracut.conf",       "/etc/dracut.conf.d",
    "/etc/mkinitcpio.conf",         "/etc/mkinitcpio.conf.d",
};

/* Where a part of the options comes from. */
typedef struct {
    const char *file;
    const char *name; /* the module, as it is written there */
    guint line;
    gsize end; /* of the part */
} Origin;

/* All options of a module, as the kernel gets them. */
typedef struct {
    const char *module;
    GString *text;
    GArray *origins;     /* of Origin */
    GStringChunk *names; /* of the origins */
} Options;

static void
setting_free(gpointer data)
{
    NestModprobeSetting *setting = data;

    g_free(setting->file);
    g_free(setting->name);
    g_free(setting->value);
    g_free(setting);
}

void
nest_modprobe_conf_free(NestModprobeConf *conf)
{
    if (!conf)
        return;
    g_ptr_array_unref(conf->settings);
    g_ptr_array_unref(conf->bars);
    g_ptr_array_unref(conf->mistakes);
    g_free(conf);
}

/* Adds the options @text, if @name is the module. */
static void
add_options(Options *options, const char *file, guint line, const char *name, const char *text)
{
    Origin origin = {.file = file, .line = line};

    if (!nest_kernel_args_match(name, options->module))
        return;
    if (options->text->len > 0)
        g_string_append_c(options->text, ' ');
    g_string_append(options->text, text);
    origin.end = options->text->len;
    origin.name = g_string_chunk_insert(options->names, name);
    g_array_append_val(options->origins, origin);
}

/* A kernel argument, "MODULE.PARAMETER=VALUE". */
static void
add_kernel_argument(Options *options, char *name, const char *value)
{
    g_autofree gchar *option = NULL;
    char *parameter = strchr(name, '.');

    if (!parameter)
        return;
    *parameter++ = '\0';
    option = value ? g_strdup_printf("%s=\"%s\"", parameter, value) : g_strdup(parameter);
    add_options(options, NEST_MODPROBE_ARGUMENTS, 1, name, option);
}

/* Also adds what follows "--", because libkmod ignores the "--". */
static void
add_kernel_command_line(Options *options)
{
    g_autofree gchar *text = nest_modprobe_files_text(NEST_MODPROBE_ARGUMENTS, NULL);
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;

    while (nest_kernel_args_next(&at, &name, &value)) {
        add_kernel_argument(options, name, value);
        g_free(name);
        g_free(value);
    }
}

/* What the kernel makes of a value. */
typedef enum { OFF, ON, REFUSED } Meaning;

/* Goes by the first letters, as kstrtobool() in lib/kstrtox.c and param_set_bool() do. Older kernels refuse some
 * values that newer ones accept; these count as accepted here. An older kernel
 * then refuses them when the module is loaded. */
static Meaning
read_bool(const char *value)
{
    if (!value || nest_kernel_args_is_yes(value))
        return ON;
    return (*value && strchr("nNfFdD0", *value)) || g_ascii_strncasecmp(value, "of", 2) == 0
               ? OFF
               : REFUSED;
}

/* Whether a number begins with 0b. glibc takes that for a prefix of binary digits from release 2.38 on, and the kernel
 * does not (_parse_integer_fixup_radix() in lib/kstrtox.c). */
static gboolean
is_binary(const char *number)
{
    number += *number == '-' || *number == '+';
    return g_ascii_strncasecmp(number, "0b", 2) == 0;
}

/* As kstrtoint() does, with the base that the prefix of the digits names. */
static Meaning
read_int(const char *value)
{
    char *end = NULL;
    long long number = 0;

    if (!value || !*value || strchr(NEST_KERNEL_BLANKS, *value) || is_binary(value))
        return REFUSED;
    number = strtoll(value, &end, 0);
    if (end == value || *end || number != (int)number)
        return REFUSED;
    return number ? ON : OFF;
}

static NestModprobeSetting *
setting_new(const Origin *origin, const char *module, const char *value)
{
    NestModprobeSetting *setting = g_new0(NestModprobeSetting, 1);
    /* nested is a bool in arch/x86/kvm/vmx/vmx.c, and an int in svm/svm.c. */
    Meaning meaning = g_str_equal(module, "kvm_intel") ? read_bool(value) : read_int(value);

    setting->file = g_strdup(origin->file);
    setting->line = origin->line;
    setting->name = g_strdup(origin->name);
    setting->value = g_strdup(value ? value : "");
    setting->on = meaning == ON;
    setting->refused = meaning == REFUSED;
    setting->ours = g_str_equal(origin->file, NEST_MODPROBE_FILE);
    return setting;
}

/* The kernel takes nothing that follows "--" (kernel/params.c, parse_args). */
static void
take_settings(const Options *options, GPtrArray *settings)
{
    const char *at = options->text->str;
    const Origin *origin = (const Origin *)options->origins->data;
    gboolean more = TRUE;

    while (more) {
        g_autofree gchar *name = NULL, *value = NULL;
        gsize begin = (gsize)(at - options->text->str) + strspn(at, NEST_KERNEL_BLANKS);

        more = nest_kernel_args_next(&at, &name, &value) && (value || !g_str_equal(name, "--"));
        if (!more || !g_str_equal(name, "nested"))
            continue;
        while (origin->end <= begin)
            origin++;
        g_ptr_array_add(settings, setting_new(origin, options->module, value));
    }
}

static GPtrArray *
read_nested_settings(const NestCpuVendor *vendor, const GPtrArray *lines)
{
    GPtrArray *settings = g_ptr_array_new_with_free_func(setting_free);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GArray) origins = g_array_new(FALSE, FALSE, sizeof(Origin));
    g_autoptr(GStringChunk) names = g_string_chunk_new(64);
    Options options = {vendor->module, text, origins, names};

    for (guint i = 0; i < lines->len; i++) {
        const NestModprobeLine *line = g_ptr_array_index(lines, i);

        if (*line->rest && !line->unread && g_str_equal(line->command, "options"))
            add_options(&options, line->file, line->number, line->argument, line->rest);
    }
    add_kernel_command_line(&options);
    take_settings(&options, settings);
    return settings;
}

/* Whether a file names the module (or kvm) outside of comments, and not as one to be omitted. */
static gboolean
file_loads(const char *file, const char *module)
{
    g_autofree gchar *text = nest_modprobe_files_text(file, NULL);
    g_auto(GStrv) parts = g_strsplit(module, "_", 2);
    g_autofree gchar *pattern = g_strdup_printf(
        "^(?!\\s*omit_)[^#\\n]*(?<![\\w-])kvm([-_]%s)?(?![\\w-])", parts[1] ? parts[1] : "");

    return text && g_regex_match_simple(pattern, text, G_REGEX_MULTILINE | G_REGEX_RAW, 0);
}

static gboolean
initramfs_loads(const char *file, const char *module)
{
    g_autofree gchar *path = nest_root_path(file);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = NULL;
    gboolean found = !dir && file_loads(file, module);

    while (dir && !found && (name = g_dir_read_name(dir))) {
        g_autofree gchar *part = g_build_filename(file, name, NULL);

        found = g_str_has_suffix(name, ".conf") && file_loads(part, module);
    }
    return found;
}

NestModprobeConf *
nest_modprobe_conf_read_with(const NestCpuVendor *vendor, const char *ours)
{
    NestModprobeConf *conf = g_new0(NestModprobeConf, 1);
    g_autoptr(GPtrArray) lines = nest_modprobe_files_read(ours ? OUR_NAME : NULL, ours);

    conf->module = vendor->module;
    conf->settings = read_nested_settings(vendor, lines);
    conf->bars = nest_modprobe_bars_read(vendor, lines);
    conf->mistakes = nest_modprobe_mistakes_read(vendor, lines);
    for (gsize i = 0; i < G_N_ELEMENTS(initramfs_files) && !conf->initramfs; i++)
        conf->initramfs = initramfs_loads(initramfs_files[i], vendor->module);
    return conf;
}

NestModprobeConf *
nest_modprobe_conf_read(const NestCpuVendor *vendor)
{
    return nest_modprobe_conf_read_with(vendor, NULL);
}

/* --- who decides */

/* The kernel reads the options in order, and loads nothing once it refuses one (kernel/params.c, parse_args). */
const NestModprobeSetting *
nest_modprobe_conf_winner(const NestModprobeConf *conf)
{
    const NestModprobeSetting *winner = NULL;

    for (guint i = 0; i < conf->settings->len; i++) {
        winner = g_ptr_array_index(conf->settings, i);
        if (winner->refused)
            break;
    }
    return winner;
}

static gboolean
is_argument(const NestModprobeSetting *setting)
{
    return g_str_equal(setting->file, NEST_MODPROBE_ARGUMENTS);
}

const NestModprobeSetting *
nest_modprobe_conf_argument(const NestModprobeConf *conf)
{
    const NestModprobeSetting *last = NULL;

    for (guint i = 0; i < conf->settings->len; i++) {
        const NestModprobeSetting *setting = g_ptr_array_index(conf->settings, i);

        if (is_argument(setting) && !setting->refused)
            last = setting;
    }
    return last;
}

const NestModprobeSetting *
nest_modprobe_conf_overridden(const NestModprobeConf *conf)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    const NestModprobeSetting *last = NULL;

    for (guint i = 0; i < conf->settings->len; i++) {
        const NestModprobeSetting *setting = g_ptr_array_index(conf->settings, i);

        if (!nest_modprobe_files_is_distribution(setting->file))
            last = setting;
    }
    return last && !last->on && winner->on ? last : NULL;
}

gchar *
nest_modprobe_conf_boot_remedy(const NestModprobeConf *conf, gboolean nested)
{
    const NestModprobeSetting *argument = nest_modprobe_conf_argument(conf);

    if (argument)
        return g_strdup_printf("replace the kernel argument %s.nested=%s by %s.nested=%d",
                               argument->name, argument->value, argument->name, nested);
    return g_strdup_printf("boot with the kernel argument %s.nested=%d", conf->module, nested);
}

/* --- refusals */

/* @remedy: (nullable) NULL: nesting is not to be turned on now, so no command is named. */
static gboolean
refuse_nested_value(const NestModprobeConf *conf, const NestModprobeSetting *setting,
                    const char *remedy, GError **error)
{
    g_autofree gchar *where =
        is_argument(setting)
            ? g_strdup_printf("the kernel argument %s.nested=%s", setting->name, setting->value)
            : g_strdup_printf("%s:%u (options %s nested%s%s)", setting->file, setting->line,
                              setting->name, *setting->value ? "=" : "", setting->value);

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_VALUE,
        "the kernel does not load %s with the value that %s gives: write nested=1 there, without "
        "spaces, or remove it%s",
        conf->module, where, remedy ? ", then run virt-nest host enable" : "");
    return FALSE;
}

/* @bar: (nullable) what keeps the module away. */
static gboolean
check_bar(const NestModprobeConf *conf, const NestModprobeBar *bar, const char *remedy,
          GError **error)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);

    if (bar) {
        nest_modprobe_bars_refuse(bar, conf->module, remedy, error);
        return FALSE;
    }
    return !winner || !winner->refused || refuse_nested_value(conf, winner, remedy, error);
}

gboolean
nest_modprobe_conf_check_load(const NestModprobeConf *conf, gboolean loaded, gboolean force,
                              const char *remedy, GError **error)
{
    return check_bar(conf, nest_modprobe_bars_find(conf->bars, loaded, force), remedy, error);
}

gboolean
nest_modprobe_conf_check_boot(const NestModprobeConf *conf, gboolean loaded, GError **error)
{
    return check_bar(conf, nest_modprobe_bars_find_at_boot(conf->bars, loaded), NULL, error);
}

gboolean
nest_modprobe_conf_refuse(const NestModprobeConf *conf, const char *remedy, GError **error)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    g_autofree gchar *way_out =
        remedy ? g_strdup_printf(": remove that line, or run %s", remedy)
               : g_strdup(", which is read after " NEST_MODPROBE_FILE ": remove that line");

    if (is_argument(winner))
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                    "nesting is kept off by the kernel argument %s.nested=%s, which is read after "
                    "every file: remove it from the boot loader's configuration, and boot again",
                    winner->name, winner->value);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                    "nesting is kept off by %s:%u (options %s nested=%s)%s", winner->file,
                    winner->line, winner->name, winner->value, way_out);
    return FALSE;
}

static gboolean
refuse_overridden(const NestModprobeSetting *off, const NestModprobeSetting *winner,
                  const char *remedy, GError **error)
{
    g_autofree gchar *command = remedy ? g_strdup_printf(" or run %s", remedy) : g_strdup("");

    g_set_error(
        error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
        "%s:%u (options %s nested=%s) is meant to keep nesting off, but the distribution's %s:%u "
        "(nested=%s) is read after it and turns nesting on: to turn nesting on, remove the first line%s; "
        "to keep it off, move the first line into a file that is read later",
        off->file, off->line, off->name, off->value, winner->file, winner->line, winner->value,
        command);
    return FALSE;
}

gboolean
nest_modprobe_conf_check(const NestModprobeConf *conf, const char *remedy, GError **error)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    const NestModprobeSetting *overridden = nest_modprobe_conf_overridden(conf);
    g_autofree gchar *name = winner ? g_path_get_basename(winner->file) : NULL;

    if (!winner)
        return TRUE;
    if (overridden)
        return refuse_overridden(overridden, winner, remedy, error);
    if (winner->on)
        return TRUE;
    if (winner->refused)
        return refuse_nested_value(conf, winner, remedy, error);
    return nest_modprobe_conf_refuse(conf, strcmp(name, OUR_NAME) > 0 ? NULL : remedy, error);
}
