/* What decides nesting at the next load of the KVM module: modprobe's configuration, and our drop-in in it.
 *
 * libkmod gives the options of a module as one text and does not tell where each of them stands. So the same
 * files are read here: in libkmod's order, by its rules for lines (libkmod/libkmod-config.c), and the text
 * that comes of it is taken apart as the kernel does (lib/cmdline.c, next_arg). */
#include "modprobe_conf.h"

#include "error.h"
#include "root.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_LINE "/proc/cmdline"
#define OUR_NAME "virt-nest.conf" /* the name in NEST_MODPROBE_FILE */
#define BLANKS " \t\n\v\f\r"

/* In libkmod's order; a file of an earlier one hides those of its name in the later ones. */
static const char *const folders[] = {"/etc/modprobe.d", "/run/modprobe.d",
                                      "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
                                      "/lib/modprobe.d"};

/* The drop-in. Both vendors' lines are ours: a disk is moved from one machine to another. */
#define NOTE                                                                                       \
    "# Written by virt-nest, to have nested guests at each boot; virt-nest host disable removes it."
static const char *const our_lines[] = {NOTE, "options kvm_intel nested=1",
                                        "options kvm_amd nested=1", NULL};

/* What names the modules an initramfs loads: files, or folders of *.conf. */
static const char *const initramfs_files[] = {
    "/etc/initramfs-tools/modules", "/etc/dracut.conf",       "/etc/dracut.conf.d",
    "/etc/mkinitcpio.conf",         "/etc/mkinitcpio.conf.d",
};

/* Where a part of the options stands. */
typedef struct {
    const char *file;
    guint line;
    gsize end; /* of the part */
} Origin;

/* All options of a module, as the kernel gets them. */
typedef struct {
    const char *module;
    GString *text;
    GArray *origins; /* of Origin */
} Options;

static void
setting_free(gpointer data)
{
    NestModprobeSetting *setting = data;

    g_free(setting->file);
    g_free(setting->value);
    g_free(setting);
}

void
nest_modprobe_conf_free(NestModprobeConf *conf)
{
    if (!conf)
        return;
    g_ptr_array_unref(conf->settings);
    g_free(conf);
}

/* A device or pipe is no configuration, and reading it may never end. */
static gchar *
read_file(const char *file, gsize *ret_length)
{
    g_autofree gchar *path = nest_root_path(file);
    gchar *text = NULL;

    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        (void)g_file_get_contents(path, &text, ret_length, NULL);
    return text;
}

/* '-' and '_' are the same in it. */
static gboolean
is_module(const Options *options, char *name)
{
    return g_str_equal(g_strdelimit(name, "-", '_'), options->module);
}

static void
add_options(Options *options, const char *file, guint line, const char *text)
{
    Origin origin = {.file = file, .line = line};

    if (options->text->len > 0)
        g_string_append_c(options->text, ' ');
    g_string_append(options->text, text);
    origin.end = options->text->len;
    g_array_append_val(options->origins, origin);
}

/* Takes the next line off: a backslash joins it with what comes after, be that a line feed or not. */
static gboolean
take_line(const char **text, const char *end, GString *line, guint *lines)
{
    const char *c = *text;

    g_string_truncate(line, 0);
    for (*lines = 1; c < end && *c != '\n'; c++) {
        if (*c == '\\' && ++c == end)
            break;
        if (*c == '\n')
            ++*lines;
        else
            g_string_append_c(line, *c);
    }
    *text = c < end ? c + 1 : end;
    return c < end || line->len > 0;
}

/* "options MODULE TEXT" */
static void
add_line(Options *options, const char *file, guint number, char *line)
{
    char *rest = NULL;
    const char *command = strtok_r(line, "\t ", &rest);
    char *module = strtok_r(NULL, "\t ", &rest);
    const char *text = strtok_r(NULL, "", &rest);

    if (text && g_str_equal(command, "options") && is_module(options, module))
        add_options(options, file, number, text);
}

