# shellcheck shell=bash
# The words for guarded L1s whose L2 starts and ends when told, in one emulated host for all cases of a script.
# Source it in tier.sh's place; each case begins with `stay_on`.
#
# A lab is an L1 by name: one that is called later... has a kernel of 6.12 or later, which sets EFER.SVME when kvm
# is loaded; the others have the usual one, 6.1 on Debian 12.
. "$(dirname "${BASH_SOURCE[0]}")/tier.sh"

setup() { vm_image && vm_need_state "$(vm_state)" && guarding_host; } >&2

# guarding_host: powered on, with nesting, virtnestd, a short linger time, and an empty disk for L1s.
guarding_host() {
    trap 'vm_stop "$host"; rm -rf "$scratch"' EXIT
    vm_host_start "$host" || return
    qemu-img create -q -f qcow2 "$scratch/disk" 16M
    gzip -c "$scratch/disk" | vm_put "$host" /root/disk.gz
    inside 'mkdir -p /etc/virt-nest /var/lib/libvirt/images && printf "[guard]\nlinger=5\n" >/etc/virt-nest/virt-nest.conf'
    reload nested=1 && virtnestd_start
}

# lab NAME: running, with kvm loaded and no L2, and no other L1 beside it, as H has one processor. What an
# earlier case left so is taken as it is.
lab() {
    local guest=/guest
    ! quiet "$1" || return 0
    inside "for one in usual later; do virsh destroy \$one; virsh undefine --managed-save --snapshots-metadata \$one; done
        gunzip -c /root/disk.gz >/var/lib/libvirt/images/$1.qcow2; : >/var/log/l1/$1.log" >/dev/null 2>&1
    case $1 in later*) guest=/guest/later ;; esac
    define "$1" METADATA="$tag" CMDLINE='nest.l2=none nest.end=shell' GUEST="$guest" \
        DEVICES="<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/$1.qcow2'/><target dev='vda' bus='virtio'/></disk>"
    inside "virsh start $1; until grep 'L1: ready' /var/log/l1/$1.log; do sleep 0.2; done"
}

say() { vm_say "$host" "$@"; }

# --- what the guard says

# shown NAME PATTERN: in the live marker, whose attributes are in the order why, probe, guard, since, nested.
shown() { inside "virsh dumpxml $1 | grep '<neststate:live .*$2'"; }
becomes() { soon "virsh dumpxml $1 | grep '<neststate:live .*$2'"; }
quiet() { shown "$1" 'guard="off".*nested="no"' 2>/dev/null; }
armed() { becomes "$1" 'guard="armed"'; }
disarmed() { becomes "$1" 'guard="off"'; }

# clean NAME: there is no node and no file.
clean() {
    inside "virsh qemu-monitor-command $1 '{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}' >/tmp/nodes"
    inside 'grep return /tmp/nodes' | lacks nested-guests-running
    [ -z "$(inside "find /var/lib/libvirt/qemu -name '*nested*'")" ]
}

# --- L2

# ticks_on NAME: its L2 prints more.
ticks_on() {
    inside "ticks() { grep -c 'L2: tick\$' /var/log/l1/$1.log; }
        before=\$(ticks); until [ \"\$(ticks)\" -gt \"\$before\" ]; do sleep 0.1; done"
}

# nested NAME...: starts an L2 that prints all the time; back when it does, and the guard is armed.
nested() {
    local name
    for name; do say "$name" 'l2 tick'; done
    for name; do ticks_on "$name"; done
    for name; do armed "$name"; done
}

# ended NAME...: stops the L2.
ended() {
    local name
    for name; do inside ": >/var/log/l1/$name.log" && say "$name" stop; done
    for name; do l1_says "$name" 'L1: L2 exit'; done
}
