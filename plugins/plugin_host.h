/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin host: loads plugins by name and checks them. The failure of one does not affect the others. */
#pragma once

#include "nest-plugin.h"

/**
 * NestLoadedPlugin: a plugin in use.
 */
typedef struct {
    const NestPlugin *plugin;
    gpointer state; /* its own */
} NestLoadedPlugin;

typedef struct NestPluginHost NestPluginHost;

/**
 * nest_plugin_host_load: load and start plugins.
 * @directory: where the shared objects are
 * @names: their names, in the order in which they are asked
 * @settings: the configuration; each plugin reads the group of its name
 *
 * A plugin that is not there, does not fit or does not start is skipped with one line in the log.
 *
 * Returns: (transfer full) those that are in use, perhaps none.
 */
NestPluginHost *nest_plugin_host_load(const char *directory, const gchar *const *names,
                                      GKeyFile *settings);

/* (transfer full) The same for those alone whose names begin with @prefix, such as "probe-". */
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

/* Whether a probe can say anything of this guest. */
gboolean nest_loaded_plugin_applies(const NestLoadedPlugin *probe, const NestGuest *guest);
