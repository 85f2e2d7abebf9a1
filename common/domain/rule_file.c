/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file of rules: a key file in which each group is a rule.
 *
 * GKeyFile reads the values, but gives no line numbers, and merges two groups of the same name. So the lines are read here
 * as well. */
#include "domain/rule_file.h"

#include "base/error.h"
#include "base/root.h"
#include "base/spelling.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define NAMESPACE_PREFIX "ns."

static const char *const tag_values[] = {
    [NEST_RULE_ENABLE] = "enable", [NEST_RULE_DISABLE] = "disable", NULL};

/* A line that says something. */
typedef struct {
    guint number; /* from 1 */
    gchar *group; /* in which it stands */
    gchar *key;   /* NULL: it is the group's name */
} Line;

/* One file on its way. */
typedef struct {
    const char *path; /* without $VIRT_NEST_ROOT */
    GKeyFile *keys;   /* its values */
    GArray *lines;    /* of Line, in order */
} File;

static void
line_clear(gpointer data)
{
    g_free(((Line *)data)->group);
    g_free(((Line *)data)->key);
}

static void
file_clear(File *file)
{
    g_clear_pointer(&file->keys, g_key_file_unref);
    g_clear_pointer(&file->lines, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(File, file_clear)

void
nest_rule_free(NestRule *rule)
{
    if (!rule)
        return;
    nest_rule_match_free(rule->match);
    nest_rule_needles_free(rule->needles);
    g_clear_error(&rule->mistake);
    g_free(rule->file);
    g_free(rule->name);
    g_free(rule->expression);
    g_free(rule);
}

NestRule *
nest_rule_file_mistaken(const char *path, guint line, const char *message)
{
    NestRule *rule = g_new0(NestRule, 1);

    rule->file = g_strdup(path);
    rule->gives = NEST_RULE_MISTAKEN_TAG;
    rule->mistake = line
                        ? g_error_new(NEST_ERROR, NEST_ERROR_RULE, "%s:%u: %s", path, line, message)
                        : g_error_new(NEST_ERROR, NEST_ERROR_RULE, "%s: %s", path, message);
    return rule;
}

/* --- lines */

/* Adds what a line says. */
static void
add_rule_line(GArray *lines, guint number, const gchar *text)
{
    const Line *last = lines->len ? &g_array_index(lines, Line, lines->len - 1) : NULL;
    const char *equals = strchr(text, '=');
    const char *close = strrchr(text, ']');
    Line line = {.number = number};

    if (*text == '[' && close)
        line.group = g_strndup(text + 1, (gsize)(close - text) - 1);
    else if (equals && last) {
        line.group = g_strdup(last->group);
        line.key = g_strchomp(g_strndup(text, (gsize)(equals - text)));
    }
    if (line.group)
        g_array_append_val(lines, line);
}

/* (transfer full) The lines of a text that GKeyFile could read. */
static GArray *
find_lines(const char *text)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(Line));
    g_auto(GStrv) texts = g_strsplit(text, "\n", -1);

    g_array_set_clear_func(lines, line_clear);
    for (guint i = 0; texts[i]; i++) {
        g_strstrip(texts[i]);
        if (*texts[i] && *texts[i] != '#')
            add_rule_line(lines, i + 1, texts[i]);
    }
    return lines;
}

/* The line where a key of a group stands last; @key: NULL for the group itself. */
static guint
find_key_line(const File *file, const char *group, const char *key)
{
    guint number = 0;

    for (guint i = 0; i < file->lines->len; i++) {
        const Line *line = &g_array_index(file->lines, Line, i);

        if (g_str_equal(line->group, group) && g_strcmp0(line->key, key) == 0)
            number = line->number;
    }
    return number;
}

/* The first line that repeats a key or group: GKeyFile would forget the first key, or merge two rules. NULL: there is none. */
static const Line *
find_repeated(const File *file)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < file->lines->len; i++) {
        const Line *line = &g_array_index(file->lines, Line, i);

        if (!g_hash_table_add(seen,
                              g_strconcat(line->group, line->key ? "]" : NULL, line->key, NULL)))
            return line;
    }
    return NULL;
}

/* The first line that GKeyFile refuses. It is given one line at a time, each in a correct group. */
static guint
find_bad_line(const char *text)
{
    g_auto(GStrv) texts = g_strsplit(text, "\n", -1);
    gboolean in_group = FALSE;

    for (guint i = 0; texts[i]; i++) {
        g_autoptr(GKeyFile) alone = g_key_file_new();
        gboolean is_group = *g_strchug(texts[i]) == '[';
        g_autofree gchar *piece =
            g_strconcat(in_group && !is_group ? "[x]\n" : "", texts[i], "\n", NULL);

        if (!g_key_file_load_from_data(alone, piece, (gsize)-1, G_KEY_FILE_KEEP_TRANSLATIONS, NULL))
            return i + 1;
        in_group |= is_group;
    }
    return 0;
}

