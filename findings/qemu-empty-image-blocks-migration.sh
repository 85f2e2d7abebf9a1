#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A read-only block node that belongs to no device keeps the whole QEMU from migrating and saving, if its format is vdi. An
# empty image of 512 bytes is enough. From QEMU 7.2 to 10.0.
. "$(dirname "$0")/packages"

# answers FORMAT: what QEMU says to a node of this format, and then to a migration.
answers() {
    {
        echo '{"execute":"qmp_capabilities"}'
        echo '{"execute":"blockdev-add","arguments":{"driver":"'"$1"'","node-name":"idle","read-only":true,"file":{"driver":"file","filename":"/image.'"$1"'","read-only":true}}}'
        echo '{"execute":"migrate","arguments":{"uri":"exec:cat >/dev/null"}}'
        echo '{"execute":"quit"}'
    } | inside qemu-system-x86_64 -nodefaults -display none -M none -S -qmp stdio 2>&1 |
        grep -oE '"desc": "[^"]*"' | head -n 1 | cut -d '"' -f 4
}

shows() {
    inside qemu-img create -q -f vdi /image.vdi 0
    sees "bytes of an empty vdi, QEMU $1" 512 "$(stat -c %s "$root/image.vdi")"
    sees "a migration with it, QEMU $1" "The vdi format used by node 'idle' does not support live migration" "$(answers vdi)"
}

unpack bookworm qemu-system-x86=1:7.2+dfsg-7+deb12u18+b3 qemu-utils=1:7.2+dfsg-7+deb12u18+b3
shows 7.2
unpack trixie qemu-system-x86=1:10.0.13+ds-0+deb13u1 qemu-utils=1:10.0.13+ds-0+deb13u1
shows 10.0
