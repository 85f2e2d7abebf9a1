/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe's configuration as text: which files there are, which of them are read, and their lines in order. */
#include "host/modprobe_files.h"

#include "base/root.h"

#include <glib/gstdio.h>
#include <libkmod.h>
#include <string.h>

/* The file that module-init-tools, which was there before kmod, read. */
#define FORMER_FILE "/etc/modprobe.conf"

/* The most bytes that are used of a file that modprobe does not read. */
#define UNREAD_BYTES ((gsize)64 * 1024)

typedef struct kmod_ctx KmodCtx;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KmodCtx, kmod_unref)

/* The directories in libkmod's order; a file in one hides files of the same name in later ones. */
static const struct {
    const char *path;
    gboolean distribution; /* only packages write there */
} directories[] = {
    {"/etc/modprobe.d", FALSE},    {"/run/modprobe.d", FALSE}, {"/usr/local/lib/modprobe.d", FALSE},
    {"/usr/lib/modprobe.d", TRUE}, {"/lib/modprobe.d", TRUE},
};

/* The search for files. */
typedef struct {
    GHashTable *read;   /* name to path */
    GPtrArray *unread;  /* paths ... */
    GPtrArray *reasons; /* ... and why, one each */
    int reads_alias;    /* whether the kmod in use reads *.alias; -1: it was not asked */
} Search;

static void
line_free(gpointer data)
{
    NestModprobeLine *line = data;

    g_free(line->file);
    g_free(line->text);
    g_free(line->unread);
    g_free(line->words);
    g_free(line);
}

gchar *
nest_modprobe_files_text(const char *file, gsize *ret_length)
{
    g_autofree gchar *path = nest_root_path(file);
    gchar *text = NULL;

    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        (void)g_file_get_contents(path, &text, ret_length, NULL);
    return text;
}

gboolean
nest_modprobe_files_is_distribution(const char *file)
{
    g_autofree gchar *directory = g_path_get_dirname(file);

    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
        if (g_str_equal(directories[i].path, directory))
            return directories[i].distribution;
    return FALSE;
}

/* --- the kmod in use */

static gboolean
has_probe(const char *directory)
{
    const char *const paths[] = {directory, NULL};
    g_autoptr(KmodCtx) kmod = kmod_new(NULL, paths);
    struct kmod_config_iter *lines = kmod ? kmod_config_get_blacklists(kmod) : NULL;
    gboolean found = FALSE;

    while (lines && kmod_config_iter_next(lines))
        found |= g_strcmp0(kmod_config_iter_get_key(lines), "virt_nest_probe") == 0;
    kmod_config_iter_free_iter(lines);
    return found;
}

/* kmod before 33 reads *.alias. libkmod does not tell its version, so its behaviour is tested. If
 * the test cannot be made, such files count as read. */
static gboolean
kmod_reads_alias(void)
{
    g_autofree gchar *directory = g_dir_make_tmp("virt-nest.XXXXXX", NULL);
    g_autofree gchar *file = directory ? g_build_filename(directory, "probe.alias", NULL) : NULL;
    gboolean reads = !file || !g_file_set_contents(file, "blacklist virt_nest_probe\n", -1, NULL) ||
                     has_probe(directory);

    if (file)
        (void)g_unlink(file);
    if (directory)
        (void)g_rmdir(directory);
    return reads;
}

/* --- files */

/* (nullable) Why modprobe does not read a file, by its name. */
static const char *
reason_of_name(Search *search, const char *name)
{
    if (g_str_has_suffix(name, ".conf"))
        return NULL;
    if (!g_str_has_suffix(name, ".alias"))
        return "modprobe reads only *.conf";
    if (search->reads_alias < 0)
        search->reads_alias = kmod_reads_alias();
    return search->reads_alias ? NULL : "this modprobe reads only *.conf, not *.alias";
}

static void
add_file(Search *search, const char *directory, const char *name)
{
    g_autofree gchar *path = g_build_filename(directory, name, NULL);
    const char *reason = reason_of_name(search, name);
    const char *hiding = reason ? NULL : g_hash_table_lookup(search->read, name);

    if (!reason && !hiding) {
        g_hash_table_insert(search->read, g_strdup(name), g_steal_pointer(&path));
        return;
    }
    g_ptr_array_add(search->unread, g_steal_pointer(&path));
    g_ptr_array_add(search->reasons,
                    hiding ? g_strdup_printf("%s is read in its place", hiding) : g_strdup(reason));
}

