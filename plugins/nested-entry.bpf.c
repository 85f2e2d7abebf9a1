/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BPF program of probe-trace, which the kernel runs at each entry into a nested guest. It reports the first entry of
 * each process that is watched.
 *
 * The program uses no types of the kernel, so it runs on kernels without BTF. clang compiles it for BPF, and it becomes
 * part of probe-trace.so. */
#include "nested-entry.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* The processes that are watched, by PID. Only the one that removes a process from the map may report it. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, NESTED_ENTRY_PROCESSES);
    __type(key, __u32);
    __type(value, __u8);
} watched SEC(".maps");

/* The processes that have entered a nested guest, as struct nested_entry. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, NESTED_ENTRY_BYTES);
} entered SEC(".maps");

/* virtnestd increments this after it has added a process to the map @watched. */
volatile __u32 generation = 1;

/* A cache of processes that are not watched. The upper half is the PID in the host's PID namespace, the lower half the
 * generation in which the process was found not to be watched. A look into the cache takes a fraction of the time of the
 * helper that finds the PID in virtnestd's namespace. Two processes that share a place use the helper at each entry. */
volatile __u64 passed[NESTED_ENTRY_PASSED];

/* virtnestd's PID namespace, set before the program is loaded. */
const volatile struct nested_entry_namespace pid_namespace = {0};

/* If the buffer is full, the process stays in the map, so its next entry is reported. */
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
        bpf_ringbuf_discard(record, 0); /* another vCPU has reported it */
}

/* The helper fails for a process of any other PID namespace, even of one below ours. So no PID is taken for another's. */
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

/* The generation is read before the map. If virtnestd begins to watch the process in between, the cache entry is of a past
 * generation and has no effect. */
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

/* This is enough: none of the helpers used here is limited to GPL programs. */
char _license[] SEC("license") = "LGPL";
