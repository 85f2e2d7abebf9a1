#!/bin/bash
# What HMP's `info migrate` prints changes between releases, which its documentation allows: QEMU 10.0 says "Migration
# status: completed", 11.1 "Status: completed". A script that reads it waits for ever. QMP's query-migrate stays.
. "$(dirname "$0")/packages"

says() {
    printf '%s\n' 'migrate exec:cat>/dev/null' 'info migrate' quit |
        inside qemu-system-x86_64 -nodefaults -display none -M none -S -monitor stdio 2>&1 | tr -d '\r' |
        grep -oE '(Migration status|Status):[[:space:]]*completed' | tr -s '[:space:]' ' ' | head -n 1
}

unpack trixie qemu-system-x86=1:10.0.13+ds-0+deb13u1
sees 'QEMU 10.0 says' 'Migration status: completed' "$(says)"
unpack trixie qemu-system-x86=1:11.1.3+ds-1~bpo13+1 qemu-system-common=1:11.1.3+ds-1~bpo13+1 qemu-system-data=1:11.1.3+ds-1~bpo13+1
sees 'QEMU 11.1 says' 'Status: completed' "$(says)"
