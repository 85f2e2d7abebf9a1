# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# S, an emulated Debian that boots from a disk: a pristine system with its own kernel, systemd, udev, AppArmor, libvirt and
# QEMU, under this machine's QEMU, whose processor has SVM. Source it and call system_..., and vm_run, vm_put, vm_stop,
# vm_console of host.sh, which are about its agent, too. There is no network. Each S ends with the shell that started it.
#
# system_image [PACKAGE]...       makes the disk (tests/guest/system-image, with its settings); once, before the first start
# system_start DIR                an S in DIR, booted before and restored now; nothing of virt-nest is in it
# system_boot DIR [ARGUMENT...]   an S whose disk is in DIR, or a new one, from power-on, with these kernel arguments
# system_reboot DIR [ARGUMENT...] by systemctl reboot, to the end of the next boot
# system_cut DIR                  as if the power failed: what S has not flushed to its disk is lost
# system_save DIR FILE            ends S, whose memory and disk become FILE.state and FILE.qcow2
# system_restore DIR FILE         an S that goes on from there
# system_transcript DIR           for a case that failed: console and journal
#
# Settings: BUILD, VM_LIMIT, VM_MEMORY (2G), as for host.sh; SYSTEM_DIR (BUILD/system), where the image is;
# SYSTEM_ARGUMENTS, kernel arguments of each boot
#
# Theory of operation: a disk is an overlay of the image's. A saved S is its memory in a file, and its disk, which others are
# overlays of from then on. /guest of S is a second disk, with L1's kernel and image. The agent is at the other end of a
# port of virtio's, here a pair of named pipes.

# shellcheck source=tests/guest/host.sh
. "$(dirname "${BASH_SOURCE[0]}")/host.sh"
system_images=${SYSTEM_DIR:-$vm_build/system}
system_guest=$vm_build/guest

system_image() {
    "$vm_guest/build" "$system_guest" && BUILD=$vm_build "$vm_guest/system-image" "$system_images" "$@" &&
        system_guest_disk
}

# What L1 boots, as a disk that is made anew when any of it changes.
system_guest_disk() {
    local disk=$system_images/guest.img tree
    ! [ "$disk" -nt "$system_guest/l1.img" ] || ! [ "$disk" -nt "$system_guest/vmlinuz" ] || return 0
    tree=$(mktemp -d) && cp "$system_guest/vmlinuz" "$system_guest/l1.img" "$tree/" && chmod 755 "$tree" &&
        mke2fs -q -F -t ext4 -d "$tree" "$disk.new" 64M >/dev/null && mv "$disk.new" "$disk"
    rm -rf "$tree"
}

# --- QEMU

# udev may take minutes to come to a disk, where others use this machine's processors; systemd would not wait for /guest.
system_arguments="root=/dev/vda ro $vm_arguments systemd.firstboot=off systemd.default_device_timeout_sec=900 ${SYSTEM_ARGUMENTS:-}"

# system_qemu DIR ARGUMENTS [OPTION...]: starts QEMU, which the kernel ends with this shell.
system_qemu() {
    local dir=$1 arguments=$2
    shift 2
    rm -f "$dir"/{agent,monitor}.{in,out}
    mkfifo "$dir"/agent.{in,out} "$dir/monitor.in" && ln -s /dev/null "$dir/monitor.out" && : >"$dir/monitor.log" || return
    (
        host_close_inherited
        # shellcheck disable=SC2046 # options are words
        exec env -u MALLOC_PERTURB_ setpriv --pdeathsig KILL qemu-system-x86_64 $(vm_machine) \
            -kernel "$system_images/vmlinuz" -initrd "$system_images/initrd.img" -append "$system_arguments $arguments" \
            -drive "file=$dir/disk.qcow2,if=virtio,format=qcow2" -drive "file=$system_images/guest.img,if=virtio,format=raw,read-only=on" \
            -device virtio-rng-pci -device virtio-serial-pci -chardev "pipe,id=agent,path=$dir/agent" \
            -device virtserialport,chardev=agent,name=nest \
            -chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
            -chardev "pipe,id=monitor,path=$dir/monitor,logfile=$dir/monitor.log" -mon chardev=monitor,mode=readline "$@"
    ) </dev/null >"$dir/qemu.log" 2>&1 &
    disown $!
    echo "$! $(host_process_stamp $!)" >"$dir/pid"
}

# system_disk DIR BACKING FORMAT: a disk for a new S, unless it has one.
system_disk() {
    mkdir -p "$1"
    [ -e "$1/disk.qcow2" ] || qemu-img create -q -f qcow2 -b "$2" -F "$3" "$1/disk.qcow2"
}

