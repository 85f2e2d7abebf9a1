/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin host: loads plugins by name and checks them. If one plugin fails, the others still work. */
#include "plugin_host.h"

#include "base/config.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gmodule.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    NestLoadedPlugin loaded;
    GModule *module; /* its shared object */
} Entry;

struct NestPluginHost {
    GArray *entries; /* of Entry, in the order in which they were started */
};

/* A plugin runs as root if this process does. So nobody else may be able to write its file. */
static gboolean
check_writers(const char *path, GError **error)
{
    GStatBuf status;

    if (g_stat(path, &status) < 0)
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN, "%s: %s", path, g_strerror(errno));
    else if (geteuid() == 0 && (status.st_uid != 0 || status.st_mode & (S_IWGRP | S_IWOTH)))
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                    "others than root can write to %s: chown root and chmod go-w it", path);
    else
        return TRUE;
    return FALSE;
}

/* (nullable) The first function that a plugin of this kind must have and that this one lacks. */
static const char *
missing_function(const NestPlugin *plugin)
{
    const struct {
        NestPluginKind kind;
        gboolean there;
        const char *name;
    } needed[] = {
        {NEST_PLUGIN_PROBE, plugin->sample != NULL, "sample()"},
        {NEST_PLUGIN_GUARD, plugin->arm != NULL, "arm()"},
        {NEST_PLUGIN_GUARD, plugin->disarm != NULL, "disarm()"},
        {NEST_PLUGIN_GUARD, plugin->is_armed != NULL, "is_armed()"},
        {NEST_PLUGIN_EXPORT, plugin->publish != NULL, "publish()"},
        {NEST_PLUGIN_WATCH, plugin->watch != NULL, "watch()"},
        {NEST_PLUGIN_WATCH, plugin->unwatch != NULL, "unwatch()"},
        {NEST_PLUGIN_WATCH, plugin->get_fd != NULL, "get_fd()"},
        {NEST_PLUGIN_WATCH, plugin->next_entered != NULL, "next_entered()"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++)
        if (needed[i].kind == plugin->kind && !needed[i].there)
            return needed[i].name;
    return NULL;
}

static gboolean
check_plugin(const NestPlugin *plugin, const char *name, GError **error)
{
    const char *missing = NULL;

    /* If the plugin has another ABI, no other field of it is read. */
    if (plugin->abi != NEST_PLUGIN_ABI || plugin->size != sizeof(NestPlugin))
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                    "it has plugin ABI %u, size %u, but this program has ABI %u, size %zu: "
                    "install both from one release",
                    plugin->abi, plugin->size, NEST_PLUGIN_ABI, sizeof(NestPlugin));
    else if (g_strcmp0(plugin->name, name) != 0)
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN, "it contains another plugin, named '%s'",
                    plugin->name ? plugin->name : "");
    else if (plugin->kind < NEST_PLUGIN_PROBE || plugin->kind > NEST_PLUGIN_WATCH)
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN, "there is no kind %d of plugins",
                    (int)plugin->kind);
    else if ((missing = missing_function(plugin)))
        g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN, "it has no function %s", missing);
    else
        return TRUE;
    return FALSE;
}

static gboolean
start_plugin(Entry *entry, const char *name, GKeyFile *settings, GError **error)
{
    const NestPlugin *plugin = NULL;
    gpointer symbol = NULL;

    if (!g_module_symbol(entry->module, NEST_PLUGIN_SYMBOL, &symbol) || !symbol) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                            "it is not a plugin: it has no symbol " NEST_PLUGIN_SYMBOL);
        return FALSE;
    }
    plugin = symbol;
    entry->loaded.plugin = plugin;
    return check_plugin(plugin, name, error) &&
           (!plugin->start || plugin->start(settings, &entry->loaded.state, error));
}

static gboolean
load_plugin(NestPluginHost *plugins, const char *directory, const char *name, GKeyFile *settings,
            GError **error)
{
    g_autofree gchar *path = g_strdup_printf("%s/%s.so", directory, name);
    Entry entry = {0};

    /* The name becomes part of a path. */
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                            "a plugin's name is made of a-z, 0-9 and -");
        return FALSE;
    }
    if (!check_writers(directory, error) || !check_writers(path, error))
        return FALSE;
    entry.module = g_module_open(path, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
    if (!entry.module) {
        g_set_error_literal(error, NEST_ERROR, NEST_ERROR_PLUGIN, g_module_error());
        return FALSE;
    }
    if (!start_plugin(&entry, name, settings, error)) {
        g_module_close(entry.module);
        return FALSE;
    }
    g_array_append_val(plugins->entries, entry);
    return TRUE;
}

static void
log_skipped(const char *name, const GError *problem)
{
    g_autoptr(GError) error = g_error_new(
        NEST_ERROR, NEST_ERROR_PLUGIN,
        "plugin '%s' is not used (%s): correct that, or, for virtnestd, take it out of [plugins] load= "
        "in " NEST_CONFIG_FILE,
        name, problem ? problem->message : "it does not start");

    nest_log_error(NULL, NULL, error);
}

NestPluginHost *
nest_plugin_host_load(const char *directory, const gchar *const *names, GKeyFile *settings)
{
    NestPluginHost *plugins = g_new0(NestPluginHost, 1);

    /* GLib keeps a pointer to the error domain's name. A plugin may be unloaded, so the name must not be
     * in one: this call registers the name in this program. */
    (void)NEST_ERROR;
    plugins->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    for (gsize i = 0; names[i]; i++) {
        g_autoptr(GError) problem = NULL;
        gboolean repeated = FALSE;

        for (gsize before = 0; before < i; before++)
            repeated = repeated || g_str_equal(names[before], names[i]);
        if (!repeated && !load_plugin(plugins, directory, names[i], settings, &problem))
            log_skipped(names[i], problem);
    }
    return plugins;
}

NestPluginHost *
nest_plugin_host_load_prefixed(const char *directory, const char *prefix, const gchar *const *names,
                               GKeyFile *settings)
{
    g_autoptr(GPtrArray) wanted = g_ptr_array_new();

    for (gsize i = 0; names[i]; i++)
        if (g_str_has_prefix(names[i], prefix))
            g_ptr_array_add(wanted, (gpointer)names[i]);
    g_ptr_array_add(wanted, NULL);
    return nest_plugin_host_load(directory, (const gchar *const *)wanted->pdata, settings);
}

void
nest_plugin_host_free(NestPluginHost *plugins)
{
    if (!plugins)
        return;
    for (guint i = plugins->entries->len; i-- > 0;) {
        const NestLoadedPlugin *loaded = &g_array_index(plugins->entries, Entry, i).loaded;

        if (loaded->plugin->stop)
            loaded->plugin->stop(loaded->state);
    }
    for (guint i = plugins->entries->len; i-- > 0;)
        g_module_close(g_array_index(plugins->entries, Entry, i).module);
    g_array_unref(plugins->entries);
    g_free(plugins);
}

const NestLoadedPlugin *
nest_plugin_host_get(const NestPluginHost *plugins, NestPluginKind kind, guint i)
{
    for (guint e = 0; e < plugins->entries->len; e++) {
        const NestLoadedPlugin *loaded = &g_array_index(plugins->entries, Entry, e).loaded;

        if (loaded->plugin->kind == kind && i-- == 0)
            return loaded;
    }
    return NULL;
}

gboolean
nest_loaded_plugin_applies(const NestLoadedPlugin *probe, const NestGuest *guest)
{
    return !probe->plugin->applies || probe->plugin->applies(probe->state, guest);
}
