# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A small /dev for a root of its own, where a test runs in namespaces. Source it.

# mount_devices DIR [NODE...]: the usual ones, these of the machine as well, and terminals of its own; no disk.
mount_devices() {
    local dir=$1 node
    shift
    mount -n -t tmpfs -o mode=755 dev "$dir"
    for node in null zero full random urandom tty "$@"; do
        : >"$dir/$node"
        mount -n --bind "/dev/$node" "$dir/$node"
    done
    mkdir "$dir/pts" "$dir/shm"
    mount -n -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dir/pts"
    mount -n -t tmpfs -o mode=1777 shm "$dir/shm"
    ln -s pts/ptmx "$dir/ptmx"
    ln -s /proc/self/fd "$dir/fd"
    for node in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${node%:*}" "$dir/${node#*:}"; done
}