/* --- a rule */

/* Says what is wrong with a key of a rule. */
static gboolean
refuse_rule_key(const File *file, const NestRule *rule, const char *key, const char *message,
                GError **error)
{
    guint line = find_key_line(file, rule->name, key);

    g_set_error(error, NEST_ERROR, NEST_ERROR_RULE, "%s:%u: [%s]%s%s: %s", rule->file,
                line ? line : rule->line, rule->name, line && key ? " " : "",
                line && key ? key : "", message);
    return FALSE;
}

/* The same, with what another module said of it. @problem: (transfer full) */
static gboolean
refuse_rule_value(const File *file, const NestRule *rule, const char *key, GError *problem,
                  GError **error)
{
    (void)refuse_rule_key(file, rule, key, problem->message, error);
    g_error_free(problem);
    return FALSE;
}

static gboolean
set_gives(const File *file, NestRule *rule, const char *value, GError **error)
{
    g_autofree gchar *hint = NULL;
    g_autofree gchar *message = NULL;

    for (int v = 0; tag_values[v]; v++) {
        if (g_str_equal(tag_values[v], value)) {
            rule->gives = (NestRuleTag)v;
            return TRUE;
        }
    }
    hint = nest_spelling_hint(value, tag_values);
    message = g_strdup_printf("'%s' is no tag: use enable or disable%s", value, hint);
    return refuse_rule_key(file, rule, "tag", message, error);
}

/* An attribute of the tag. */
static gboolean
set_rule_attribute(const File *file, NestRule *rule, const char *key, const char *value,
                   GError **error)
{
    GError *problem = NULL;

    if (rule->gives == NEST_RULE_DISABLE)
        return refuse_rule_key(file, rule, key, "only tag=enable has attributes: remove the line",
                               error);
    return nest_tag_set(&rule->tag, key, value, &problem) ||
           refuse_rule_value(file, rule, key, problem, error);
}

static gboolean
refuse_unknown_key(const File *file, const NestRule *rule, const char *key, GError **error)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();
    const NestTagAttribute *attribute = NULL;
    g_autofree gchar *hint = NULL;
    g_autofree gchar *message = NULL;

    g_ptr_array_add(known, (gpointer) "match");
    g_ptr_array_add(known, (gpointer) "tag");
    for (gsize i = 0; (attribute = nest_tag_attribute(i)); i++)
        g_ptr_array_add(known, (gpointer)attribute->name);
    g_ptr_array_add(known, NULL);
    hint = nest_spelling_hint(key, (const char *const *)known->pdata);
    message = g_strdup_printf("a rule has no such key%s: see virt-nest-rules(5)", hint);
    return refuse_rule_key(file, rule, key, message, error);
}

static gboolean
is_attribute(const char *key)
{
    const NestTagAttribute *attribute = NULL;

    for (gsize i = 0; (attribute = nest_tag_attribute(i)); i++)
        if (g_str_equal(attribute->name, key))
            return TRUE;
    return FALSE;
}

/* Takes a key that is neither match= nor tag=. */
static gboolean
set_rule_key(const File *file, NestRule *rule, const char *key, const char *value,
             GHashTable *namespaces, GError **error)
{
    if (is_attribute(key))
        return set_rule_attribute(file, rule, key, value, error);
    if (!g_str_has_prefix(key, NAMESPACE_PREFIX))
        return g_str_equal(key, "match") || g_str_equal(key, "tag") ||
               refuse_unknown_key(file, rule, key, error);
    if (!*value || !key[strlen(NAMESPACE_PREFIX)])
        return refuse_rule_key(file, rule, key,
                               "a namespace has a prefix and a URI: write ns.PREFIX=URI", error);
    g_hash_table_insert(namespaces, g_strdup(key + strlen(NAMESPACE_PREFIX)), g_strdup(value));
    return TRUE;
}

static gboolean
set_match(const File *file, NestRule *rule, GHashTable *namespaces, GError **error)
{
    GError *problem = NULL;

    if (!rule->expression || !*rule->expression)
        return refuse_rule_key(
            file, rule, "match",
            "match= is missing: write the condition of the rule, such as match=name='lab1'", error);
    rule->match = nest_rule_match_new(rule->expression, namespaces, &problem);
    if (rule->match)
        rule->needles = nest_rule_needles_new(rule->expression, namespaces);
    return rule->match || refuse_rule_value(file, rule, "match", problem, error);
}

/* (transfer full)(nullable) The value of a key, in UTF-8. */
static gchar *
get_value(const File *file, const NestRule *rule, const char *key, GError **error)
{
    gchar *value = g_key_file_get_value(file->keys, rule->name, key, NULL);

    if (!value || g_utf8_validate(value, -1, NULL))
        return value ? g_strstrip(value) : NULL;
    g_free(value);
    (void)refuse_rule_key(file, rule, key,
                          "the value is not in UTF-8: convert the file (iconv -t UTF-8)", error);
    return NULL;
}

