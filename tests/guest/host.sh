# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# H, an emulated host for tests: a stock kernel with kvm_amd, libvirtd, virsh and virt-nest under QEMU's TCG,
# whose processor has SVM though this machine has none. Source it and call vm_...; nobody's KVM or libvirt
# is used, there is no network, and each H ends with the shell that started it.
#
# vm_image                   builds what H boots (tests/guest/host-image); once, before the first start
# vm_host_start DIR [VARIANT]  an H whose files are in DIR; VARIANT is restored (default), booted, no-svm
# vm_run DIR SCRIPT          runs sh SCRIPT in H as root: its output and its status; VM_LIMIT=SECONDS (60)
# vm_put DIR PATH            standard input becomes a file in H
# vm_reboot DIR [ARGUMENT...]  H boots again with its /etc and definitions, and with these kernel arguments
# vm_stop DIR                ends it; what it wrote stays in DIR
# vm_console DIR, vm_transcript DIR   the console of H; the same with those of L1 and the daemons' logs
# vm_domain NAME [KEY=VALUE...]       the XML of a kvm domain that boots L1
# vm_define DIR NAME [KEY=VALUE...]   defines it in H, with what its console wants
# vm_say DIR NAME LINE                a line for its console (tests/guest/l1-init)
#
# Settings: BUILD (build); VM_LIMIT, seconds for one script; VM_MEMORY (2G); VM_KERNEL, another kernel to boot; VM_ICOUNT=1: an
# instruction takes a nanosecond of H's time, whatever it takes outside (variant booted only)
#
# Theory of operation: to boot takes long under TCG. So one H of each image is booted, with libvirtd running, QEMU's
# capabilities known and kvm_amd loaded with nested=0, and its state is saved in BUILD/cache, in a file whose name is a
# checksum of all that went into it. Every H that is restored starts from there. The agent of host-init is at the other
# end of the second serial port, here a pair of named pipes.

vm_guest=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_build=$(realpath "${BUILD:-build}")
vm_images=$vm_build/host
# shellcheck source=tests/libvirt/private-host.sh
. "$vm_guest/../libvirt/private-host.sh"

vm_error() {
    echo "vm: $*" >&2
    return 1
}

vm_image() { NEST_HOST_MORE=1 BUILD=$vm_build "$vm_guest/host-image" "$vm_images" "$@"; }

# --- QEMU

# What a saved state is only good for. Without -cx16 newer kernels panic now and then. One processor: with two, that
# QEMU runs side by side, the kernel patches its own code whenever the first KVM guest comes or the last one goes, and
# now and then QEMU 7.2 goes on with what it had translated before, an int3, for ever (seen in __schedule).
vm_machine() {
    local speed='-accel tcg,thread=multi'
    [ -z "${VM_ICOUNT:-}" ] || speed='-accel tcg,thread=single -icount shift=0,sleep=off'
    echo -nodefaults -no-user-config -display none -nic none -no-reboot -machine q35 $speed \
        -smp 1 -m "${VM_MEMORY:-2G}" -cpu "${1:-max,-cx16}"
}

vm_arguments='console=ttyS0 panic=-1 quiet mitigations=off no_timer_check tsc=reliable transparent_hugepage=never'

# vm_qemu DIR CPU ARGUMENTS [OPTION...]: starts QEMU, which the kernel ends with this shell.
vm_qemu() {
    local dir=$1 cpu=$2 arguments=$3 initrd=$vm_images/host.img
    shift 3
    [ ! -e "$dir/host.img" ] || initrd=$dir/host.img
    mkdir -p "$dir" && rm -f "$dir"/{agent,monitor}.{in,out} || return
    mkfifo "$dir"/agent.{in,out} "$dir/monitor.in" && ln -s /dev/null "$dir/monitor.out" || return
    (
        host_close_inherited
        # shellcheck disable=SC2046 # options are words
        exec env -u MALLOC_PERTURB_ setpriv --pdeathsig KILL qemu-system-x86_64 $(vm_machine "$cpu") \
            -kernel "${VM_KERNEL:-$vm_images/vmlinuz}" -initrd "$initrd" -append "$vm_arguments $arguments" \
            -chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
            -chardev "pipe,id=agent,path=$dir/agent" -serial chardev:agent \
            -chardev "pipe,id=monitor,path=$dir/monitor,logfile=$dir/monitor.log" -mon chardev=monitor,mode=readline "$@"
    ) </dev/null >"$dir/qemu.log" 2>&1 &
    disown $!
    echo "$! $(host_process_stamp $!)" >"$dir/pid"
}

# vm_alive DIR, vm_gone DIR: does QEMU run?
vm_alive() { host_alive "$1"; }
vm_gone() { ! host_alive "$1"; }

