#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# If a program is loaded by libbpf without a generated skeleton, bpf_map__initial_value() returns memory in which the
# program's global variables can be set before the load. After the load the same call still returns memory that can be
# written. With libbpf 1.5 this is the kernel's memory. With 1.1 it is libbpf's own copy, because only a skeleton's load maps
# it to the kernel's memory: what is written there is lost, without an error. bpf_map_update_elem() changes the variables with
# both. Needs root and BPF.
. "$(dirname "$0")/packages"

# reached WAY: what the kernel has of a variable that was set to 7 after the load.
reached() {
    cat >"$root/variable.bpf.c" <<'C'
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

volatile int number = 0;

SEC("raw_tp/sys_enter")
int
program(void *context)
{
    (void)context;
    return number;
}

char _license[] SEC("license") = "GPL";
C
    cat >"$root/set.c" <<'C'
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
    struct bpf_object *object = bpf_object__open_file("/variable.bpf.o", NULL);
    struct bpf_map *variables = NULL;
    size_t size = 0;
    int *memory = NULL;
    int key = 0, seven = 7, seen = -1;

    (void)argc;
    if (!object || bpf_object__load(object) != 0 || !(variables = bpf_object__find_map_by_name(object, ".bss")))
        return 1;
    memory = (int *)bpf_map__initial_value(variables, &size);
    if (strcmp(argv[1], "memory") == 0)
        *memory = seven;
    else if (bpf_map_update_elem(bpf_map__fd(variables), &key, &seven, BPF_ANY) != 0)
        return 1;
    if (bpf_map_lookup_elem(bpf_map__fd(variables), &key, &seen) != 0)
        return 1;
    printf("%d\n", seen);
    return 0;
}
C
    inside clang -O2 -g -target bpf -I/usr/include/x86_64-linux-gnu -c -o /variable.bpf.o /variable.bpf.c &&
        inside gcc -O2 -o /set /set.c -lbpf && inside /set "$1"
}

unpack bookworm libbpf-dev=1:1.1.2-0+deb12u1 clang gcc libc6-dev
sees 'with libbpf 1.1 the kernel has, of 7 that was written into that memory,' 0 "$(reached memory)"
sees 'with libbpf 1.1 the kernel has, of 7 that was set in the map,' 7 "$(reached map)"
unpack trixie libbpf-dev=1:1.5.0-3 clang gcc libc6-dev
sees 'with libbpf 1.5 the kernel has, of 7 that was written into that memory,' 7 "$(reached memory)"
sees 'with libbpf 1.5 the kernel has, of 7 that was set in the map,' 7 "$(reached map)"
