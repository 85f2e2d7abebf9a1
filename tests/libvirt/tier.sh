# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts of the libvirt tier share: one private host with the built programs installed, and
# the words their cases are written in. Source it, write cases (tests/tap.sh), end with tap_run.
#
# $host is the host's directory. setup starts it with virtnestd; a case leaves libvirtd and virtnestd
# running and uses domains of its own.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/libvirt/private-host.sh
. tests/libvirt/private-host.sh

BUILD=$(realpath "${BUILD:-build}")
HOST_CACHE=${HOST_CACHE:-$PWD/build/cache}
scratch=$(mktemp -d /tmp/virt-nest.XXXXXX)
host=$scratch/host
tag="<nest:enable xmlns:nest='urn:virt-nest:1'/>"

# put_virt_nest STAGE: what was built, or links to what a package has installed on this machine (INSTALLED=yes).
put_virt_nest() {
    if [ -z "${INSTALLED:-}" ]; then
        flock "$BUILD" make -s install BUILD="$BUILD" DESTDIR="$1" PREFIX=/usr/local
    else
        mkdir -p "$1"/usr/local/{bin,sbin} "$1/etc/libvirt/hooks" &&
            ln -s /usr/bin/virt-nest "$1/usr/local/bin/" && ln -s /usr/sbin/virtnestd "$1/usr/local/sbin/" &&
            cp -a /etc/libvirt/hooks/qemu "$1/etc/libvirt/hooks/" && cp -a /etc/virt-nest "$1/etc/"
    fi
}

setup() {
    put_virt_nest "$scratch/stage" >"$scratch/install.log" 2>&1 || { cat "$scratch/install.log" >&2; return 1; }
    host_start "$host" "$scratch/stage" && virtnestd_start
}

# A case that failed may have left a daemon stopped.
before_case() {
    host_libvirtd_start "$host"
    ! host_daemon_gone "$host" virtnestd || virtnestd_start
} >&2

teardown() {
    local one
    for one in "$scratch"/*/stage; do
        [ ! -e "$one" ] || host_stop "$(dirname "$one")" || :
    done
    [ -n "${KEEP:-}" ] || rm -rf "$scratch"
}
trap teardown EXIT

# --- virtnestd

virtnestd_log() { cat "$host/log/virtnestd.log"; }

virtnestd_start() {
    rm -f "$host/log/virtnestd.log"
    host_daemon_start "$host" virtnestd /usr/local/sbin/virtnestd --foreground || return
    host_wait 30 grep -qs 'connected to libvirt' "$host/log/virtnestd.log" ||
        host_error "virtnestd does not connect: $(virtnestd_log)"
}

virtnestd_stop() { host_daemon_stop "$host" virtnestd; }

# Returns when virtnestd has come to what happened last.
virtnestd_is_through() {
    define through METADATA="$tag"
    eventually is_corrected through
    gone through
}

# logged PATTERN: virtnestd has said so.
logged() { grep -qE -- "$1" "$host/log/virtnestd.log"; }

# --- domains

virsh() { host_virsh "$host" "$@"; }
virt_nest() { host_run "$host" virt-nest -c qemu:///system "$@"; }

# write_xml NAME [TEMPLATE-KEY=VALUE...]: plain.xml filled in, as a file; its path is visible inside.
write_xml() {
    local file="$host/var/tmp/$1.xml"
    domain_xml "${TEMPLATE:-plain}" "$@" >"$file"
    echo "$file"
}

# define NAME [KEY=VALUE...]: METADATA="$tag" to have it tagged.
define() {
    write_xml "$@" >/dev/null
    virsh define "/var/tmp/$1.xml"
}

inactive() { virsh dumpxml --inactive --security-info "$1"; }
live() { virsh dumpxml "$1"; }
state() { virsh domstate "$1" | head -n 1; }
is_running() { [ "$(state "$1")" = running ]; }

# cpu_of: the <cpu> element of the XML on standard input, on one line.
cpu_of() { tr -d '\n' | sed -nE "s/.*(<cpu[ >].*<\/cpu>|<cpu [^>]*\/>) *<(clock|on_|dev).*/\1/p" | sed 's/  */ /g'; }

has_feature() { cpu_of | grep -q "<feature policy='require' name='svm'/>"; }
is_corrected() { inactive "$1" | has_feature; }
live_has_feature() { live "$1" | has_feature; }
runs_with_feature() { is_running "$1" && live_has_feature "$1"; }
is_marked() { live "$1" | grep -q '<neststate:live\|<live uuid'; }

# gone NAME: stopped and undefined, whatever it was.
gone() {
    virsh destroy "$1" >/dev/null 2>&1 || :
    virsh undefine --managed-save --snapshots-metadata --checkpoints-metadata --nvram "$1" >/dev/null 2>&1 || :
}

# slow_file: a file to save to at some megabytes a second, /var/tmp/slow inside; $reader reads it. After fast_file it
# reads as fast as it can.
slow_file() {
    rm -f "$host/var/tmp/slow" "$host/var/tmp/slow.read" "$host/var/tmp/slow.fast"
    mkfifo "$host/var/tmp/slow"
    # shellcheck disable=SC2016 # expanded in there
    timeout 120 bash -c 'while dd of=/dev/null bs=64k count=1 iflag=fullblock; do : >"$0.read"; [ -e "$0.fast" ] || sleep 0.02; done <>"$0"' \
        "$host/var/tmp/slow" 2>/dev/null 3>&- &
    reader=$!
}
fast_file() { : >"$host/var/tmp/slow.fast"; }

# qemu_without_vdi DIRECTORY: a copy of QEMU in which the format's name is another, as DIRECTORY/bin/qemu.
qemu_without_vdi() {
    mkdir -p "$host$1/bin"
    ln -s /usr/lib /usr/share "$host$1" # where QEMU looks for its modules
    LC_ALL=C sed 's/\x00vdi\x00/\x00vdX\x00/g' "$(command -v qemu-system-x86_64)" >"$host$1/bin/qemu"
    chmod 755 "$host$1/bin/qemu"
    not cmp -s "$host$1/bin/qemu" "$(command -v qemu-system-x86_64)"
}
