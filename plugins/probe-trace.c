/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch by which the kernel reports at once that a guest enters a nested guest.
 *
 * Theory of operation: KVM passes its tracepoint kvm_nested_vmenter at each such entry. A BPF program of ours
 * (nested-entry.bpf.c) is attached there from the first watch() until the last unwatch(). It looks up the process that
 * passes. The first entry of a watched process goes into a ring buffer, whose file descriptor wakes virtnestd. The process
 * is then not watched any more until virtnestd calls watch() for it again.
 *
 * This shows that nested guests have begun, not that they have ended; the probes show that. The program is loaded
 * from memory with libbpf, and needs neither BTF nor debugfs, so it works under kernel lockdown too. */
#include "base/error.h"
#include "base/root.h"
#include "nest-plugin.h"
#include "nested-entry.h"
#include "settings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TRACEPOINT "kvm_nested_vmenter"
/* The layout of the kernel's own dev_t, which differs from that of stat(2). */
#define KERNEL_MINOR_BITS 20

/* The program, as clang has compiled it. */
extern const char nested_entry_object[];
extern const guint64 nested_entry_size;
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        "nested_entry_object: .incbin \"" NEST_NESTED_ENTRY "\"\n"
        "1: .balign 8\n"
        "nested_entry_size: .quad 1b - nested_entry_object\n"
        ".popsection\n");

typedef struct {
    GHashTable
        *guests;  /* PID -> UUID of the guests between watch() and unwatch(), reported or not */
    GArray *told; /* of struct nested_entry: reports that next_entered() has not taken yet */
    struct bpf_object *object; /* NULL: not loaded */
    struct ring_buffer *entered;
    guint32 generation;    /* the program's variable, as it was set last */
    struct bpf_link *link; /* NULL: not attached */
} State;

static gboolean
trace_start(GKeyFile *settings, gpointer *ret_state, GError **error)
{
    State *state = NULL;

    if (!nest_settings_none(settings, nest_plugin.name, error))
        return FALSE;
    libbpf_set_print(NULL); /* our errors say it instead */
    state = g_new0(State, 1);
    state->generation = 1; /* as in the program */
    state->guests = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    state->told = g_array_new(FALSE, FALSE, sizeof(struct nested_entry));
    *ret_state = state;
    return TRUE;
}

static void
unload(State *state)
{
    ring_buffer__free(state->entered);
    state->entered = NULL;
    bpf_object__close(state->object);
    state->object = NULL;
}

static void
detach(State *state)
{
    bpf_link__destroy(state->link);
    state->link = NULL;
}

static void
trace_stop(gpointer data)
{
    State *state = data;

    detach(state);
    unload(state);
    g_hash_table_unref(state->guests);
    g_array_unref(state->told);
    g_free(state);
}

static gboolean
trace_applies(gpointer state, const NestGuest *guest)
{
    (void)state;
    return guest->kvm;
}

/* --- the program */

static const struct {
    int number;
    const char *words;
} reasons[] = {
    {EPERM, "that needs CAP_BPF and CAP_PERFMON, and a kernel that is not locked down for it"},
    {ENOENT,
     "this kernel has no tracepoint " TRACEPOINT ", or kvm is not loaded; Linux has it from "
     "6.1 on"},
    {EINVAL, "this kernel does not take the program; Linux does from 5.8 on"},
    {ENOSYS, "this kernel has no BPF"},
};

/* @number: an errno */
static gboolean
set_trace_error(GError **error, const char *what, int number)
{
    const char *words = g_strerror(number);

    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].number == number)
            words = reasons[i].words;
    g_set_error(error, NEST_ERROR, NEST_ERROR_PLUGIN,
                "cannot %s the program that tells of entries into nested guests: %s", what, words);
    return FALSE;
}

static int
take_record(void *data, void *record, size_t size)
{
    State *state = data;

    if (size >= sizeof(struct nested_entry))
        g_array_append_vals(state->told, record, 1);
    return 0;
}

/* Tells the program virtnestd's PID namespace, before the program is loaded. */
static gboolean
set_namespace(const struct bpf_object *object)
{
    struct stat file = {0};
    struct bpf_map *constants = bpf_object__find_map_by_name(object, ".rodata");
    struct nested_entry_namespace mine = {0};

    if (stat("/proc/self/ns/pid", &file) < 0)
        return FALSE;
    mine.device = ((guint64)major(file.st_dev) << KERNEL_MINOR_BITS) | minor(file.st_dev);
    mine.inode = file.st_ino;
    return bpf_map__set_initial_value(constants, &mine, sizeof(mine)) == 0;
}

static int
map_fd(const State *state, const char *name)
{
    return bpf_object__find_map_fd_by_name(state->object, name);
}

