/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtual machines of a node of KubeVirt, and whether nested guests run in them.
 *
 * Theory of operation: KVM has a directory for each VM in debugfs, PID-FD. In each interval the probe in
 * plugins/probe-debugfs.c, which is linked into this program, samples each VM. A guest that enters no nested guest now may
 * still have an idle one, so only a watch over the whole linger time can tell. */
#include "node_watch.h"

#include "base/error.h"
#include "base/root.h"
#include "host/process.h"
#include "nest-plugin.h"

#include <string.h>

#define DIRECTORY "/sys/kernel/debug/kvm"

/* One VM. */
typedef struct {
    gchar *began;  /* the start time of its process, because PIDs are used again */
    gint64 since;  /* when it was first seen */
    gboolean here; /* whether it was there at the last look */
    NestVerdict verdict;
} Watched;

struct NestNodeWatch {
    NestConfig config;
    gpointer probe;  /* the probe's own data */
    GMutex lock;     /* over the rest */
    GHashTable *vms; /* PID -> Watched */
};

static void
watched_vm_free(gpointer data)
{
    Watched *vm = data;

    g_free(vm->began);
    g_free(vm);
}

NestNodeWatch *
nest_node_watch_new(const NestConfig *config, GError **error)
{
    g_autoptr(GKeyFile) settings = g_key_file_new();
    gpointer probe = NULL;
    NestNodeWatch *watch = NULL;

    if (!nest_plugin.start(settings, &probe, error))
        return NULL;
    watch = g_new0(NestNodeWatch, 1);
    watch->config = *config;
    watch->probe = probe;
    watch->vms = g_hash_table_new_full(NULL, NULL, NULL, watched_vm_free);
    g_mutex_init(&watch->lock);
    return watch;
}

void
nest_node_watch_free(NestNodeWatch *watch)
{
    nest_plugin.stop(watch->probe);
    g_hash_table_unref(watch->vms);
    g_mutex_clear(&watch->lock);
    g_free(watch);
}

guint
nest_node_watch_interval(const NestNodeWatch *watch)
{
    return watch->config.interval_ms;
}

/* --- samples */

static Watched *
find_watched_vm(NestNodeWatch *watch, gint pid, gint64 now)
{
    g_autofree gchar *stat = nest_root_read_process(pid, "stat", NULL);
    g_autofree gchar *began = nest_process_start_time(stat ? stat : "");
    Watched *vm = g_hash_table_lookup(watch->vms, GINT_TO_POINTER(pid));

    if (vm && g_str_equal(vm->began, began))
        return vm;
    vm = g_new0(Watched, 1);
    vm->began = g_steal_pointer(&began);
    vm->since = now;
    g_hash_table_replace(watch->vms, GINT_TO_POINTER(pid), vm);
    return vm;
}

/* Returns: FALSE with the reason if nothing could be read. */
static gboolean
sample_vm(NestNodeWatch *watch, Watched *vm, gint pid, gint64 now, GError **error)
{
    NestVerdictRules rules = {watch->config.linger_ms,
                              watch->config.release == NEST_RELEASE_STRICT};
    NestGuest guest = {.pid = pid, .kvm = TRUE};
    NestEvidence evidence = {0};
    gboolean counted = nest_plugin.sample(watch->probe, &guest, NULL, &evidence, error);

    nest_verdict_add(&vm->verdict, &evidence, &rules, vm->since, now);
    return counted;
}

static gboolean
is_gone(gpointer pid, gpointer data, gpointer user_data)
{
    Watched *vm = data;
    gboolean gone = !vm->here;

    (void)pid;
    (void)user_data;
    vm->here = FALSE;
    return gone;
}

/* The PID that the name of a VM's directory begins with; 0: it is something else. */
static gint
pid_of(const char *name)
{
    g_autofree gchar *digits = g_strndup(name, strcspn(name, "-"));
    guint64 pid = 0;

    return strchr(name, '-') && g_ascii_string_to_unsigned(digits, 10, 1, G_MAXINT, &pid, NULL)
               ? (gint)pid
               : 0;
}

void
nest_node_watch_look(NestNodeWatch *watch, gint64 now)
{
    g_autofree gchar *path = nest_root_path(DIRECTORY);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    g_mutex_lock(&watch->lock);
    while (directory && (name = g_dir_read_name(directory))) {
        gint pid = pid_of(name);
        Watched *vm = pid ? find_watched_vm(watch, pid, now) : NULL;

        if (vm && !vm->here) /* a process may have several VMs, whose entries the probe adds up */
            vm->here = sample_vm(watch, vm, pid, now, NULL) || TRUE;
    }
    g_hash_table_foreach_remove(watch->vms, is_gone, NULL);
    g_mutex_unlock(&watch->lock);
}

/* --- the answer */

static gboolean
judge_vm(const NestNodeWatch *watch, const Watched *vm, gint pid, gint64 now, GError **error)
{
    const char *words = nest_verdict_reason_text(nest_verdict_reason_name(vm->verdict.reason));

    if (vm->verdict.state == NEST_VERDICT_RUNNING)
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_RUNNING, "%s", words);
    else if (vm->verdict.state != NEST_VERDICT_NONE)
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN, "%s", words);
    else if (now - vm->since < watch->config.linger_ms && !nest_process_has_booted(pid, NULL))
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN,
                    "it was migrated here or reverted to a snapshot, and has been watched for less "
                    "than %u seconds, so it may have brought nested guests that are idle",
                    watch->config.linger_ms / 1000);
    else
        return TRUE;
    return FALSE;
}

gboolean
nest_node_watch_check(NestNodeWatch *watch, gint pid, gint64 now, GError **error)
{
    g_autoptr(GError) problem = NULL;
    gboolean good = FALSE;
    Watched *vm = NULL;

    g_mutex_lock(&watch->lock);
    vm = find_watched_vm(watch, pid, now);
    if (sample_vm(watch, vm, pid, now, &problem))
        good = judge_vm(watch, vm, pid, now, error);
    else
        g_set_error(error, NEST_ERROR, NEST_ERROR_LIVE_UNKNOWN, "%s", problem->message);
    g_mutex_unlock(&watch->lock);
    return good;
}
