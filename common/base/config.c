/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings: /etc/virt-nest/virt-nest.conf, a key file in which every key is optional. */
#include "base/config.h"

#include "base/error.h"
#include "base/root.h"
#include "base/spelling.h"

#include <string.h>

#define PLUGINS_GROUP "plugins"
#define PLUGINS_KEY "load"
#define PLUGINS_DEFAULT NEST_PLUGINS /* the Makefile's list */

static const char *const on_stale_values[] = {
    [NEST_ON_STALE_REFUSE] = "refuse", [NEST_ON_STALE_RESTART] = "restart", NULL};

static const char *const manage_values[] = {
    [NEST_MANAGE_YES] = "yes", [NEST_MANAGE_NO] = "no", NULL};

static const char *const untagged_values[] = {
    [NEST_UNTAGGED_LEAVE] = "leave", [NEST_UNTAGGED_DISABLE] = "disable", NULL};

static const char *const release_values[] = {
    [NEST_RELEASE_LINGER] = "linger", [NEST_RELEASE_STRICT] = "strict", NULL};

G_STATIC_ASSERT(sizeof(NestOnStale) == sizeof(int) && sizeof(NestManage) == sizeof(int) &&
                sizeof(NestRelease) == sizeof(int) && sizeof(NestLogLevel) == sizeof(int) &&
                sizeof(NestUntagged) == sizeof(int));

/* All keys. A key's value is one of @values, and the struct holds the index of that word; or, for a key
 * without @values, it is seconds in a range, and the struct holds milliseconds. */
static const struct {
    const char *group;
    const char *key;
    const char *former;  /* its name before 0.1, good until 0.2; NULL: it had none */
    const char *renamed; /* ... and what to write instead */
    gsize offset;
    const char *const *values;
    guint least_ms;
    guint most_ms;
} keys[] = {
    {"start", "on-stale", "outrun", "[start] outrun= is called on-stale= now",
     offsetof(NestConfig, on_stale), on_stale_values, 0, 0},
    {"host", "manage", NULL, NULL, offsetof(NestConfig, manage), manage_values, 0, 0},
    {"untagged", "policy", NULL, NULL, offsetof(NestConfig, untagged), untagged_values, 0, 0},
    {"guard", "release", NULL, NULL, offsetof(NestConfig, release), release_values, 0, 0},
    {"guard", "interval", NULL, NULL, offsetof(NestConfig, interval_ms), NULL, 100, 60 * 1000},
    {"guard", "linger", NULL, NULL, offsetof(NestConfig, linger_ms), NULL, 0, 24 * 3600 * 1000},
    {"log", "level", NULL, NULL, offsetof(NestConfig, log_level), nest_log_levels, 0, 0},
};

/* The prefixes of the plugins' groups; each plugin checks its own group. */
static const char *const plugin_groups[] = {"probe-", "guard-", "export-"};

static gboolean
set_word(NestConfig *config, gsize k, const char *value)
{
    for (int v = 0; keys[k].values[v]; v++) {
        if (g_str_equal(keys[k].values[v], value)) {
            *(int *)((char *)config + keys[k].offset) = v;
            return TRUE;
        }
    }
    return FALSE;
}

/* A decimal number: no sign, no exponent, no infinity. */
static gboolean
set_seconds(NestConfig *config, gsize k, const char *value)
{
    gchar *end = NULL;
    double ms = g_ascii_strtod(value, &end) * 1000;

    if (end == value || *end || strspn(value, "0123456789.") != strlen(value) ||
        ms < keys[k].least_ms || ms > keys[k].most_ms)
        return FALSE;
    *(guint *)((char *)config + keys[k].offset) = (guint)(ms + 0.5);
    return TRUE;
}

static gboolean
set_config_value(NestConfig *config, gsize k, const char *value, GError **error)
{
    g_autofree gchar *words = NULL;
    g_autofree gchar *allowed = NULL;
    g_autofree gchar *hint = NULL;

    if (keys[k].values ? set_word(config, k, value) : set_seconds(config, k, value))
        return TRUE;
    words = keys[k].values ? g_strjoinv(", ", (gchar **)keys[k].values) : NULL;
    allowed = words ? g_strdup_printf("one of %s", words)
                    : g_strdup_printf("seconds, from %g to %g", keys[k].least_ms / 1000.0,
                                      keys[k].most_ms / 1000.0);
    hint = keys[k].values ? nest_spelling_hint(value, keys[k].values) : g_strdup("");
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] %s=%s is no value of that key: use %s%s", keys[k].group,
                keys[k].key, value, allowed, hint);
    return FALSE;
}

static gboolean
refuse_config_key(const char *group, const char *key, GError **error)
{
    const char *known[G_N_ELEMENTS(keys) + 1] = {NULL};
    g_autofree gchar *hint = NULL;
    gsize n = 0;

    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++)
        if (g_str_equal(keys[k].group, group))
            known[n++] = keys[k].key;
    hint = nest_spelling_hint(key, known);
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] %s is not a setting%s: see virt-nest.conf(5)", group, key,
                hint);
    return FALSE;
}

