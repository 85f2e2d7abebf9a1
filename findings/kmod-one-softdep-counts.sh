#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# modprobe adds up all `options` lines of a module. Of its `softdep` lines it uses only the first that it has read, and
# ignores the others without a message, though `modprobe --showconfig` lists them all. A softdep that the module itself
# declares (depmod writes it to modules.softdep) is read last. So a softdep line in modprobe.d replaces the module's own one,
# and what the module needs is no longer loaded before it. The manual says neither. In kmod 30 and 34.
. "$(dirname "$0")/packages"

# modules: kernel modules without code. "top" has a softdep on "own".
modules() {
    local name
    mkdir -p "$root/lib/modules/1.0/kernel" "$root/etc/modprobe.d"
    for name in top own first second; do
        cat >"$root/$name.c" <<-C
	#define INFO(id, text) static const char id[] __attribute__((section(".modinfo"), used, aligned(1))) = text
	INFO(name, "name=$name");
	INFO(softdep, "$([ $name != top ] || echo softdep=pre: own)");
	char __this_module[64] __attribute__((section(".gnu.linkonce.this_module")));
	C
        inside gcc -c -o "/lib/modules/1.0/kernel/$name.ko" "/$name.c"
    done
    touch "$root/lib/modules/1.0/modules."{order,builtin,builtin.modinfo}
    inside depmod 1.0
}

# loads LINE...: what modprobe would load with these lines, in this order.
loads() {
    printf '%s\n' "$@" >"$root/etc/modprobe.d/a.conf"
    inside modprobe --set-version 1.0 --show-depends top | sed -E 's,^insmod .*/([a-z]+)\.ko *,\1 ,; s/ $//' | paste -s -d ';'
}

shows() {
    modules
    sees "kmod $1, options twice" 'own;top a=1 b=2' "$(loads 'options top a=1' 'options top b=2')"
    sees "kmod $1, a softdep" 'first;top' "$(loads 'softdep top pre: first')"
    sees "kmod $1, two softdeps" 'first;top' "$(loads 'softdep top pre: first' 'softdep top pre: second')"
    sees "kmod $1, softdeps of top that modprobe shows" 3 "$(inside modprobe --set-version 1.0 --showconfig | grep -c '^softdep top ')"
}

unpack bookworm kmod=30+20221128-1 gcc
shows 30
unpack trixie kmod=34.2-2 gcc
shows 34
