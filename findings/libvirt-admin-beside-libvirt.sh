#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One program cannot use both libvirt and libvirt-admin, though both are public libraries of one package, and both initialize
# without an error. Each library has its own copy of libvirt's classes, and registers them with GObject under the same names
# when it opens its first connection. So the library that comes second gets no classes: GObject warns of each class, and the
# library cannot open a connection. A program that needs both has to use two processes; virsh and virt-admin are two programs,
# too. Here G_DEBUG makes GLib end the program at the first warning.
. "$(dirname "$0")/packages"

# second FIRST SECOND: what a program says that opens connections of these kinds, the first of which may fail.
second() {
    cat >"$root/both.c" <<'C'
#include <libvirt/libvirt-admin.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

static void
quiet(void *data, virErrorPtr error)
{
    (void)data, (void)error;
}

static int
opens(const char *kind)
{
    if (strcmp(kind, "admin") == 0)
        return virAdmConnectOpen("libvirtd:///session?socket=/none", 0) != NULL;
    return virConnectOpen("test:///default") != NULL;
}

int
main(int argc, char **argv)
{
    virSetErrorFunc(NULL, quiet);
    if (argc != 3 || virInitialize() != 0 || virAdmInitialize() != 0)
        return 1;
    (void)opens(argv[1]);
    (void)opens(argv[2]);
    puts("both are opened");
    return 0;
}
C
    inside gcc -O2 -o /both /both.c -lvirt -lvirt-admin &&
        { G_DEBUG=fatal-warnings inside /both "$@" 2>&1 || :; } | grep -oE "cannot register existing type '[A-Za-z]*'|both are opened" | head -n 1
}

shows() {
    sees "libvirt twice, $1" 'both are opened' "$(second libvirt libvirt)"
    sees "libvirt-admin, then libvirt, $1" "cannot register existing type 'virConnect'" "$(second admin libvirt)"
    sees "libvirt, then libvirt-admin, $1" "cannot register existing type 'virConnect'" "$(second libvirt admin)"
}

unpack bookworm libvirt-dev=9.0.0-4+deb12u2 gcc libc6-dev
shows 9.0
unpack trixie libvirt-dev=11.3.0-3+deb13u3 gcc libc6-dev
shows 11.3
unpack trixie libvirt-dev=12.9.0-1~bpo13+1 libvirt0=12.9.0-1~bpo13+1 libvirt-common=12.9.0-1~bpo13+1 gcc libc6-dev
shows 12.9