vm_monitor() { printf '%s\n' "$2" 1<>"$1/monitor.in"; }

vm_stop() {
    local pid
    vm_alive "$1" || return 0
    read -r pid _ <"$1/pid"
    kill -KILL "$pid"
    host_wait 10 vm_gone "$1" || vm_error "QEMU of $1 does not end"
}

# --- the agent

# vm_receive DIR SECONDS: the next line that the agent says.
vm_receive() {
    local end=$((SECONDS + $2)) part line=
    until IFS= read -r -t 1 part; do
        line+=$part
        [ -e "/proc/$$" ] || return # the test was killed, and this is its case
        vm_alive "$1" || vm_error "QEMU of $1 ended: $(tail -n 3 "$1/qemu.log" "$1/console.log")" || return
        [ "$SECONDS" -le "$end" ] ||
            vm_error "no answer from the agent in $1 in $2 s; its console: $(tail -n 5 "$1/console.log")" || return
    done <>"$1/agent.out"
    printf '%s\n' "$line$part"
}

# vm_hangs DIR: an H that runs and does not answer; what its processor does is left in DIR/hung. The agent ends each script
# in time, so it is the emulated machine that hangs: now and then one does under QEMU's TCG.
vm_hangs() {
    local question
    vm_alive "$1" || return
    for question in registers registers lapic pic; do
        vm_monitor "$1" "info $question"
        sleep 0.5
    done
    grep -v $'\e' "$1/monitor.log" | tail -n 150 | tr -d '\r' >"$1/hung" # but for what was typed
}

# vm_run DIR SCRIPT: the agent ends the script in time; the half minute more is for an H that is stuck.
vm_run() {
    local limit=${VM_LIMIT:-60} id=$BASHPID.$RANDOM answer=
    vm_alive "$1" || vm_error "no H runs in $1: $(tail -n 3 "$1/qemu.log" 2>&1)" || return
    [ ! -e "$1/hung" ] || vm_error "H in $1 hangs" || return 125
    printf '%s %s %s\n' "$id" "$limit" "$(printf '%s\n' "$2" | base64 -w 0)" 1<>"$1/agent.in"
    until [ "${answer%% *}" = "$id" ]; do
        answer=$(vm_receive "$1" $((limit + 30))) || { vm_hangs "$1"; return 125; }
    done
    read -r _ status answer <<<"$answer"
    base64 -d <<<"$answer"
    [ "$status" != 137 ] || vm_error "ended after $limit s in $1: $2"
    return "$status"
}

vm_put() { vm_run "$1" "base64 -d >'$2' <<'END'"$'\n'"$(base64)"$'\n'END; }

# --- start

# vm_booted DIR: back when libvirtd answers in it.
vm_booted() {
    local line
    line=$(vm_receive "$1" "${VM_ICOUNT:+1}300") || return
    [ "$line" = ready ] || vm_error "the agent in $1 is not ready but says $line"
}