static gboolean
set_config_key(NestConfig *config, const char *group, const char *key, const char *value,
               GError **error)
{
    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++) {
        gboolean former = g_strcmp0(keys[k].former, key) == 0;

        if (!g_str_equal(keys[k].group, group) || !(former || g_str_equal(keys[k].key, key)))
            continue;
        if (former)
            config->renamed = keys[k].renamed;
        return set_config_value(config, k, value, error);
    }
    return refuse_config_key(group, key, error);
}

/* Also checks a group without keys, because otherwise [strat] would be accepted silently. */
static gboolean
check_group(const char *group, GError **error)
{
    const char *known[G_N_ELEMENTS(keys) + 2] = {NULL};
    g_autofree gchar *hint = NULL;

    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++) {
        if (g_str_equal(keys[k].group, group))
            return TRUE;
        known[k] = keys[k].group;
    }
    known[G_N_ELEMENTS(keys)] = PLUGINS_GROUP;
    hint = nest_spelling_hint(group, known);
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] is not a group of settings%s: see virt-nest.conf(5)",
                group, hint);
    return FALSE;
}

static gboolean
read_group(GKeyFile *file, const char *group, NestConfig *config, GError **error)
{
    g_auto(GStrv) names =
        check_group(group, error) ? g_key_file_get_keys(file, group, NULL, error) : NULL;

    for (gsize i = 0; names && names[i]; i++) {
        g_autofree gchar *value = g_key_file_get_value(file, group, names[i], error);

        if (!value || !set_config_key(config, group, names[i], g_strstrip(value), error))
            return FALSE;
    }
    return names != NULL;
}

/* (transfer full) The file; empty where there is none. */
static GKeyFile *
load_file(GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_CONFIG_FILE);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) problem = NULL;

    if (g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_TRANSLATIONS, &problem) ||
        g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return g_steal_pointer(&file);
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE
                " cannot be read (%s): correct it, or remove it to have the defaults",
                problem->message);
    return NULL;
}

gboolean
nest_config_load(NestConfig *ret_config, GError **error)
{
    g_autoptr(GKeyFile) file = load_file(error);
    g_auto(GStrv) groups = file ? g_key_file_get_groups(file, NULL) : NULL;
    NestConfig config = NEST_CONFIG_DEFAULT;

    if (!file)
        return FALSE;
    for (gsize i = 0; groups[i]; i++) {
        gboolean of_plugins = g_str_equal(groups[i], PLUGINS_GROUP);

        for (gsize p = 0; p < G_N_ELEMENTS(plugin_groups); p++)
            of_plugins |= g_str_has_prefix(groups[i], plugin_groups[p]);
        if (!of_plugins && !read_group(file, groups[i], &config, error))
            return FALSE;
    }
    *ret_config = config;
    return TRUE;
}

/* (transfer full) Splits a list of plugin names. */
static gchar **
split_names(const char *list, GError **error)
{
    g_auto(GStrv) parts = g_strsplit_set(list, ", \t", -1);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; parts[i]; i++) {
        /* Few characters are allowed, because a plugin's name becomes the name of a file. */
        if (parts[i][strspn(parts[i], "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
            g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                        NEST_CONFIG_FILE
                        ": [" PLUGINS_GROUP "] " PLUGINS_KEY
                        "=%s: '%s' is no name of a plugin: use some of " PLUGINS_DEFAULT,
                        list, parts[i]);
            return NULL;
        }
        if (*parts[i])
            g_ptr_array_add(names, g_strdup(parts[i]));
    }
    g_ptr_array_add(names, NULL);
    return (gchar **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* Checks that the group [plugins] has only its one key. */
static gboolean
check_plugin_keys(GKeyFile *file, GError **error)
{
    g_auto(GStrv) names = g_key_file_get_keys(file, PLUGINS_GROUP, NULL, NULL);

    for (gsize i = 0; names && names[i]; i++)
        if (!g_str_equal(names[i], PLUGINS_KEY))
            return refuse_config_key(PLUGINS_GROUP, names[i], error);
    return TRUE;
}

gchar **
nest_config_plugins(GKeyFile **ret_settings, GError **error)
{
    g_autoptr(GKeyFile) file = load_file(error);
    g_autofree gchar *list = NULL;
    g_auto(GStrv) names = NULL;

    if (!file || !check_plugin_keys(file, error))
        return NULL;
    list = g_key_file_get_value(file, PLUGINS_GROUP, PLUGINS_KEY, NULL);
    names = split_names(list ? list : PLUGINS_DEFAULT, error);
    if (names)
        *ret_settings = g_steal_pointer(&file);
    return g_steal_pointer(&names);
}

gchar **
nest_config_default_plugins(void)
{
    return g_strsplit(PLUGINS_DEFAULT, " ", -1);
}
