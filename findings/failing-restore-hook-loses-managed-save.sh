#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt 11.3: if the qemu hook fails at `restore` while a domain is started from its managed save, libvirt deletes the saved
# guest. The domain stays shut off, and virsh says that it was started. With 9.0 the start fails, and the saved guest stays.
# So with 11.3 a hook that refuses at `restore` loses guests. If the hook fails at `prepare`, both releases keep the saved
# guest.
. "$(dirname "$0")/packages"

# prepare: a host in $root, with a hook and a domain without disk or kernel, whose firmware runs.
prepare() {
    mkdir -p "$root/var"
    rm -rf "$root/var/run" && ln -s ../run "$root/var/run"
    ln -sf dash "$root/bin/sh"
    mkdir -p "$root"/{proc,sys,etc/libvirt/hooks,var/{tmp,log/libvirt}}
    printf '%s:x:0:0::/:/bin/sh\n' root libvirt-qemu >"$root/etc/passwd"
    printf '%s:x:0:\n' root kvm libvirt libvirt-qemu >"$root/etc/group"
    printf '%s\n' 'user = "root"' 'group = "root"' 'dynamic_ownership = 0' 'security_driver = "none"' 'cgroup_controllers = [ ]' \
        'namespaces = [ ]' 'stdio_handler = "file"' >"$root/etc/libvirt/qemu.conf"
    printf 'auth_unix_rw = "none"\n' >"$root/etc/libvirt/libvirtd.conf"
    # shellcheck disable=SC2016 # expanded there
    printf '#!/bin/sh\ncat >/dev/null\n[ "$2" != "$(cat /failing)" ]\n' >"$root/etc/libvirt/hooks/qemu"
    chmod 755 "$root/etc/libvirt/hooks/qemu"
    echo "<domain type='qemu'><name>lab</name><memory unit='MiB'>32</memory><os><type>hvm</type></os></domain>" >"$root/lab.xml"
    # What a root of packages alone has not, libvirtd, and the start in question.
    cat >"$root/run.sh" <<'RUN'
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/urandom c 1 9
mkdir /dev/shm
echo none >/failing
libvirtd --daemon || exit
for try in $(seq 200); do virsh -q version >/dev/null 2>&1 && break; sleep 0.1; done
virsh -q define /lab.xml && virsh -q start lab && virsh -q managedsave lab || exit
echo "$1" >/failing
virsh -q start lab >/answer 2>&1
status=$?
echo "status $status, $(virsh -q domstate lab | head -n 1), saved guest: $(virsh -q dominfo lab | sed -n 's/Managed save: *//p')"
virsh -q destroy lab
virsh -q undefine lab --managed-save
RUN
}

# outcome OPERATION: of a start from a managed save at which the hook fails at this.
outcome() { unshare --mount --pid --net --ipc --fork --kill-child chroot "$root" /bin/sh /run.sh "$1" 2>>"$folder/log" | tail -n 1; }

# shows RELEASE SUITE LIBVIRT QEMU RESTORE PREPARE
shows() {
    unpack "$2" {libvirt-daemon,libvirt-daemon-driver-qemu,libvirt-clients}="$3" qemu-system-x86="$4" seabios ipxe-qemu dash coreutils mount sed grep
    prepare
    sees "libvirt $1, a hook that fails at restore" "$5" "$(outcome restore)"
    sees "libvirt $1, a hook that fails at prepare" "$6" "$(outcome prepare)"
}

kept='status 1, shut off, saved guest: yes'
shows 9.0 bookworm 9.0.0-4+deb12u2 1:7.2+dfsg-7+deb12u18+b3 "$kept" "$kept"
shows 11.3 trixie 11.3.0-3+deb13u3 1:10.0.13+ds-0+deb13u1 'status 0, shut off, saved guest: no' "$kept"