# vm_boot DIR [CPU [ARGUMENT...]]: until libvirtd answers in it.
vm_boot() {
    local dir=$1 cpu=${2:-}
    shift $(($# < 2 ? $# : 2))
    vm_qemu "$dir" "$cpu" "$*" && vm_booted "$dir"
}

# Names the state by all that is in it.
vm_state() {
    local key
    key=$({ cat "$vm_images/host.sum"; qemu-system-x86_64 --version; vm_machine
        echo "$vm_arguments"; declare -f vm_save vm_saved vm_write vm_qemu; } | sha256sum | cut -c 1-16)
    echo "$vm_build/cache/host-$key.state"
}

# vm_saved DIR: is the state written? From QEMU 10 on `migrate` is back before that. Its successor says Status alone.
vm_saved() {
    vm_monitor "$1" 'info migrate'
    grep -qE '^(Migration s|S)tatus:[[:space:]]+completed' "$1/monitor.log"
}

# vm_write DIR FILE SECONDS: the memory to a file, which is there when all of it is: whoever writes it may be slower than QEMU.
vm_write() {
    rm -f "$2"
    vm_monitor "$1" 'migrate_set_parameter max-bandwidth 100G' &&
        vm_monitor "$1" "migrate \"exec:cat >'$2.part' && mv '$2.part' '$2'\"" &&
        host_wait "$3" vm_saved "$1" && host_wait "$3" test -e "$2" && vm_monitor "$1" quit && host_wait 60 vm_gone "$1"
}

# vm_save FILE: boots, lets libvirt learn what QEMU can do, and leaves H's state in FILE.
vm_save() {
    local dir
    dir=$(mktemp -d /tmp/virt-nest-host.XXXXXX) || return
    vm_boot "$dir" '' host.kvm=nested=0 &&
        vm_run "$dir" 'for type in kvm qemu; do virsh domcapabilities --virttype $type; done && virsh capabilities' >"$dir/probed" &&
        vm_write "$dir" "$1" 60 ||
        vm_error "H was not saved: $(tail -n 20 "$dir"/*.log "$dir/probed")" || return
    rm -rf "$dir"
}

# One state is kept, the newest.
vm_need_state() {
    (
        flock 8
        [ -e "$1" ] || { rm -f "$vm_build"/cache/host-*.state && vm_save "$1"; }
    ) 8>"$vm_build/cache/host-state.lock"
}

# vm_runs DIR: is the state read? What came to the serial port before would be lost.
vm_runs() {
    vm_monitor "$1" 'info status'
    vm_gone "$1" || grep -qs 'VM status: running' "$1/monitor.log"
}

# What a saved H cannot know is the time of day.
vm_restore() {
    local state
    state=$(vm_state) && vm_need_state "$state" &&
        vm_qemu "$1" '' host.kvm=nested=0 -incoming "exec:cat '$state'" &&
        host_wait 60 vm_runs "$1" && vm_run "$1" "date -s @$(date +%s) >/dev/null"
}

vm_host_start() {
    case ${2:-restored} in
        restored) vm_restore "$1" ;;
        booted) vm_boot "$1" '' host.kvm=nested=0 ;;
        no-svm) vm_boot "$1" Opteron_G1,-cx16 ;; # with max,-svm each program aborts under QEMU 7.2
        *) vm_error "no variant of H is named $2: restored, booted or no-svm" ;;
    esac
}

# H has no disk: what outlives a reboot goes as a third archive after its image, with the consoles' pipes. kvm_amd is
# loaded as udev does it: H's files decide.
vm_reboot() {
    local dir=$1
    shift
    vm_run "$dir" 'cd / && find etc usr/lib/modprobe.d var/lib/libvirt var/lib/virt-nest \
        var/log/l1 ! -path "var/log/l1/*.log" 2>/dev/null |
        cpio -o -H newc 2>/dev/null' >"$dir/persistent.cpio" || return
    vm_stop "$dir" && cat "$vm_images/host.img" "$dir/persistent.cpio" >"$dir/host.img" && vm_boot "$dir" '' "$@"
}

# --- what a failing case shows

vm_console() { tr -d '\r' <"$1/console.log"; }

vm_transcript() {
    echo "--- H: console" && vm_console "$1" | tail -n 30
    [ ! -e "$1/hung" ] || { echo "--- H hangs" && cat "$1/hung"; return; }
    # shellcheck disable=SC2016 # expanded in H
    VM_LIMIT=20 vm_run "$1" '
        echo "--- H: dmesg"; dmesg | sed "1,/Run .init/d" | tail -n 20
        echo "--- H: modules, processes"; lsmod; ls -l /dev/kvm; ps -o pid,ppid,user,stat,args | grep -v "\[" | cut -c 1-120
        for log in /var/log/*.log /var/log/libvirt/qemu/*.log; do
            [ ! -s "$log" ] || { echo "--- H: $log"; grep -v " \\\\$" "$log" | tail -n 40; }
        done
        for log in /var/log/l1/*.log; do
            [ ! -e "$log" ] || { echo "--- L1 and L2: $log"; tr -d "\r" <"$log" | tail -n 40; }
        done'
}

# --- domains

# vm_domain NAME [KEY=VALUE...]: tests/guest/l1.xml filled in (see domain_xml). TYPE is kvm, METADATA and DEVICES are
# XML and empty unless given, CPU is host-passthrough, CMDLINE takes L1's arguments, GUEST is /guest, or /guest/later
# for the later kernel.
vm_domain() {
    local name=$1
    shift
    domain_xml "$vm_guest/l1.xml" "$name" "$@" TYPE=kvm MEMORY=144 GUEST=/guest "CPU=<cpu mode='host-passthrough'/>"
}

# Of the two ends of the console's pipe one leads nowhere: what L1 says is in the log. libvirt gives both to
# QEMU's user, so that it is a null device of its own.
vm_define() {
    local dir=$1
    shift
    vm_domain "$@" | vm_put "$dir" "/tmp/$1.xml" &&
        vm_run "$dir" "cd /var/log/l1 && { [ -e $1.in ] || { mkfifo $1.in && mknod $1.out c 1 3; }; } && virsh define /tmp/$1.xml"
}

vm_say() { vm_run "$1" "echo '$3' 1<>/var/log/l1/$2.in"; }