/* Whether a directory was listed before under another name: today /lib is /usr/lib. */
static gboolean
was_listed(gsize directory)
{
    g_autofree gchar *path = nest_root_path(directories[directory].path);
    GStatBuf status, other;

    for (gsize i = 0; i < directory && g_stat(path, &status) == 0; i++) {
        g_autofree gchar *before = nest_root_path(directories[i].path);

        if (g_stat(before, &other) == 0 && status.st_dev == other.st_dev &&
            status.st_ino == other.st_ino)
            return TRUE;
    }
    return FALSE;
}

static void
list_directory(Search *search, const char *directory)
{
    g_autofree gchar *path = nest_root_path(directory);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *file = g_build_filename(path, name, NULL);

        if (*name != '.' && !g_file_test(file, G_FILE_TEST_IS_DIR))
            add_file(search, directory, name);
    }
}

/* --- lines */

/* Takes the next line from @text. A backslash is dropped, and a newline after it does not end the
 * line. */
static gboolean
take_modprobe_line(const char **text, const char *end, GString *line, guint *lines)
{
    const char *c = *text;

    g_string_truncate(line, 0);
    for (*lines = 1; c < end && *c != '\n'; c++) {
        if (*c == '\\')
            c++;
        if (c == end)
            break;
        if (*c == '\n')
            ++*lines;
        else
            g_string_append_c(line, *c);
    }
    *text = c < end ? c + 1 : end;
    return c < end || line->len > 0;
}

/* (transfer full) @unread: NULL for a file that is read. */
static NestModprobeLine *
line_new(const char *file, guint number, const char *text, const char *unread)
{
    NestModprobeLine *line = g_new0(NestModprobeLine, 1);
    char *next = NULL;

    line->file = g_strdup(file);
    line->number = number;
    line->text = g_strdup(text);
    line->unread = g_strdup(unread);
    line->words = g_strdup(text);
    line->command = strtok_r(line->words, "\t ", &next) ?: "";
    line->argument = strtok_r(NULL, "\t ", &next) ?: "";
    line->rest = strtok_r(NULL, "", &next) ?: "";
    return line;
}

/* Adds the lines of a file, or of @given in its place. @unread: NULL for a file that is read. */
static void
add_lines(GPtrArray *lines, const char *file, const char *unread, const char *given)
{
    g_autoptr(GString) joined = g_string_new(NULL);
    gsize length = given ? strlen(given) : 0;
    g_autofree gchar *text = given ? g_strdup(given) : nest_modprobe_files_text(file, &length);
    const char *at = text, *end = NULL;
    guint count = 0;

    if (!text)
        return;
    end = text + (unread ? MIN(length, UNREAD_BYTES) : length);
    for (guint number = 1; take_modprobe_line(&at, end, joined, &count); number += count)
        g_ptr_array_add(lines, line_new(file, number, joined->str, unread));
}

GPtrArray *
nest_modprobe_files_read(const char *name, const char *text)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(line_free);
    g_autoptr(GHashTable) read = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) unread = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GList) names = NULL;
    Search search = {read, unread, reasons, -1};

    for (gsize i = 0; i < G_N_ELEMENTS(directories); i++)
        if (!was_listed(i))
            list_directory(&search, directories[i].path);
    g_ptr_array_add(unread, g_strdup(FORMER_FILE));
    g_ptr_array_add(reasons, g_strdup("modprobe reads only directories of the name modprobe.d"));
    if (name)
        g_hash_table_insert(read, g_strdup(name),
                            g_build_filename(directories[0].path, name, NULL));
    names = g_list_sort(g_hash_table_get_keys(read), (GCompareFunc)strcmp);
    for (const GList *at = names; at; at = at->next)
        add_lines(lines, g_hash_table_lookup(read, at->data), NULL,
                  name && g_str_equal(at->data, name) ? text : NULL);
    for (guint i = 0; i < unread->len; i++)
        add_lines(lines, g_ptr_array_index(unread, i), g_ptr_array_index(reasons, i), NULL);
    return lines;
}
