#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PCI device's `addr` is a slot as a hex string, such as "10" for slot 16. QEMU also accepts a JSON number there. In
# `-device JSON` the number combines slot and function, with eight functions to a slot: 16 is slot 2. In QMP, device_add of
# QEMU 7.2 turns the number into the string "16", which is slot 22; device_add of 10.0 keeps the types of all values, and
# reads the number as -device does. So in 7.2 the same JSON has two meanings. If a program passes numbers to device_add, an
# upgrade moves its devices to other slots, without an error if these are free, and a guest then finds its network card under
# another name. Seen with 7.2, 10.0 and 11.1.
. "$(dirname "$0")/packages"

# slot WAY: of a device of which `addr` is 16.
slot() {
    local device='{"driver":"virtio-rng-pci","id":"device","addr":16}' by_command=()
    [ "$1" != -device ] || by_command=(-device "$device")
    {
        echo '{"execute":"qmp_capabilities"}'
        [ "$1" != device_add ] || echo '{"execute":"device_add","arguments":'"$device"'}'
        echo '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/device","property":"addr"}}'
        echo '{"execute":"quit"}'
    } | inside qemu-system-x86_64 -M pc -m 16 -nodefaults -display none -S -qmp stdio "${by_command[@]}" |
        sed -n 's/{"return": \([0-9]*\)}\r*$/\1/p' | awk '{ print int($1 / 8) }'
}

# shows RELEASE SLOT SUITE PACKAGE=VERSION...
shows() {
    unpack "${@:3}"
    sees "QEMU $1, slot of \"addr\": 16 by -device" 2 "$(slot -device)"
    sees "QEMU $1, slot of \"addr\": 16 by device_add" "$2" "$(slot device_add)"
}

shows 7.2 22 bookworm qemu-system-x86=1:7.2+dfsg-7+deb12u18+b3 seabios
shows 10.0 2 trixie qemu-system-x86=1:10.0.13+ds-0+deb13u1 seabios
shows 11.1 2 trixie qemu-system-{x86,common,data}=1:11.1.3+ds-2~bpo13+1 seabios=1.17.0-1~bpo13+1
