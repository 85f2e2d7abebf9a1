#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kmod 30 (Debian 12) reads settings from files in modprobe.d whose names end in .conf or .alias. kmod 34 (Debian 13) reads
# only .conf, and does not report the other files: an option in x.alias has no effect any more after the upgrade.
. "$(dirname "$0")/packages"

# settings: the options that modprobe has read.
settings() {
    mkdir -p "$root/etc/modprobe.d"
    echo 'options kvm_amd nested=0' >"$root/etc/modprobe.d/a.conf"
    echo 'options kvm_intel nested=0' >"$root/etc/modprobe.d/b.alias"
    inside modprobe --showconfig 2>&1 | grep -E '^options kvm|b\.alias' | paste -s -d ';'
}

unpack bookworm kmod=30+20221128-1
sees 'kmod 30 has read' 'options kvm_amd nested=0;options kvm_intel nested=0' "$(settings)"
unpack trixie kmod=34.2-2
sees 'kmod 34 has read' 'options kvm_amd nested=0' "$(settings)"
