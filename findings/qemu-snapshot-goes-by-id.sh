#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# qcow2 gives each internal snapshot an ID, from 1 on, in addition to the name that its user chose. `qemu-img snapshot -a
# NAME` and the monitor's `loadvm NAME` first look for a snapshot whose ID is NAME, and look for the name only if there is
# none. `qemu-img snapshot -d NAME` looks for the name only. So with two snapshots named 0 and 1, `-a 1` brings back the disk
# of snapshot 0, with status 0, but `-d 1` deletes snapshot 1. loadvm first checks by name whether the snapshot exists: it
# refuses an ID that is nobody's name, but otherwise restores the wrong disk, too. The manual speaks only of names. So do not
# use numbers as names of snapshots. From QEMU 7.2 to 11.1.
. "$(dirname "$0")/packages"

# disk: its first byte, which was 0 in the snapshot 0, 1 in the snapshot 1, and 2 after both.
disk() { inside qemu-io -r -c 'read -v 0 1' /disk.qcow2 | sed -n 's/^00000000:  \(..\).*/\1/p'; }

by_qemu_img() {
    local name
    inside qemu-img create -q -f qcow2 /disk.qcow2 1M
    for name in 0 1; do
        inside qemu-io -c "write -q -P $name 0 512" /disk.qcow2
        inside qemu-img snapshot -c "$name" /disk.qcow2
    done
    inside qemu-io -c 'write -q -P 2 0 512' /disk.qcow2
    inside qemu-img snapshot -a 1 /disk.qcow2 && disk
    inside qemu-img snapshot -d 1 /disk.qcow2 && inside qemu-img snapshot -l /disk.qcow2 | awk '$1 ~ /^[0-9]/ { print "left is", $2 }'
}

by_loadvm() {
    inside qemu-img create -q -f qcow2 /disk.qcow2 1M
    printf '%s\n' 'savevm 0' 'qemu-io disk "write -q -P 1 0 512"' 'savevm 1' 'qemu-io disk "write -q -P 2 0 512"' 'loadvm 1' 'loadvm 2' quit |
        inside qemu-system-x86_64 -M isapc -m 2 -nodefaults -display none -S -monitor stdio -drive if=none,id=disk,file=/disk.qcow2 |
        grep '^Error' | tr -d '\r' && disk
}

# shows RELEASE SUITE VERSION [PACKAGE=VERSION...]
shows() {
    unpack "$2" {qemu-utils,qemu-system-x86}="$3" "${@:4}"
    sees "QEMU $1, the disk after qemu-img -a 1, and what -d 1 leaves" '00; left is 0' "$(by_qemu_img | paste -s -d ';' | sed 's/;/; /')"
    sees "QEMU $1, the monitor's answer to loadvm 2, and the disk after loadvm 1" "Error: Snapshot '2' does not exist in one or more devices; 00" \
        "$(by_loadvm | paste -s -d ';' | sed 's/;/; /')"
}

shows 7.2 bookworm 1:7.2+dfsg-7+deb12u18+b3
shows 10.0 trixie 1:10.0.13+ds-0+deb13u1
shows 11.1 trixie 1:11.1.3+ds-2~bpo13+1 qemu-system-{common,data}=1:11.1.3+ds-2~bpo13+1 seabios=1.17.0-1~bpo13+1
