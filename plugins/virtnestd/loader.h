/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin host: loads plugins by name, checks them, and keeps one's failure from the others. */
#pragma once

#include "nest-plugin.h"

/**
 * NestLoaded: a plugin in use.
 */
typedef struct {
    const NestPlugin *plugin;
    gpointer state; /* its own */
} NestLoaded;

typedef struct NestPlugins NestPlugins;

/**
 * nest_plugins_load: load and start plugins.
 * @folder: where the shared objects are
 * @names: their names, in the order in which they are asked
 * @settings: the configuration; each plugin reads the group of its name
 *
 * One that is not there, does not fit or does not start is skipped with one line in the log.
 *
 * Returns: (transfer full) those that are in use, perhaps none.
 */
NestPlugins *nest_plugins_load(const char *folder, const gchar *const *names, GKeyFile *settings);

/* Stops and unloads all. */
void nest_plugins_free(NestPlugins *plugins);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NestPlugins, nest_plugins_free)

/**
 * nest_plugins_get: the plugins of a kind, one after the other.
 * @i: from 0 on
 *
 * Returns: (nullable) NULL after the last.
 */
const NestLoaded *nest_plugins_get(const NestPlugins *plugins, NestPluginKind kind, guint i);

/* Whether a probe can say anything of this guest. */
gboolean nest_loaded_applies(const NestLoaded *probe, const NestGuest *guest);