# --- boot

# Until the boot has come to its end: until then units are still being started, and udev may yet load KVM's module.
system_booted() {
    local line
    line=$(vm_receive "$1" 900) && [ "$line" = ready ] || vm_error "the agent in $1 is not ready but says ${line:-nothing}" || return
    VM_LIMIT=900 vm_run "$1" 'systemctl is-system-running --wait >/dev/null; udevadm settle --timeout=600; state=$(systemctl is-system-running)
        [ "$state" = running ] || { echo "the system is $state:"; systemctl list-jobs; systemctl --failed --no-legend --plain |
            while read -r unit _; do journalctl --no-pager -b -u "$unit" | tail -n 20; done; exit 1; }' >&2
}

system_boot() {
    local dir=$1
    shift
    system_disk "$dir" "$(realpath "$system_images/disk.img")" raw && system_qemu "$dir" "$*" && system_booted "$dir"
}

# QEMU ends where a machine would be reset.
system_reboot() {
    vm_run "$1" 'systemctl --no-block reboot' && host_wait 900 vm_gone "$1" || vm_error "$1 does not go down" || return
    system_boot "$@"
}

system_cut() { vm_stop "$1"; }

# --- saved

# system_write_state DIR STATE: the memory to a file, while S stands still, and QEMU ends, so that its disk is complete.
system_write_state() {
    vm_run "$1" sync && vm_monitor "$1" stop && vm_write "$1" "$2" 120 || vm_error "$1 was not saved: $(tail -n 5 "$1"/{monitor,qemu}.log)"
}

# system_read_state DIR STATE: what a saved S cannot know is the time of day.
system_read_state() {
    system_qemu "$1" '' -incoming "exec:cat '$2'" && host_wait 120 system_restored "$1" && vm_monitor "$1" cont &&
        host_wait 60 vm_runs "$1" && vm_run "$1" "date -s @$(date +%s) >/dev/null"
}
system_restored() {
    vm_monitor "$1" 'info status'
    vm_gone "$1" || grep -qs 'VM status: paused$' <(tr -d '\r' <"$1/monitor.log")
}

# One that is saved again begins a new overlay; the one before stays below it.
system_save() { system_write_state "$1" "$2.state" && mv "$1/disk.qcow2" "$2.qcow2"; }
system_restore() { system_disk "$1" "$2.qcow2" qcow2 && system_read_state "$1" "$2.state"; }

# Names the state by all that is in it.
system_state() {
    local key
    key=$({ realpath "$system_images/disk.img"; cat "$system_guest/l1.img"; qemu-system-x86_64 --version; vm_machine
        echo "$system_arguments"; declare -f system_need_state system_write_state vm_write system_qemu; } | sha256sum | cut -c 1-16)
    echo "$vm_build/cache/booted-$(basename "$(realpath "$system_images")")-$key"
}

# system_need_state PATH: boots, lets libvirt learn what QEMU can do, and saves that. One is kept of each image, the newest.
system_need_state() {
    (
        flock 8
        [ ! -e "$1.state" ] || exit 0
        rm -f "${1%-*}"-????????????????.* # not those of system-selinux, whose name begins with system, too
        dir=$(mktemp -d /tmp/virt-nest-system.XXXXXX) && system_boot "$dir" &&
            VM_LIMIT=300 vm_run "$dir" 'for type in kvm qemu; do virsh domcapabilities --virttype $type; done && virsh capabilities' >"$dir/probed" &&
            system_save "$dir" "$1.new" && mv "$1.new.qcow2" "$1.qcow2" && mv "$1.new.state" "$1.state" ||
            vm_error "S was not saved: $(tail -n 20 "$dir"/*.log)" || exit
        rm -rf "$dir"
    ) 8>"$vm_build/cache/system-state.lock"
}

system_start() {
    local state
    state=$(system_state) && system_need_state "$state" && system_restore "$1" "$state"
}

# --- what a failing case shows

system_transcript() {
    echo "--- S: console" && vm_console "$1" | tail -n 30
    # shellcheck disable=SC2016 # expanded in S
    VM_LIMIT=60 vm_run "$1" '
        echo "--- S: journal"; journalctl --no-pager -b -o short-monotonic -n 80 | cut -c 1-200
        for log in /var/log/libvirt/qemu/*.log /var/log/l1/*.log; do
            [ ! -s "$log" ] || { echo "--- S: $log"; tr -d "\r" <"$log" | grep -v " \\\\$" | tail -n 20; }
        done'
}
