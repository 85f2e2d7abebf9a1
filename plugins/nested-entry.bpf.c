/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel runs for probe-trace at each entry into a nested guest: it tells of the first entry of each process that
 * is watched.
 *
 * It uses no types of the kernel's own, so it runs on kernels without BTF. It is compiled with clang for BPF and is
 * part of probe-trace.so. */
#include "nested-entry.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* The processes that are watched, by PID. Whoever takes a process out of the map may tell of it. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, NESTED_ENTRY_PROCESSES);
    __type(key, __u32);
    __type(value, __u8);
} watched SEC(".maps");

/* Those that have entered a nested guest, as struct nested_entry. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, NESTED_ENTRY_BYTES);
} entered SEC(".maps");

/* virtnestd counts this up after it has put a process into the map of those that are watched. */
volatile __u32 generation = 1;

/* Processes that were found not to be watched: in the upper half the PID that all of the host sees, in the lower the generation
 * in which that was found. To look here takes a fraction of what the way through the PID namespace does, at each entry.
 * Where two share a place, both go that way. */
volatile __u64 passed[NESTED_ENTRY_PASSED];

/* virtnestd's PID namespace, set before the program is loaded. */
const volatile struct nested_entry_namespace pid_namespace = {0};

/* If the buffer is full, the process stays in the map, so its next entry is told of. */
static void
notify_entry(__u32 pid)
{
    struct nested_entry *record = bpf_ringbuf_reserve(&entered, sizeof(*record), 0);

    if (!record)
        return;
    record->time = bpf_ktime_get_ns();
    record->pid = pid;
    if (bpf_map_delete_elem(&watched, &pid) == 0)
        bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
    else
        bpf_ringbuf_discard(record, 0); /* another vCPU was first */
}

/* The helper fails for a process of another PID namespace, even one below ours, so no PID is mistaken. */
static int
is_watched(__u32 *pid)
{
    struct bpf_pidns_info process = {0};

    if (bpf_get_ns_current_pid_tgid(pid_namespace.device, pid_namespace.inode, &process,
                                    sizeof(process)) != 0)
        return 0;
    *pid = process.tgid;
    return bpf_map_lookup_elem(&watched, pid) != 0;
}

/* The generation is read first: if the process begins to be watched meanwhile, what is noted holds for the past only. */
SEC("raw_tp/kvm_nested_vmenter")
int
nested_entry(void *context)
{
    __u32 process = bpf_get_current_pid_tgid() >> 32;
    __u64 mark = (__u64)process << 32 | generation;
    __u32 place = process % NESTED_ENTRY_PASSED;
    __u32 pid = 0;

    (void)context;
    if (passed[place] == mark)
        return 0;
    if (is_watched(&pid))
        notify_entry(pid);
    else
        passed[place] = mark;
    return 0;
}

/* None of these helpers is for GPL programs alone. */
char _license[] SEC("license") = "LGPL";
