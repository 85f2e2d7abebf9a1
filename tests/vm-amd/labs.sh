# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The words for guarded L1s whose L2 starts and ends when told, in one emulated host for all cases of a script.
# Source it in tier.sh's place; each case begins with `stay_on`.
#
# A lab is an L1 by name: one that is called later... has a kernel of 6.12 or later, which sets EFER.SVME when kvm
# is loaded; the others have the usual one of the release, told not to do that where it would.
#
# There can be a second libvirt with a virtnestd in H, where labs migrate to and from; `there` before one of
# these words has it act in the second libvirt.
. "$(dirname "${BASH_SOURCE[0]}")/tier.sh"

setup() { vm_image && vm_need_state "$(vm_state)" && { guarding_host || { is_replayed && guarding_host; }; }; } >&2

# A host that has hung is replaced.
before_case() { [ ! -e "$host/hung" ] || guarding_host; } >&2

# guarding_host: powered on, with nesting, virtnestd, a short linger time, and an empty disk for L1s.
guarding_host() {
    trap 'vm_stop "$host"; rm -rf "$scratch"' EXIT
    vm_stop "$host" && rm -rf "$host" && vm_host_start "$host" ${VM_ICOUNT:+booted} || return
    qemu-img create -q -f qcow2 "$scratch/disk" 16M
    gzip -c "$scratch/disk" | vm_put "$host" /root/disk.gz
    inside 'mkdir -p /etc/virt-nest /var/lib/libvirt/images && printf "[guard]\nlinger=5\ninterval=0.3\n" >/etc/virt-nest/virt-nest.conf'
    reload nested=1 && hurry && virtnestd_start
}

# hurry: what libvirt has found out about QEMU loses one flag, without which it does not ask each QEMU for 400
# properties of its CPU. That is half of a start's time here, and of use to host-model alone.
hurry() {
    inside 'virsh domcapabilities --virttype kvm >/dev/null
        sed -i "/<flag name=.cpu-unavailable-features.\/>/d" /var/cache/libvirt/qemu/capabilities/*.xml'
    libvirtd_again
}

# lab NAME: running, with kvm loaded and no L2, and no other L1 beside it, as H has one processor. What an
# earlier case left so is taken as it is.
lab() {
    local guest=/guest early=''
    ! quiet "$1" || return 0
    inside "for libvirt in qemu:///system '$peer'; do
            for one in usual later; do
                virsh -c \"\$libvirt\" \"destroy \$one; undefine --managed-save --snapshots-metadata \$one\"
            done
        done
        gunzip -c /root/disk.gz >/var/lib/libvirt/images/$1.qcow2; : >/var/log/l1/$1.log" >/dev/null 2>&1
    case $1 in later*) guest=/guest/later early=' kvm.enable_virt_at_load=1' ;; esac
    define "$1" METADATA="$tag" CMDLINE='nest.l2=none nest.end=shell nest.button=poweroff'"$early" GUEST="$guest" MEMORY=112 \
        DEVICES="$(disk_xml "/var/lib/libvirt/images/$1.qcow2")"
    inside "virsh start $1; until grep 'L1: ready' /var/log/l1/$1.log; do sleep 0.2; done"
}

say() { vm_say "$host" "$@"; }

# What leads a guest away, of the domain usual.
away=(
    'save usual /var/tmp/usual.save'
    'managedsave usual'
    'dump usual /var/tmp/usual.dump'
    'snapshot-create-as usual internal'
    'snapshot-create-as usual external --memspec file=/var/tmp/usual.memory,snapshot=external'
    'migrate --live --unsafe usual qemu:///system'
    'migrate --live --unsafe --p2p usual qemu+tcp://192.0.2.1/system'
    'migrate --live --unsafe --p2p --tunnelled usual qemu+tcp://192.0.2.1/system'
)

# stays COMMAND...: each, of virsh, is refused, and names the node.
stays() {
    local command
    for command; do
        refused inside "virsh $command"
        says virt-nest-nested-guests-running
    done
}

# --- the second libvirt

# From either of the two the other one.
peer='qemu+unix:///system?socket=/peer/libvirt/libvirt-sock'

# there COMMAND...: one of the words here, where the second libvirt is.
there() {
    local is_there=yes
    "$@"
}

# inside SCRIPT: as in tier.sh, or where the second libvirt is.
inside() {
    local script=$1
    [ -z "${is_there:-}" ] ||
        script="nsenter -t \$(cat /peer/libvirtd.pid) -m -u sh -c \"\$(echo $(base64 -w 0 <<<"$1") | base64 -d)\""
    vm_run "$host" "$script"
}

# second_libvirt: runs, and a virtnestd with it. The labs' disks and consoles are the first one's.
second_libvirt() {
    ! inside '[ -e /peer ]' || return 0
    inside 'set -e
        mkdir -p /peer /second/run/lock /second/log/libvirt /second/log/l1 /second/lib/images
        cp -r /etc/libvirt /second/etc && rm -f /second/etc/qemu/*.xml
        cp -r /var/cache/libvirt /second/cache
        echo "host_uuid = \"5e1f0d5c-6a3e-4c0e-9a52-0d1f2b3c4d5e\"" >>/second/etc/libvirtd.conf
        echo "stdio_handler = \"file\"" >>/second/etc/qemu.conf
        echo "127.0.0.1 localhost host second" >/etc/hosts && echo "hosts: files" >>/etc/nsswitch.conf
        mount --bind /second/run /peer
        cat >/second/begin <<"END"
            mount --bind /run /peer && mount --bind /second/run /run
            mount --bind /var/log/l1 /second/log/l1 && mount --rbind /second/log /var/log
            mount --bind /var/lib/libvirt/images /second/lib/images && mount --rbind /second/lib /var/lib/libvirt
            mount --bind /second/etc /etc/libvirt && mount --bind /second/cache /var/cache/libvirt
            hostname second
            exec libvirtd
END
        (setsid unshare -m -u sh -e /second/begin </dev/null >/second/log/libvirtd.log 2>&1 &)'
    inside "until virsh -c '$peer' list; do sleep 0.1; done" >/dev/null 2>&1
    there virtnestd_start
}

# crosses NAME [OPTION...]: migrates to the other libvirt.
crosses() {
    inside "virsh migrate --live --unsafe --persistent --undefinesource ${*:2} $1 '$peer' --migrateuri tcp://127.0.0.1"
}

# --- what the guard says

# shown NAME PATTERN: in the live status, whose attributes are in the order why, probe, guard, since, nested.
shown() { inside "virsh dumpxml $1 | grep '<neststate:live .*$2'"; }
becomes() { soon "virsh dumpxml $1 | grep '<neststate:live .*$2'"; }
quiet() { shown "$1" 'guard="off".*nested="no"' 2>/dev/null; }
armed() { becomes "$1" 'guard="armed"'; }
disarmed() { becomes "$1" 'guard="off"'; }

# clean NAME: there is no node and no file.
clean() {
    inside "virsh qemu-monitor-command $1 '{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}' >/tmp/nodes"
    inside 'grep return /tmp/nodes' | lacks virt-nest-nested-guests-running
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
