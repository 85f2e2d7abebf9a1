# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the scripts of the vm-amd tier share: an emulated AMD host for each case, and the words the cases are
# written in. Source it, write cases (tests/tap.sh), each beginning with `power_on`, end with tap_run.
#
# A host is as after boot: kvm_amd loaded with nested=0, libvirtd running, virt-nest installed, virtnestd not
# started, no domain. A case that fails shows the transcript of host, L1 and L2 before its result.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/guest/host.sh
. tests/guest/host.sh

scratch=$(mktemp -d /tmp/virt-nest.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
host=$scratch/host
tag="<nest:enable xmlns:nest='urn:virt-nest:1'/>"
VM_LIMIT=${VM_LIMIT:-180} # several L1s may boot at a time, and other hosts run beside this one

setup() { vm_image && vm_need_state "$(vm_state)"; } >&2

# power_on [VARIANT]: the case's own host, which ends with it.
power_on() {
    rm -rf "$host"
    trap 'power_off $?' EXIT
    vm_host_start "$host" "$@"
}

# stay_on: in place of power_on, in a host that setup has powered on for all cases of the script.
stay_on() {
    rm -f "$host/failed"
    trap 'transcript_of $?' EXIT
}

# transcript_of STATUS: of a case that failed; it is noted if the host had not hung by then.
transcript_of() {
    [ "$1" != 0 ] || return 0
    [ -e "$host/hung" ] || : >"$host/failed"
    vm_transcript "$host" 2>&1 | sed 's/^/#   /' >&3 || :
}

power_off() {
    transcript_of "$1"
    vm_stop "$host"
}

# inside SCRIPT: as root in the host; its output and status. Every one costs some 50 ms, every virsh ten times that.
inside() { vm_run "$host" "$1"; }

# soon SCRIPT: until it succeeds in the host, or $VM_LIMIT is over.
soon() {
    inside "until (set -e
        $1
    ) >/run/soon 2>&1; do sleep 0.2; done" || { inside 'echo "in vain, the last try said:"; cat /run/soon'; return 1; }
}

# is_replayed: a case that failed because the emulated host hung is played again, once, in a new host.
is_replayed() { [ -e "$host/hung" ] && [ ! -e "$host/failed" ] && echo '# the emulated host has hung: the case is played again in a new one'; }

# --- the host's module

nested() { inside 'cat /sys/module/kvm_amd/parameters/nested 2>/dev/null || echo absent'; }
nested_is() { [ "$(nested)" = "$1" ]; }

# reload PARAMETERS: kvm_amd by hand, as an administrator would; back when /dev/kvm is.
reload() { inside "modprobe -r kvm_amd && modprobe kvm_amd $1" && soon '[ "$(stat -c %G%a /dev/kvm)" = kvm660 ]'; }

# --- the daemons

# libvirtd_again [OPTION...]: restarted.
libvirtd_again() {
    inside 'daemon=$(cat /run/libvirtd.pid) && kill -KILL "$daemon" && while [ -e "/proc/$daemon" ]; do sleep 0.1; done
        (setsid libvirtd '"$*"' </dev/null >/var/log/libvirtd.log 2>&1 &)
        until virsh list >/dev/null 2>&1; do sleep 0.1; done'
}

# virtnestd_start [COMMAND...]: by that command, such as setpriv.
virtnestd_start() {
    inside "rm -f /var/log/virtnestd.log; $*"' virtnestd --foreground >/var/log/virtnestd.log 2>&1 & echo $! >/run/virtnestd.pid' &&
        soon 'grep "connected to libvirt" /var/log/virtnestd.log'
}

logged() { inside 'cat /var/log/virtnestd.log' | grep -E -- "$1"; }

# --- domains

# define NAME [KEY=VALUE...]: METADATA="$tag" to have it tagged; see vm_domain.
define() { vm_define "$host" "$@"; }

# corrected NAME: virtnestd has put its record into the definition.
corrected() { soon "virsh dumpxml --inactive $1 | grep neststate"; }

# l1_says NAME REGEX...: lines of L1's console, in any order, each awaited.
l1_says() {
    local name=$1 regex
    shift
    for regex; do
        soon "grep -E '$regex' /var/log/l1/$name.log" || return
    done
}
