# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The words of the tests under a booted systemd: systemd, logind, libvirtd, libvirt-guests and virt-nest are this
# machine's and run in a container of systemd-nspawn, on top of its files, which stay as they are. Source it after
# labs.sh, in whose place its setup, before_case and teardown come.

# What the container starts: what an administrator would have enabled.
started='dbus.service systemd-logind.service libvirtd.service libvirt-guests.service virtnestd.service virt-nest-drain.service'

cgroup=$(sed -n 's,^0::/,,p' /proc/self/cgroup) # in which nspawn makes its own

# put_virt_nest STAGE: what of virt-nest is there when the machine boots; /lib is a link there.
put_virt_nest() {
    flock "$BUILD" make -s install BUILD="$BUILD" DESTDIR="$1" PREFIX=/usr/local unitdir=/usr/lib/systemd/system
}

setup() {
    local package stage=$scratch/stage
    package=$(tests/guest/libvirt-package) || return
    put_virt_nest "$stage" >"$scratch/install.log" 2>&1 || { cat "$scratch/install.log" >&2; return 1; }
    mkdir -p "$host"/{root,log,journal,save,var/tmp} "$host"/etc/{default,libvirt/{hooks,qemu}} "$stage/usr/lib/systemd/system" \
        "$stage"/etc/{systemd,virt-nest}
    cp "$package"/lib/systemd/system/* "$stage/usr/lib/systemd/system/"
    cp -r "$package/var" "$stage/"
    cp -r "$package/etc/apparmor.d" "$stage/etc/"
    printf '[Unit]\nWants=%s\nAfter=%s\n' "$started" "$started" >"$stage/usr/lib/systemd/system/nest.target"
    # As long as the guest takes; logind's own five seconds are too short for any.
    mkdir -p "$stage/etc/systemd/logind.conf.d"
    printf '[Login]\nInhibitDelayMaxSec=120\n' >"$stage/etc/systemd/logind.conf.d/nest.conf"
    printf '[guard]\nlinger=2\n' >"$stage/etc/virt-nest/virt-nest.conf"
    host_write_conf "$host" nested
    sed -i 's,^log_outputs = .*,log_outputs = "3:stderr",' "$host/etc/libvirt/libvirtd.conf" # into the journal
    # QEMU is another user, as on a real host: what virtnestd may do to its files and processes is its units' to grant.
    sed -i 's/^\(user\|group\) = .*/\1 = "libvirt-qemu"/; s/^dynamic_ownership = .*/dynamic_ownership = 1/' "$host/etc/libvirt/qemu.conf"
    install -d -o 64055 "$stage/var/lib/prometheus/node-exporter"
    [ ! -d "$stage/etc/libvirt" ] || cp -a "$stage/etc/libvirt/hooks" "$host/etc/libvirt/"
    printf 'ON_SHUTDOWN=suspend\nON_BOOT=ignore\n' >"$host/etc/default/libvirt-guests"
    exec 9</sys/fs/cgroup && flock 9 # one such container in a cgroup: other roots of this machine have the same ones
    boot
} >&2
before_case() { :; }
teardown() {
    switched_off || { kill -KILL "$machine" && wait "$machine"; } 2>/dev/null
    # What nspawn has made for itself and the container, below our own.
    find /sys/fs/cgroup/{,unified/,systemd/}"${cgroup:+$cgroup/}"{payload,supervisor} -depth -type d -exec rmdir {} + 2>/dev/null
    [ -n "${KEEP:-}" ] || rm -rf "$scratch"
}

# boot: until all of it has started, but for what a system does once after an update of its packages. nspawn wants
# another root than ours, and finds it in a mount namespace; in a PID namespace of its own all of it ends with what is
# remembered.
boot() {
    # shellcheck disable=SC2016 # expanded there
    setpriv --pdeathsig KILL unshare -m -p -f --kill-child --mount-proc sh -c 'mount --bind / "$1/root" && exec systemd-nspawn \
        --quiet --register=no --keep-unit --volatile=overlay --directory="$1/root" --private-network \
        --bind-ro="$2:/srv/stage" --bind-ro="$3:/srv/guest" --bind-ro="$4:/srv/source" --bind-ro="$5:/srv/build" \
        --bind="$1/log:/srv/log" --bind="$1/var/tmp:/srv/tmp" \
        --bind="$1/journal:/var/log/journal" --bind="$1/save:/var/lib/libvirt/qemu/save" \
        --bind="$1/etc/libvirt:/etc/libvirt" --bind="$1/etc/default:/etc/default" \
        /bin/sh -c "cp -a /srv/stage/. / && { id libvirt-qemu ||
            { echo libvirt-qemu:x:64055:64055::/:/bin/false >>/etc/passwd; echo libvirt-qemu:x:64055: >>/etc/group; }; }
            touch /etc/.updated /var/.updated; exec /lib/systemd/systemd --unit=nest.target"' \
        sh "$host" "$scratch/stage" "$NEST_GUEST" "$PWD" "$BUILD" >"$host/console" 2>&1 </dev/null 9>&- &
    machine=$!
    host_wait 120 on systemctl is-active nest.target >/dev/null 2>&1 || { cat "$host/console"; return 1; }
}

child() { tr -d ' ' <"/proc/$1/task/$1/children"; }
# Its init is the child of nspawn, which is the child of unshare.
on() { nsenter -a -t "$(child "$(child "$machine")")" "$@"; }
switched_off() { ! [ -e "/proc/$machine" ]; }
virsh() { on virsh "$@"; }
# Its journal outlives it. log [UNIT]: what a unit's processes say.
log() { journalctl --no-pager -o cat -D "$host/journal" ${1:+_SYSTEMD_UNIT="$1.service"}; }
logged() { log | grep -E "$1"; }
said_by() { log "$1" | grep -xE "$2"; }

# amd_host: an AMD host with nesting on, of which only the kernel's side is laid out: CPU, module and /dev/kvm.
amd_host() {
    on env PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec 'cp -r /srv/source/tests/fakes/hosts/amd-on /run/fake
        echo quiet >/run/fake/proc/cmdline
        touch /dev/kvm && chmod 660 /dev/kvm && mount -o remount,rw /sys && mkdir -p /sys/module
        mount --bind /run/fake/sys/module /sys/module
        mount --bind /run/fake/proc/cpuinfo /proc/cpuinfo && mount --bind /run/fake/proc/cmdline /proc/cmdline'
}

# run_lab NAME: a tagged L1, with an L2 in it, and the guard armed.
run_lab() {
    consoles=$host/log
    host_console "$host" "$1"
    domain_xml lab "$1" METADATA="$tag" KERNEL=/srv/guest/vmlinuz INITRD=/srv/guest/l1.img LOG="/srv/log/$1" \
        CMDLINE='nest.l2=none nest.end=shell' >"$host/var/tmp/$1.xml"
    virsh define "/srv/tmp/$1.xml"
    eventually has_svm "$1"
    virsh start "$1"
    boots "$1"
    nested "$1"
}

# --- of packages

# judged NAME: libvirt calls the hook, which refuses a start that the tag does not allow.
judged() {
    domain_xml plain "$1" METADATA='<nest:enable xmlns:nest="urn:virt-nest:1" cpu="no such"/>' >"$host/var/tmp/$1.xml"
    virsh define "/srv/tmp/$1.xml"
    refused virsh start "$1"
    says 'NEST-TAG'
    virsh undefine "$1"
}

# running_other PID: another virtnestd than this one runs.
running_other() { local now; now=$(on systemctl show --value -p MainPID virtnestd) && [ "$now" != 0 ] && [ "$now" != "$1" ]; }
