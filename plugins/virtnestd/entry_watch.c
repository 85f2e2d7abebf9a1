/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch for entries into nested guests: a plugin reports by itself which guest has just entered one. */
#include "virtnestd/entry_watch.h"

#include "base/log.h"

#include <glib-unix.h>

struct NestEntryWatch {
    const NestLoadedPlugin *loaded; /* NULL: no such plugin is loaded */
    void (*entered)(gpointer data, gint64 pid, gint64 time);
    gpointer data;  /* for it */
    guint source;   /* of the plugin's file descriptor; 0: there is none yet */
    gboolean fails; /* the last try to watch a guest failed */
};

NestEntryWatch *
nest_entry_watch_new(const NestPluginHost *plugins,
                     void (*entered)(gpointer data, gint64 pid, gint64 time), gpointer data)
{
    NestEntryWatch *watch = g_new0(NestEntryWatch, 1);

    watch->loaded = nest_plugin_host_get(plugins, NEST_PLUGIN_WATCH, 0);
    watch->entered = entered;
    watch->data = data;
    return watch;
}

void
nest_entry_watch_free(NestEntryWatch *watch)
{
    g_clear_handle_id(&watch->source, g_source_remove);
    g_free(watch);
}

static gboolean
notify_entered(gint fd, GIOCondition condition, gpointer data)
{
    NestEntryWatch *watch = data;
    gint64 pid = 0;
    gint64 time = 0;

    (void)fd, (void)condition;
    while ((pid = watch->loaded->plugin->next_entered(watch->loaded->state, &time)))
        watch->entered(watch->data, pid, time);
    return G_SOURCE_CONTINUE;
}

static void
log_entry_watch_change(NestEntryWatch *watch, const NestGuest *guest, const GError *error)
{
    if (error && !watch->fails)
        nest_log(G_LOG_LEVEL_WARNING, guest->name, guest->uuid,
                 "only samples find its nested guests, so a moment later: %s", error->message);
    else if (!error && watch->fails)
        nest_log(G_LOG_LEVEL_MESSAGE, guest->name, guest->uuid,
                 "the kernel again reports at once when nested guests begin");
    watch->fails = error != NULL;
}

const char *
nest_entry_watch_add(NestEntryWatch *watch, const NestGuest *guest)
{
    const NestLoadedPlugin *loaded = watch->loaded;
    g_autoptr(GError) error = NULL;
    int fd = -1;

    if (!loaded || !nest_loaded_plugin_applies(loaded, guest))
        return NULL;
    loaded->plugin->watch(loaded->state, guest, &error);
    log_entry_watch_change(watch, guest, error);
    if (error)
        return NULL;
    fd = watch->source ? -1 : loaded->plugin->get_fd(loaded->state);
    if (fd >= 0) /* reports come before all other work of the main loop */
        watch->source =
            g_unix_fd_add_full(G_PRIORITY_HIGH, fd, G_IO_IN, notify_entered, watch, NULL);
    return loaded->plugin->name;
}

void
nest_entry_watch_remove(NestEntryWatch *watch, const NestGuest *guest)
{
    if (watch->loaded)
        watch->loaded->plugin->unwatch(watch->loaded->state, guest);
}