static void
add_text(Options *options, const char *file, const char *text, gsize length)
{
    g_autoptr(GString) line = g_string_new(NULL);
    guint lines = 0;
    const char *end = text + length;

    for (guint number = 1; take_line(&text, end, line, &lines); number += lines)
        add_line(options, file, number, line->str);
}

/* Takes the next parameter off, by the kernel's rules for quotes. */
static gboolean
take_parameter(const char **text, gchar **ret_name, gchar **ret_value)
{
    const char *begin = *text + strspn(*text, BLANKS);
    const char *end = NULL, *equals = NULL, *value = NULL;
    gboolean quoted = *begin == '"', inside = quoted;

    if (!*begin)
        return FALSE;
    begin += quoted;
    for (end = begin; *end && (inside || !strchr(BLANKS, *end)); end++) {
        if (*end == '=' && !equals)
            equals = end;
        inside ^= *end == '"';
    }
    *text = end;
    value = equals ? equals + 1 : end;
    if ((quoted || *value == '"') && end > begin && end[-1] == '"')
        end--;
    value += equals && *value == '"';
    *ret_name = g_strndup(begin, (gsize)((equals ? equals : end) - begin));
    *ret_value = equals ? g_strndup(value, end > value ? (gsize)(end - value) : 0) : NULL;
    return TRUE;
}

/* A kernel argument, "MODULE.PARAMETER=VALUE". */
static void
add_argument(Options *options, char *name, const char *value)
{
    g_autofree gchar *option = NULL;
    char *parameter = strchr(name, '.');

    if (!parameter)
        return;
    *parameter++ = '\0';
    option = value ? g_strdup_printf("%s=\"%s\"", parameter, value) : g_strdup(parameter);
    if (is_module(options, name))
        add_options(options, COMMAND_LINE, 1, option);
}

/* Also what stands behind "--": libkmod has no regard for that. */
static void
add_command_line(Options *options)
{
    g_autofree gchar *text = read_file(COMMAND_LINE, NULL);
    const char *at = text ? text : "";
    gchar *name = NULL, *value = NULL;

    while (take_parameter(&at, &name, &value)) {
        add_argument(options, name, value);
        g_free(name);
        g_free(value);
    }
}

static gboolean
bool_is_on(const char *value)
{
    return !value || (*value && strchr("yYtT1", *value)) ||
           g_ascii_strncasecmp(value, "on", 2) == 0;
}

static gboolean
int_is_on(const char *value)
{
    char *end = NULL;
    long long number = value && !strchr(BLANKS, *value) ? strtoll(value, &end, 0) : 0;

    return number != 0 && number == (int)number && *end == '\0';
}

/* What the kernel refuses counts as off: the module would not be loaded at all. */
static NestModprobeSetting *
setting_new(const Origin *origin, const char *module, const char *value)
{
    NestModprobeSetting *setting = g_new0(NestModprobeSetting, 1);

    setting->file = g_strdup(origin->file);
    setting->line = origin->line;
    setting->value = g_strdup(value ? value : "");
    /* A bool in arch/x86/kvm/vmx/vmx.c, an int in svm/svm.c. */
    setting->on = g_str_equal(module, "kvm_intel") ? bool_is_on(value) : int_is_on(value);
    setting->ours = g_str_equal(origin->file, NEST_MODPROBE_FILE);
    return setting;
}

/* The kernel takes nothing from what stands behind "--" (kernel/params.c, parse_args). */
static void
take_settings(const Options *options, GPtrArray *settings)
{
    const char *at = options->text->str;
    const Origin *origin = (const Origin *)options->origins->data;
    gboolean more = TRUE;

    while (more) {
        g_autofree gchar *name = NULL, *value = NULL;
        gsize begin = (gsize)(at - options->text->str) + strspn(at, BLANKS);

        more = take_parameter(&at, &name, &value) && (value || !g_str_equal(name, "--"));
        if (!more || !g_str_equal(name, "nested"))
            continue;
        while (origin->end <= begin)
            origin++;
        g_ptr_array_add(settings, setting_new(origin, options->module, value));
    }
}

