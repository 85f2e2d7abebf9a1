#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# If a snapshot is given no name, libvirt names it after the second in which it is made. A second snapshot within the same
# second gets the same name, and is refused because a snapshot of that name exists.
. "$(dirname "$0")/packages"

# second: what the second of two snapshots, made at once, is answered; the pair is tried again where a second passed between.
second() {
    local try answer
    for try in 1 2 3 4 5; do
        answer=$(inside virsh -q -c test:///default 'snapshot-create test; snapshot-create test' 2>&1)
        [ -z "$answer" ] || break
    done
    sed -E 's/[0-9]{6,}/SECONDS/g' <<<"$answer" | paste -s -d ' '
}

unpack bookworm libvirt-clients=9.0.0-4+deb12u2
sees 'libvirt 9.0 says' 'error: operation failed: domain moment SECONDS already exists' "$(second)"
unpack trixie libvirt-clients=11.3.0-3+deb13u3
sees 'libvirt 11.3 says' 'error: operation failed: domain moment SECONDS already exists' "$(second)"