/* Reads a group. The tag is read first, because it shows what a mistaken rule would have done. @error: not NULL */
static gboolean
read_rule_group(const File *file, NestRule *rule, GError **error)
{
    g_autoptr(GHashTable) namespaces =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) keys = g_key_file_get_keys(file->keys, rule->name, NULL, NULL);
    g_autofree gchar *gives = get_value(file, rule, "tag", error);

    if (!gives && !*error)
        (void)refuse_rule_key(file, rule, "tag", "tag= is missing: write tag=enable or tag=disable",
                              error);
    if (*error || !set_gives(file, rule, gives, error))
        return FALSE;
    rule->expression = get_value(file, rule, "match", error);
    if (*error)
        return FALSE;
    for (gsize i = 0; keys && keys[i]; i++) {
        g_autofree gchar *value = get_value(file, rule, keys[i], error);

        if (!value || !set_rule_key(file, rule, keys[i], value, namespaces, error))
            return FALSE;
    }
    return set_match(file, rule, namespaces, error);
}

static NestRule *
rule_new(const File *file, const char *name)
{
    NestRule *rule = g_new0(NestRule, 1);

    rule->file = g_strdup(file->path);
    rule->name = g_strdup(name);
    rule->line = find_key_line(file, name, NULL);
    rule->gives = NEST_RULE_MISTAKEN_TAG;
    rule->tag = NEST_TAG_DEFAULT;
    if (!read_rule_group(file, rule, &rule->mistake))
        g_clear_pointer(&rule->match, nest_rule_match_free);
    return rule;
}

/* --- a file */

/* Returns: (transfer full) the text; NULL with a message. */
static gchar *
read_text(const char *path, gchar **ret_message)
{
    g_autofree gchar *full = nest_root_path(path);
    g_autoptr(GError) problem = NULL;
    GStatBuf status;
    gchar *text = NULL;
    gsize length = 0;

    if (g_stat(full, &status) != 0)
        *ret_message = g_strdup_printf("it cannot be read (%s): make it readable, or remove it",
                                       g_strerror(errno));
    else if (!S_ISREG(status.st_mode))
        *ret_message = g_strdup("it is not a file: remove it, or put a file in its place");
    else if ((gsize)status.st_size > NEST_RULE_FILE_MAX_BYTES)
        *ret_message =
            g_strdup_printf("it is longer than %zu KiB: divide it, or remove rules from it",
                            NEST_RULE_FILE_MAX_BYTES / 1024);
    else if (!g_file_get_contents(full, &text, &length, &problem))
        *ret_message = g_strdup_printf("it cannot be read (%s): make it readable, or remove it",
                                       problem->message);
    else if (strlen(text) != length)
        *ret_message = g_strdup("it has a NUL byte in it: write it anew, as text");
    if (*ret_message)
        g_clear_pointer(&text, g_free);
    return text;
}

/* What is wrong with a file as a whole: (transfer full)(nullable) a rule in its place. */
static NestRule *
check_rule_file(const File *file, const char *text)
{
    g_autoptr(GError) problem = NULL;
    const Line *repeated = NULL;
    g_autofree gchar *message = NULL;

    if (!g_key_file_load_from_data(file->keys, text, (gsize)-1, G_KEY_FILE_KEEP_TRANSLATIONS,
                                   &problem)) {
        message = g_strdup_printf(
            "the line cannot be read (%s): write [NAME], KEY=VALUE or a comment with # before it",
            problem->message);
        return nest_rule_file_mistaken(file->path, find_bad_line(text), message);
    }
    repeated = find_repeated(file);
    if (!repeated)
        return NULL;
    message = repeated->key
                  ? g_strdup_printf("[%s] has %s= twice: remove one of the two", repeated->group,
                                    repeated->key)
                  : g_strdup_printf("[%s] is there twice: give one of the two another name",
                                    repeated->group);
    return nest_rule_file_mistaken(file->path, repeated->number, message);
}

void
nest_rule_file_read(const char *path, GPtrArray *rules)
{
    g_autofree gchar *message = NULL;
    g_autofree gchar *text = read_text(path, &message);
    g_auto(File) file = {path, g_key_file_new(), find_lines(text ? text : "")};
    g_auto(GStrv) groups = NULL;
    NestRule *mistaken =
        text ? check_rule_file(&file, text) : nest_rule_file_mistaken(path, 0, message);

    if (mistaken) {
        g_ptr_array_add(rules, mistaken);
        return;
    }
    groups = g_key_file_get_groups(file.keys, NULL);
    for (gsize i = 0; groups[i]; i++)
        g_ptr_array_add(rules, rule_new(&file, groups[i]));
}