static gboolean
is_read(const char *folder, const char *name)
{
    g_autofree gchar *path = g_build_filename(folder, name, NULL);

    return *name != '.' && (g_str_has_suffix(name, ".conf") || g_str_has_suffix(name, ".alias")) &&
           !g_file_test(path, G_FILE_TEST_IS_DIR);
}

static void
list_folder(GHashTable *files, const char *folder)
{
    g_autofree gchar *path = nest_root_path(folder);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir)))
        if (is_read(path, name) && !g_hash_table_contains(files, name))
            g_hash_table_insert(files, g_strdup(name), g_build_filename(folder, name, NULL));
}

/* (transfer full) The files that are read: name to path. */
static GHashTable *
list_files(void)
{
    GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++)
        list_folder(files, folders[i]);
    return files;
}

static gint
compare_names(gconstpointer one, gconstpointer other)
{
    return strcmp(one, other);
}

/* What is set, if our drop-in had a certain text; NULL: as it is. */
static GPtrArray *
read_settings(const NestPlatform *platform, const char *ours)
{
    GPtrArray *settings = g_ptr_array_new_with_free_func(setting_free);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GArray) origins = g_array_new(FALSE, FALSE, sizeof(Origin));
    g_autoptr(GHashTable) files = list_files();
    g_autoptr(GList) names = NULL;
    Options options = {platform->module, text, origins};

    if (ours)
        g_hash_table_insert(files, g_strdup(OUR_NAME), g_strdup(NEST_MODPROBE_FILE));
    names = g_list_sort(g_hash_table_get_keys(files), compare_names);
    for (const GList *name = names; name; name = name->next) {
        const char *file = g_hash_table_lookup(files, name->data);
        gboolean given = ours && g_str_equal(file, NEST_MODPROBE_FILE);
        gsize length = given ? strlen(ours) : 0;
        g_autofree gchar *content = given ? g_strdup(ours) : read_file(file, &length);

        if (content)
            add_text(&options, file, content, length);
    }
    add_command_line(&options);
    take_settings(&options, settings);
    return settings;
}

/* Outside of comments, and not as one to be left out. */
static gboolean
file_loads(const char *file, const char *module)
{
    g_autofree gchar *text = read_file(file, NULL);
    g_auto(GStrv) parts = g_strsplit(module, "_", 2);
    g_autofree gchar *pattern =
        g_strdup_printf("^(?!\\s*omit_)[^#\\n]*(?<![\\w-])kvm([-_]%s)?(?![\\w-])", parts[1]);

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

static NestModprobeConf *
conf_new(const NestPlatform *platform, const char *ours)
{
    NestModprobeConf *conf = g_new0(NestModprobeConf, 1);

    conf->module = platform->module;
    conf->settings = read_settings(platform, ours);
    for (gsize i = 0; i < G_N_ELEMENTS(initramfs_files) && !conf->initramfs; i++)
        conf->initramfs = initramfs_loads(initramfs_files[i], platform->module);
    return conf;
}

NestModprobeConf *
nest_modprobe_conf_read(const NestPlatform *platform)
{
    return conf_new(platform, NULL);
}

const NestModprobeSetting *
nest_modprobe_conf_winner(const NestModprobeConf *conf)
{
    guint n = conf->settings->len;

    return n > 0 ? g_ptr_array_index(conf->settings, n - 1) : NULL;
}

/* Refuses for the winner. @last: it is so whatever our drop-in says. */
static gboolean
refuse_kept_off(const NestModprobeConf *conf, gboolean last, GError **error)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);

    if (g_str_equal(winner->file, COMMAND_LINE))
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                    "nesting is kept off by the kernel argument %s.nested=%s, which is read after "
                    "every file: remove it from the boot loader's configuration, and boot again",
                    conf->module, winner->value);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_HOST_KEPT_OFF,
                    "nesting is kept off by %s:%u (options %s nested=%s)%s", winner->file,
                    winner->line, conf->module, winner->value,
                    last ? ", which is read after " NEST_MODPROBE_FILE ": remove that line"
                         : ": remove that line, or run virt-nest host enable --force");
    return FALSE;
}

