/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin's own group in virt-nest.conf. */
#pragma once

#include "base/config.h"
#include "base/error.h"

/**
 * nest_settings_check: whether a plugin's group has only keys that exist.
 * @group: the plugin's name
 * @keys: the keys that exist, ending in NULL
 *
 * Returns: FALSE with NEST_ERROR_CONFIG.
 */
static inline gboolean
nest_settings_check(GKeyFile *settings, const char *group, const gchar *const *keys, GError **error)
{
    g_auto(GStrv) found = g_key_file_get_keys(settings, group, NULL, NULL);

    for (gsize i = 0; found && found[i]; i++) {
        if (!g_strv_contains(keys, found[i])) {
            g_set_error(error, NEST_ERROR, NEST_ERROR_CONFIG,
                        NEST_CONFIG_FILE ": [%s] %s is not a setting: see virt-nest.conf(5)", group,
                        found[i]);
            return FALSE;
        }
    }
    return TRUE;
}

/* The start() of a plugin without settings and state. */
static inline gboolean
nest_settings_none(GKeyFile *settings, const char *group, GError **error)
{
    return nest_settings_check(settings, group, (const gchar *const[]){NULL}, error);
}
