/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook watch: compares the time of each start that libvirt reports with the time of its last call of the hook.
 *
 * Theory of operation: a start is kept until it is looked at, and after that only if the hook was not called for it, and
 * while the domain runs. The event of a start may be read late, when the domain has stopped and is being started again. So
 * virtnestd looks a second later: if that run is over, the event of its end has come by then, and the start is forgotten. */
#include "virtnestd/hook_watch.h"

#include "base/log.h"
#include "base/root.h"
#include "base/sort.h"
#include "domain/exposed.h"
#include "host/hook_calls.h"
#include "host/process.h"

#define LOOK_SECONDS 1

/* One start. */
typedef struct {
    gchar *name;
    gboolean looked; /* it was looked at, and the hook had not been called */
    gboolean tagged;
} Start;

struct NestHookWatch {
    void (*changed)(gpointer data, const NestUnjudged *unjudged);
    gpointer data;      /* for it */
    GHashTable *starts; /* uuid -> Start */
    guint timer;        /* the source of the next look; 0: none is due */
    gint64 since;       /* as in NestUnjudged */
    gchar *name;        /* ... */
};

static void
start_free(gpointer data)
{
    g_free(((Start *)data)->name);
    g_free(data);
}

static gboolean
is_listed(const Start *start)
{
    return start->looked && start->tagged;
}

/* (transfer full)(nullable) */
static gchar *
name_tagged(const NestHookWatch *watch)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GHashTableIter iter;
    Start *start = NULL;

    g_hash_table_iter_init(&iter, watch->starts);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&start))
        if (is_listed(start))
            g_ptr_array_add(names, start->name);
    nest_sort_texts(names);
    return nest_exposed_text(names);
}

static void
notify_hook_calls(const NestHookWatch *watch)
{
    g_autofree gchar *tagged = name_tagged(watch);
    const NestUnjudged unjudged = {watch->since, watch->name, tagged};

    watch->changed(watch->data, &unjudged);
}

/* Returns: whether the start is to be kept, because the hook was not called for it. */
static gboolean
compare_start(NestHookWatch *watch, const NestHookCalls *calls, Start *start)
{
    g_autofree gchar *file = g_strdup_printf("/run/libvirt/qemu/%s.pid", start->name);
    gint64 began = nest_process_began(file);

    if (!began || nest_hook_calls_judge(calls, began, FALSE) != NEST_HOOK_NOT_CALLED)
        return FALSE;
    start->looked = TRUE;
    if (began <= watch->since)
        return TRUE;
    watch->since = began;
    g_free(watch->name);
    watch->name = g_strdup(start->name);
    return TRUE;
}

static void
compare_starts(NestHookWatch *watch, const NestHookCalls *calls)
{
    GHashTableIter iter;
    Start *start = NULL;

    g_hash_table_iter_init(&iter, watch->starts);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&start))
        if (!start->looked && !compare_start(watch, calls, start))
            g_hash_table_iter_remove(&iter);
}

static gboolean
was_looked_at(gpointer uuid, gpointer start, gpointer data)
{
    (void)uuid, (void)data;
    return ((Start *)start)->looked;
}

/* What was reported does not hold any more: forgets the starts that were looked at. Newer starts are still to be looked at. */
static void
take_back(NestHookWatch *watch)
{
    g_hash_table_foreach_remove(watch->starts, was_looked_at, NULL);
    watch->since = 0;
    g_clear_pointer(&watch->name, g_free);
}

/* Logs the problem once, until libvirt calls the hook again or libvirt's daemon is restarted. */
static void
log_hook_change(const NestHookWatch *watch, const NestHookCalls *calls, gboolean before)
{
    g_autofree gchar *text = NULL;

    if (before && !watch->since)
        nest_log(G_LOG_LEVEL_MESSAGE, NULL, NULL, "libvirt calls virt-nest's hook again");
    if (before || !watch->since)
        return;
    text = nest_hook_calls_text(calls, watch->name, NULL, "");
    nest_log(G_LOG_LEVEL_WARNING, NULL, NULL, "%s", text);
}

static gboolean
compare_hook_calls(gpointer data)
{
    NestHookWatch *watch = data;
    NestHookCalls calls = nest_hook_calls_read();
    gint64 before = watch->since;

    watch->timer = 0;
    if (watch->since && nest_hook_calls_judge(&calls, watch->since, FALSE) != NEST_HOOK_NOT_CALLED)
        take_back(watch);
    compare_starts(watch, &calls);
    log_hook_change(watch, &calls, before != 0);
    if (watch->since != before)
        notify_hook_calls(watch);
    return G_SOURCE_REMOVE;
}

static void
compare_soon(NestHookWatch *watch)
{
    if (!watch->timer)
        watch->timer = g_timeout_add_seconds(LOOK_SECONDS, compare_hook_calls, watch);
}

NestHookWatch *
nest_hook_watch_new(void (*changed)(gpointer data, const NestUnjudged *unjudged), gpointer data)
{
    NestHookWatch *watch = g_new0(NestHookWatch, 1);

    watch->changed = changed;
    watch->data = data;
    watch->starts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, start_free);
    return watch;
}

void
nest_hook_watch_free(NestHookWatch *watch)
{
    if (!watch)
        return;
    g_clear_handle_id(&watch->timer, g_source_remove);
    g_hash_table_unref(watch->starts);
    g_free(watch->name);
    g_free(watch);
}

void
nest_hook_watch_started(NestHookWatch *watch, const char *uuid, const char *name)
{
    Start *start = NULL;

    if (nest_root_is_session())
        return; /* the hook leaves the time of its calls only if it runs as root */
    start = g_new0(Start, 1);
    start->name = g_strdup(name);
    g_hash_table_replace(watch->starts, g_strdup(uuid), start);
    compare_soon(watch);
}

void
nest_hook_watch_tagged(NestHookWatch *watch, const char *uuid)
{
    Start *start = g_hash_table_lookup(watch->starts, uuid);

    if (!start || start->tagged)
        return;
    start->tagged = TRUE;
    if (is_listed(start))
        notify_hook_calls(watch);
}

void
nest_hook_watch_stopped(NestHookWatch *watch, const char *uuid)
{
    Start *start = g_hash_table_lookup(watch->starts, uuid);
    gboolean listed = start && is_listed(start);

    g_hash_table_remove(watch->starts, uuid);
    if (listed)
        notify_hook_calls(watch);
    if (watch->since)
        compare_soon(watch);
}

void
nest_hook_watch_clear(NestHookWatch *watch)
{
    gboolean told = watch->since != 0;

    g_clear_handle_id(&watch->timer, g_source_remove);
    take_back(watch);
    g_hash_table_remove_all(watch->starts);
    if (told)
        notify_hook_calls(watch);
}