gboolean
nest_modprobe_conf_check(const NestModprobeConf *conf, GError **error)
{
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(conf);
    g_autofree gchar *name = NULL;

    if (!winner || winner->on)
        return TRUE;
    name = g_path_get_basename(winner->file);
    return refuse_kept_off(conf, strcmp(name, OUR_NAME) > 0, error);
}

static gboolean
refuse_file(GError **error, const char *what, const char *reason, const char *remedy)
{
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                NEST_MODPROBE_FILE " %s (%s) and is as it was: %s, then try again", what, reason,
                remedy);
    return FALSE;
}

/* What was not made by us, such as a link to /dev/null, somebody made on purpose. */
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

/* (transfer full) The lines that are not ours; "" where nothing stands in them. */
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
    if (!rest->str[strspn(rest->str, BLANKS)])
        g_string_truncate(rest, 0);
    return g_string_free(rest, FALSE);
}

/* The remedy where it cannot be written. */
#define MAKE_ROOM "make its folder writable, with room on its disk"

static gboolean
write_ours(const char *text, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_MODPROBE_FILE);
    g_autofree gchar *folder = g_path_get_dirname(path);
    g_autoptr(GError) problem = NULL;

    if (g_mkdir_with_parents(folder, 0755) < 0)
        return refuse_file(error, "cannot be written", g_strerror(errno), MAKE_ROOM);
    if (!g_file_set_contents_full(path, text, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0644, &problem))
        return refuse_file(error, "cannot be written", problem->message, MAKE_ROOM);
    (void)g_chmod(path, 0644); /* whatever the umask: anybody may ask what is set */
    return TRUE;
}

/* Whether nobody set nested=0 (or is overridden), and nested=1 would be in force. */
static gboolean
check_drop_in(const NestPlatform *platform, const char *rest, const char *text, gboolean override,
              GError **error)
{
    g_autoptr(NestModprobeConf) without = conf_new(platform, rest);
    g_autoptr(NestModprobeConf) with = conf_new(platform, text);
    const NestModprobeSetting *winner = nest_modprobe_conf_winner(with);

    if (winner && !winner->on)
        return refuse_kept_off(with, TRUE, error);
    return override || nest_modprobe_conf_check(without, error);
}

/* What the drop-in is to be; *ret_done: it is that already. */
static gchar *
work_out(const NestPlatform *platform, gboolean force, gboolean *ret_done, GError **error)
{
    g_autofree gchar *old = NULL;
    g_autofree gchar *rest = NULL;
    g_autofree gchar *text = NULL;
    gboolean found = FALSE;

    if (!read_ours(&old, error))
        return NULL;
    rest = without_ours(old, &found);
    text = g_strdup_printf("%s" NOTE "\noptions %s nested=1\n", rest, platform->module);
    *ret_done = g_str_equal(old, text);
    if (!check_drop_in(platform, rest, text, force || *ret_done, error))
        return NULL;
    return g_steal_pointer(&text);
}

gboolean
nest_modprobe_conf_may_keep_on(const NestPlatform *platform, gboolean force, GError **error)
{
    gboolean done = FALSE;
    g_autofree gchar *text = work_out(platform, force, &done, error);

    return text != NULL;
}

gboolean
nest_modprobe_conf_keep_on(const NestPlatform *platform, gboolean force, GError **error)
{
    gboolean done = FALSE;
    g_autofree gchar *text = work_out(platform, force, &done, error);

    return text && (done || write_ours(text, error));
}

gboolean
nest_modprobe_conf_forget(gboolean *ret_removed, GError **error)
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
                           "make its folder writable");
    *ret_removed = found;
    return TRUE;
}