static gboolean
load_program(State *state, GError **error)
{
    if (state->object)
        return TRUE;
    state->object = bpf_object__open_mem(nested_entry_object, nested_entry_size, NULL);
    if (state->object && set_namespace(state->object) && bpf_object__load(state->object) == 0)
        state->entered = ring_buffer__new(map_fd(state, "entered"), take_record, state, NULL);
    if (state->entered)
        return TRUE;
    set_trace_error(error, "load", errno);
    unload(state);
    return FALSE;
}

static gboolean
attach(State *state, GError **error)
{
    if (state->link)
        return TRUE;
    if (!load_program(state, error))
        return FALSE;
    state->link = bpf_program__attach_raw_tracepoint(
        bpf_object__find_program_by_name(state->object, "nested_entry"), TRACEPOINT);
    return state->link || set_trace_error(error, "attach", errno);
}

/* --- the guests */

/* Whether the program finds the process by this PID. A process in a PID namespace below ours has more than one PID in its
 * line NSpid. */
static gboolean
is_of_our_namespace(const NestGuest *guest)
{
    g_autofree gchar *status = nest_root_read_process(guest->pid, "status", NULL);
    g_autofree gchar *line = g_strdup_printf("\nNSpid:\t%" G_GINT64_FORMAT "\n", guest->pid);

    return status && strstr(status, line);
}

/* Whether the PID that libvirt gives is that of the guest's QEMU here: libvirt may be in another PID namespace. */
static gboolean
is_its_qemu(const NestGuest *guest)
{
    gsize length = 0;
    g_autofree gchar *arguments = nest_root_read_process(guest->pid, "cmdline", &length);

    return arguments && memmem(arguments, length, guest->uuid, strlen(guest->uuid));
}

static gboolean
trace_watch(gpointer data, const NestGuest *guest, GError **error)
{
    State *state = data;
    guint32 pid = (guint32)guest->pid, first = 0;
    guint8 value = 0;

    if (!is_of_our_namespace(guest) || !is_its_qemu(guest)) {
        g_set_error_literal(
            error, NEST_ERROR, NEST_ERROR_PLUGIN,
            "virtnestd does not find its QEMU: its PID is unknown or of another PID "
            "namespace, or it has ended");
        return FALSE;
    }
    if (!attach(state, error))
        return FALSE;
    /* A new generation makes the program look again at processes that it had found not to be watched. The variable is the
     * whole of the program's .data, which is a map of one element. */
    state->generation++;
    if (bpf_map_update_elem(map_fd(state, "watched"), &pid, &value, BPF_ANY) < 0 ||
        bpf_map_update_elem(map_fd(state, ".data"), &first, &state->generation, BPF_ANY) < 0)
        return set_trace_error(error, "name the guest to", errno);
    g_hash_table_insert(state->guests, GUINT_TO_POINTER(pid), g_strdup(guest->uuid));
    return TRUE;
}

static void
trace_unwatch(gpointer data, const NestGuest *guest)
{
    State *state = data;
    guint32 pid = (guint32)guest->pid;

    /* The PID may already belong to another guest's QEMU. */
    if (g_strcmp0(g_hash_table_lookup(state->guests, GUINT_TO_POINTER(pid)), guest->uuid) != 0)
        return;
    g_hash_table_remove(state->guests, GUINT_TO_POINTER(pid));
    bpf_map_delete_elem(map_fd(state, "watched"), &pid);
    if (g_hash_table_size(state->guests) == 0)
        detach(state);
}

static int
trace_get_fd(gpointer data)
{
    State *state = data;

    return state->entered ? ring_buffer__epoll_fd(state->entered) : -1;
}

/* Drops the reports of guests that were unwatched meanwhile. */
static gint64
trace_next_entered(gpointer data, gint64 *ret_time)
{
    State *state = data;
    struct nested_entry entry = {0};

    ring_buffer__consume(state->entered);
    while (state->told->len > 0) {
        entry = g_array_index(state->told, struct nested_entry, 0);
        g_array_remove_index(state->told, 0);
        *ret_time = (gint64)(entry.time / 1000);
        if (g_hash_table_contains(state->guests, GUINT_TO_POINTER(entry.pid)))
            return entry.pid;
    }
    return 0;
}

const NestPlugin nest_plugin = {
    .abi = NEST_PLUGIN_ABI,
    .size = sizeof(NestPlugin),
    .name = "probe-trace",
    .kind = NEST_PLUGIN_WATCH,
    .start = trace_start,
    .stop = trace_stop,
    .applies = trace_applies,
    .watch = trace_watch,
    .unwatch = trace_unwatch,
    .get_fd = trace_get_fd,
    .next_entered = trace_next_entered,
};
