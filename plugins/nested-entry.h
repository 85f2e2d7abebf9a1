/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What probe-trace and its program in the kernel agree on. */
#pragma once

#define NESTED_ENTRY_PROCESSES 16384
#define NESTED_ENTRY_PASSED 1024 /* a power of two */
#define NESTED_ENTRY_BYTES 65536

/* An entry into a nested guest, as the program reports it. */
struct nested_entry {
    unsigned long long time; /* CLOCK_MONOTONIC, in nanoseconds */
    unsigned int pid;
};

/* A PID namespace, as stat(2) of /proc/self/ns/pid shows it; @device in the kernel's own form. */
struct nested_entry_namespace {
    unsigned long long device;
    unsigned long long inode;
};
