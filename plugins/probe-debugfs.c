/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe that reads KVM's counter of entries into nested guests from debugfs. It is the cheapest probe.
 *
 * Theory of operation: a VM's counters are in /sys/kernel/debug/kvm/PID-FD. PID is that of its QEMU,
 * and FD is not known beforehand. So the directory is listed once for the VMs of all processes, and
 * listed again if a domain's VM was not found. The counter is opened for each reading, because an
 * open counter would keep the kernel from freeing the VM. */
#include "base/error.h"
#include "base/root.h"
#include "nest-plugin.h"
#include "settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "/sys/kernel/debug/kvm"

/* The least time between two listings, so that a missing VM does not cause a listing for each sample. */
#define LISTING_US (G_USEC_PER_SEC / 10)

typedef struct {
    GMutex lock;     /* over the rest */
    GHashTable *vms; /* PID -> GPtrArray of its counters' paths, as of the last listing */
    gint64 listed;   /* the time of the last listing; 0: never */
} State;

static gboolean
debugfs_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    State *state = NULL;

    if (!nest_settings_none(settings, nest_plugin.name, error))
        return FALSE;
    state = g_new0(State, 1);
    g_mutex_init(&state->lock);
    state->vms = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    *ret_state = state;
    return TRUE;
}

static void
debugfs_stop(gpointer data)
{
    State *state = data;

    g_hash_table_unref(state->vms);
    g_mutex_clear(&state->lock);
    g_free(state);
}

static gboolean
debugfs_applies(gpointer state, const NestGuest *guest)
{
    (void)state;
    return guest->kvm;
}

/* @name: an entry of the directory. A VM's is PID-FD; no other name begins with a number. */
static void
add_vm(State *state, const char *directory, const char *name)
{
    char *end = NULL;
    gint64 pid = g_ascii_strtoll(name, &end, 10);
    gpointer key = GSIZE_TO_POINTER(pid);
    GPtrArray *counters = g_hash_table_lookup(state->vms, key);

    if (pid <= 0 || *end != '-')
        return;
    if (!counters) {
        counters = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(state->vms, key, counters);
    }
    g_ptr_array_add(counters, g_build_filename(directory, name, "nested_run", NULL));
}

/* Finds all VMs, and forgets those that are gone. */
static gboolean
list(State *state, GError **error)
{
    g_autofree gchar *directory = nest_root_path(DIRECTORY);
    DIR *stream = opendir(directory);
    const struct dirent *entry = NULL;

    g_hash_table_remove_all(state->vms);
    if (!stream) {
        g_set_error(error, NEST_ERROR, NEST_ERROR_IO, "cannot list " DIRECTORY ": %s%s",
                    g_strerror(errno),
                    errno == ENOENT ? " (debugfs is not mounted, or kvm not loaded)" : "");
        return FALSE;
    }
    while ((entry = readdir(stream)))
        add_vm(state, directory, entry->d_name);
    closedir(stream);
    state->listed = g_get_monotonic_time();
    return TRUE;
}

/* Returns: 0, or a negative errno. */
static int
read_counter(const char *path, guint64 *ret_entries)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    gssize length = 0;
    int result = 0;

    if (fd < 0)
        return -errno;
    length = read(fd, text, sizeof(text) - 1);
    if (length < 0)
        result = -errno;
    else if (length == sizeof(text) - 1 || /* it was cut off */
             !g_ascii_isdigit(*text) ||    /* GLib also accepts a leading vertical tab */
             !g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXUINT64, ret_entries, NULL))
        result = -EBADMSG;
    close(fd);
    return result;
}

/* Adds up the entries of all VMs of a process. Returns: 0, or a negative errno; -ESRCH: the last listing has no VM of it. */
static int
read_counters(State *state, gint64 pid, guint64 *ret_entries)
{
    const GPtrArray *counters = g_hash_table_lookup(state->vms, GSIZE_TO_POINTER(pid));
    guint64 sum = 0;

    for (guint i = 0; counters && i < counters->len; i++) {
        guint64 entries = 0;
        int result = read_counter(g_ptr_array_index(counters, i), &entries);

        if (result < 0)
            return result;
        sum += entries;
    }
    *ret_entries = sum;
    return counters ? 0 : -ESRCH;
}

static const struct {
    int number;
    const char *words;
} reasons[] = {
    {ESRCH, "the process has no VM there"},
    {ENOENT, "the VM has just gone, or the kernel does not count them; Linux does so from 5.14 on"},
    {EPERM, "the kernel is locked down, see kernel_lockdown(7)"},
    {EACCES, "only root can read it"},
    {EBADMSG, "it is not a number"},
};

static gboolean
set_debugfs_error(GError **error, gint64 pid, int number)
{
    const char *words = g_strerror(number);

    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].number == number)
            words = reasons[i].words;
    g_set_error(error, NEST_ERROR, NEST_ERROR_IO,
                "cannot read the entries into nested guests in " DIRECTORY "/%" G_GINT64_FORMAT
                "-*/nested_run: %s",
                pid, words);
    return FALSE;
}

static gboolean
count_process_entries(State *state, gint64 pid, guint64 *ret_entries, GError **error)
{
    int result = pid > 0 ? read_counters(state, pid, ret_entries) : -ESRCH;
    gboolean unknown = pid > 0 && (result == -ESRCH || result == -ENOENT);

    if (unknown && (!state->listed || g_get_monotonic_time() - state->listed >= LISTING_US)) {
        if (!list(state, error))
            return FALSE;
        result = read_counters(state, pid, ret_entries);
    }
    return result == 0 || set_debugfs_error(error, pid, -result);
}

static gboolean
debugfs_sample(gpointer data, const NestGuest *guest, virDomainPtr domain, NestEvidence *evidence,
               GError **error)
{
    State *state = data;
    guint64 entries = 0;
    gboolean counted = FALSE;

    (void)domain;
    g_mutex_lock(&state->lock);
    counted = count_process_entries(state, guest->pid, &entries, error);
    g_mutex_unlock(&state->lock);
    if (!counted)
        return FALSE;
    evidence->counted = TRUE;
    evidence->entries = entries;
    return TRUE;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = "probe-debugfs",
    .kind = NEST_PLUGIN_PROBE,
    .counts = TRUE,
    .start = debugfs_start,
    .stop = debugfs_stop,
    .local = TRUE,
    .applies = debugfs_applies,
    .sample = debugfs_sample,
};
