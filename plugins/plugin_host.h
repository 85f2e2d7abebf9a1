/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin host: loads plugins by name and checks them. If one plugin fails, the others still work. */
#pragma once

#include "nest-plugin.h"

/**
 * NestLoadedPlugin: a plugin in use.
 */
typedef struct {
    const NestPlugin *plugin;
    gpointer state; /* the plugin's own data, from start() */
} NestLoadedPlugin;

typedef struct NestPluginHost NestPluginHost;

/**
 * nest_plugin_host_load: load and start plugins.
 * @directory: where the shared objects are
 * @names: the plugins' names; their order is the order in which they are called
 * @settings: the configuration; each plugin reads the group that has its name
 *
 * A plugin that does not exist, does not fit or does not start is skipped with one line in the log.
 *
 * Returns: (transfer full) the plugins in use, perhaps none.
 */
NestPluginHost *nest_plugin_host_load(const char *directory, const gchar *const *names,
                                      GKeyFile *settings);

/* (transfer full) The same, but only for names that begin with @prefix, such as "probe-". */
NestPluginHost *nest_plugin_host_load_prefixed(const char *directory, const char *prefix,
                                               const gchar *const *names, GKeyFile *settings);

/* Stops and unloads all. */
void nest_plugin_host_free(NestPluginHost *plugins);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestPluginHost, nest_plugin_host_free)

/**
 * nest_plugin_host_get: the plugins of a kind, one after the other.
 * @i: from 0 on
 *
 * Returns: (nullable) NULL after the last.
 */
const NestLoadedPlugin *nest_plugin_host_get(const NestPluginHost *plugins, NestPluginKind kind,
                                             guint i);

/* Whether a probe or watch can say anything about this guest. */
gboolean nest_loaded_plugin_applies(const NestLoadedPlugin *probe, const NestGuest *guest);
