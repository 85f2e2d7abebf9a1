# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The words of what shows verdict and guard (status.test, top.test): running domains with a live status as virtnestd
# writes it, put there by hand, as no virtnestd runs. Source it in tier.sh's place.
. "$(dirname "${BASH_SOURCE[0]}")/tier.sh"
# shellcheck source=tests/libvirt/guarded.sh
. tests/libvirt/guarded.sh

before_case() {
    host_libvirtd_start "$host"
    virtnestd_stop
} >&2

# start_tagged NAME: defined, corrected by hand and started.
start_tagged() {
    define "$1" METADATA="$tag"
    virt_nest apply "$1"
    virsh start "$1"
}

# allow NAME ATTRIBUTES: what virt-nest allow would leave.
allow() { set_metadata "$1" urn:virt-nest:allow:1 nestallow "<domain $2/>"; }

running="nested='yes' why='entries' probe='probe-debugfs' since='1700000000' guard='armed'"
quiet="nested='no' why='quiet' probe='probe-debugfs' since='1700000000' guard='off'"
