#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A `blacklist` line of modprobe.d stops a module that is asked for by an alias, such as a device's. `modprobe NAME` still
# loads the module. modules-load.d exists to load modules that nothing asks for, so a name there should load the module, too.
# But systemd-modules-load leaves out a blacklisted module, and ends with status 0; only a line in the journal says so.
# Neither modules-load.d(5) nor systemd-modules-load(8) mentions it. In systemd 252 and 257. This script can load no module.
. "$(dirname "$0")/packages"

# module: an object without code that libkmod finds for this kernel; a kernel would take it for no module.
module() {
    local folder
    folder=/lib/modules/$(uname -r)
    mkdir -p "$root$folder/kernel" "$root/etc/modprobe.d"
    cat >"$root/module.c" <<'C'
static const char license[] __attribute__((section(".modinfo"), used, aligned(1))) = "license=GPL";
char __this_module[64] __attribute__((section(".gnu.linkonce.this_module")));
C
    inside gcc -c -o "$folder/kernel/finding.ko" /module.c
    touch "$root$folder/modules."{order,builtin,builtin.modinfo}
    inside depmod "$(uname -r)"
    echo finding >"$root/finding.conf"
}

# without CAP_SYS_MODULE, so that a try to load ends there.
loads() {
    inside setpriv --bounding-set=-sys_module env SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info /lib/systemd/systemd-modules-load /finding.conf 2>&1 |
        grep -oE "Failed to insert module 'finding'|Module 'finding' is deny-listed"
    echo "${PIPESTATUS[0]}"
}

shows() {
    unpack "$1" systemd="$2" kmod="$3" gcc util-linux coreutils
    module
    sees "systemd $2, without a blacklist line" "Failed to insert module 'finding', 1" "$(loads | paste -s -d , | sed 's/,/, /')"
    echo 'blacklist finding' >"$root/etc/modprobe.d/finding.conf"
    sees "systemd $2, with it" "Module 'finding' is deny-listed, 0" "$(loads | paste -s -d , | sed 's/,/, /')"
    sees "modprobe finding, of kmod $3" "insmod /lib/modules/$(uname -r)/kernel/finding.ko" "$(inside modprobe --dry-run --verbose finding | sed 's/ *$//')"
}

shows bookworm 252.39-1~deb12u2 30+20221128-1
shows trixie 257.13-1~deb13u1 34.2-2
