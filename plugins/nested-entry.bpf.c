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

/* virtnestd's PID namespace, set before the program is loaded. */
const volatile struct nested_entry_namespace pid_namespace = {0};

/* If the buffer is full, the process stays in the map, so its next entry is told of. */
static void
tell(__u32 pid)
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
SEC("raw_tp/kvm_nested_vmenter")
int
nested_entry(void *context)
{
    struct bpf_pidns_info process = {0};

    (void)context;
    if (bpf_get_ns_current_pid_tgid(pid_namespace.device, pid_namespace.inode, &process,
                                    sizeof(process)) == 0 &&
        bpf_map_lookup_elem(&watched, &process.tgid))
        tell(process.tgid);
    return 0;
}

/* None of these helpers is for GPL programs alone. */
char _license[] SEC("license") = "LGPL";
