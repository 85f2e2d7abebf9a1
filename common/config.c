/* The settings: /etc/virt-nest/virt-nest.conf, a key file in which every key is optional. */
#include "config.h"

#include "error.h"
#include "root.h"

static const char *const outrun_values[] = {
    [NEST_OUTRUN_REFUSE] = "refuse", [NEST_OUTRUN_RESTART] = "restart", NULL};

static const char *const manage_values[] = {
    [NEST_MANAGE_YES] = "yes", [NEST_MANAGE_NO] = "no", NULL};

G_STATIC_ASSERT(sizeof(NestOutrun) == sizeof(int) && sizeof(NestManage) == sizeof(int));

/* Every key there is: the index of the value is what stands in the struct. */
static const struct {
    const char *group;
    const char *key;
    const char *const *values;
    gsize offset;
} keys[] = {
    {"start", "outrun", outrun_values, offsetof(NestConfig, outrun)},
    {"host", "manage", manage_values, offsetof(NestConfig, manage)},
};

static gboolean
set_value(NestConfig *config, gsize k, const char *value, GError **error)
{
    g_autofree gchar *allowed = NULL;

    for (int v = 0; keys[k].values[v]; v++) {
        if (g_str_equal(keys[k].values[v], value)) {
            *(int *)((char *)config + keys[k].offset) = v;
            return TRUE;
        }
    }
    allowed = g_strjoinv(", ", (gchar **)keys[k].values);
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] %s=%s is no value of that key: use one of %s",
                keys[k].group, keys[k].key, value, allowed);
    return FALSE;
}

static gboolean
set_key(NestConfig *config, const char *group, const char *key, const char *value, GError **error)
{
    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++)
        if (g_str_equal(keys[k].group, group) && g_str_equal(keys[k].key, key))
            return set_value(config, k, value, error);
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] %s is not a setting: see virt-nest.conf(5)", group, key);
    return FALSE;
}

/* Also of a group without keys: [strat] would be taken in silence. */
static gboolean
check_group(const char *group, GError **error)
{
    for (gsize k = 0; k < G_N_ELEMENTS(keys); k++)
        if (g_str_equal(keys[k].group, group))
            return TRUE;
    g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                NEST_CONFIG_FILE ": [%s] is not a group of settings: see virt-nest.conf(5)", group);
    return FALSE;
}

static gboolean
read_group(GKeyFile *file, const char *group, NestConfig *config, GError **error)
{
    g_auto(GStrv) names =
        check_group(group, error) ? g_key_file_get_keys(file, group, NULL, error) : NULL;

    for (gsize i = 0; names && names[i]; i++) {
        g_autofree gchar *value = g_key_file_get_value(file, group, names[i], error);

        if (!value || !set_key(config, group, names[i], g_strstrip(value), error))
            return FALSE;
    }
    return names != NULL;
}

gboolean
nest_config_load(NestConfig *ret_config, GError **error)
{
    g_autofree gchar *path = nest_root_path(NEST_CONFIG_FILE);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) problem = NULL;
    g_auto(GStrv) groups = NULL;
    NestConfig config = {0};

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_TRANSLATIONS, &problem) &&
        !g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                    NEST_CONFIG_FILE
                    " cannot be read (%s): correct it, or remove it to have the defaults",
                    problem->message);
        return FALSE;
    }
    groups = g_key_file_get_groups(file, NULL);
    for (gsize i = 0; groups[i]; i++)
        if (!read_group(file, groups[i], &config, error))
            return FALSE;
    *ret_config = config;
    return TRUE;
}
