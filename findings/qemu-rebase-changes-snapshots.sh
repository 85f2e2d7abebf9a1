#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `qemu-img rebase` in its safe mode gives an image another backing file, or none, and copies what differs into the image, so
# that its content stays the same. It does so only for the disk's present content, and not for the internal snapshots in the
# image. Where a snapshot had content from the old backing file, it now has the content of the new one, or zeros. There is no
# message, the status is 0, and `qemu-img check` finds nothing. The damage is seen only when somebody goes back to the
# snapshot. In QEMU 7.2, 10.0 and 11.1.
. "$(dirname "$0")/packages"

# image FILE BYTE: of which each byte that is looked at has this value.
image() {
    inside qemu-img create -q -f qcow2 "/$1" 1M
    inside qemu-io -c "write -q -P $2 0 64k" "/$1"
}

disk() { inside qemu-io -r -c 'read -v 0 1' /top.qcow2 | sed -n 's/^00000000:  \(..\).*/\1/p'; }

# rebased BACKING: the disk after that, and after going back to the snapshot.
rebased() {
    local format=()
    [ -z "$1" ] || format=(-F qcow2)
    inside qemu-img create -q -f qcow2 -b old.qcow2 -F qcow2 /top.qcow2
    inside qemu-img snapshot -c snapshot /top.qcow2
    inside qemu-img rebase -q -b "$1" "${format[@]}" /top.qcow2 && disk
    inside qemu-img check -q /top.qcow2 && inside qemu-img snapshot -a snapshot /top.qcow2 && disk
}

# shows RELEASE SUITE VERSION
shows() {
    unpack "$2" qemu-utils="$3"
    image old.qcow2 1
    image new.qcow2 2
    sees "QEMU $1, an image on the new backing file, then its snapshot" '01 02' "$(rebased new.qcow2 | paste -s -d ' ')"
    sees "QEMU $1, an image on no backing file, then its snapshot" '01 00' "$(rebased '' | paste -s -d ' ')"
}

shows 7.2 bookworm 1:7.2+dfsg-7+deb12u18+b3
shows 10.0 trixie 1:10.0.13+ds-0+deb13u1
shows 11.1 trixie 1:11.1.3+ds-2~bpo13+1
