# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the scripts of the vm-debian tier share: an emulated Debian that boots (tests/guest/system.sh), virt-nest's package,
# and the words the cases are written in. Source it, write cases (tests/tap.sh), end with tap_run.
#
# A machine is as after boot, with libvirt's daemon and AppArmor as their packages set them up, and without virt-nest.
# A script has one machine, which goes on from case to case; `power_on` in setup begins it, `stay_on` each case. A case
# that fails shows the machine's console and journal before its result.
#
# Settings: IMAGE_PACKAGES, names of more packages for the image; SYSTEM_COMMAND and SYSTEM_ARGUMENTS, see
# tests/guest/system-image and system.sh

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/guest/system.sh
. tests/guest/system.sh

scratch=$(mktemp -d /tmp/virt-nest.XXXXXX)
machine=$scratch/machine
trap 'vm_stop "$machine"; rm -rf "$scratch"' EXIT
tag="<nest:enable xmlns:nest='urn:virt-nest:1'/>"
VM_LIMIT=${VM_LIMIT:-300}
apt='DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0'

setup() { power_on && put_packages; } >&2

# shellcheck disable=SC2086 # names
power_on() { system_image ${IMAGE_PACKAGES:-} && system_start "$machine"; }

stay_on() { trap 'transcript_of $?' EXIT; }
transcript_of() { [ "$1" = 0 ] || system_transcript "$machine" 2>&1 | sed 's/^/#   /' >&3 || :; }

# inside SCRIPT: as root in the machine; its output and status.
inside() { vm_run "$machine" "$1"; }

# soon SCRIPT: until it succeeds in the machine, or $VM_LIMIT is over.
soon() {
    inside "until (set -e
        $1
    ) >/run/soon 2>&1; do sleep 0.2; done" || { inside 'echo "in vain, the last try said:"; cat /run/soon'; return 1; }
}

# --- packages

# make_package: prints the file. One of another version is made of it, as no release is older yet.
make_package() { BUILD=$vm_build install/package deb; }

# put_packages: virt-nest in two versions, as /srv/old.deb and /srv/new.deb; apt has the old one in its source.
put_packages() {
    local new tree=$scratch/old
    new=$(make_package) && dpkg-deb -R "$new" "$tree" && sed -i 's/^Version: /&0~/' "$tree/DEBIAN/control" &&
        dpkg-deb -Zgzip --root-owner-group -b "$tree" "$scratch/old.deb" >/dev/null &&
        vm_put "$machine" /srv/new.deb <"$new" && vm_put "$machine" /srv/old.deb <"$scratch/old.deb"
}

# package_is STATUS [VERSION-PATTERN]
package_is() { [[ $(inside "dpkg-query -W -f '\${db:Status-Status} \${Version}' virt-nest") == $1\ ${2:-*} ]]; }

# --- domains

# define NAME [KEY=VALUE...]: METADATA="$tag" to have it tagged; see vm_domain.
define() { vm_define "$machine" "$@"; }

# lab NAME: tagged, started, an L2 in it that prints all the time, and the guard armed.
lab() {
    define "$1" METADATA="$tag" CMDLINE='nest.l2=none nest.end=shell nest.button=poweroff'
    inside "virsh start $1"
    soon "grep 'L1: ready' /var/log/l1/$1.log"
    nested "$1"
}

nested() {
    vm_say "$machine" "$1" 'l2 tick'
    ticks_on "$1"
    armed "$1"
}

# ticks_on NAME: its L2 prints more.
ticks_on() {
    inside "ticks() { grep -c 'L2: tick' /var/log/l1/$1.log; }
        before=\$(ticks); until [ \"\$(ticks)\" -gt \"\$before\" ]; do sleep 0.1; done"
}

armed() { soon "virsh dumpxml $1 | grep '<neststate:live .*guard=\"armed\"'"; }

# kept NAME: a save is refused, and the domain and its L2 go on.
kept() {
    refused inside "virsh managedsave $1"
    says virt-nest-nested-guests-running
    [ "$(inside "virsh domstate $1" | head -n 1)" = running ]
    ticks_on "$1"
}

# judged NAME: libvirt calls the hook, which refuses a start that the tag does not allow.
judged() {
    define "$1" METADATA="<nest:enable xmlns:nest='urn:virt-nest:1' cpu='no such'/>"
    refused inside "virsh start $1"
    says NEST-TAG
    inside "virsh undefine $1"
}
