# shellcheck shell=bash
# The words of what shows verdict and guard (status.test, top.test): running domains whose record virtnestd would
# have written, put there by hand, as no virtnestd runs. Source it in tier.sh's place.
. "$(dirname "${BASH_SOURCE[0]}")/tier.sh"

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

# qemu_start NAME: its QEMU's start time, by which a record is known to be of this run.
qemu_start() {
    # shellcheck disable=SC2016 # expanded inside
    host_run "$host" sh -c 'sed "s/.*) //" "/proc/$(cat "/run/libvirt/qemu/$0.pid")/stat" | cut -d " " -f 20' "$1"
}

# record NAME ATTRIBUTES [UUID] [QEMU]
record() {
    virsh metadata "$1" --uri urn:virt-nest:state:1 --key neststate --live --set \
        "<domain><live uuid='${3:-$(virsh domuuid "$1")}' qemu='${4:-$(qemu_start "$1")}' $2/></domain>"
}

# allow NAME ATTRIBUTES: what virt-nest allow would leave.
allow() { virsh metadata "$1" --uri urn:virt-nest:allow:1 --key nestallow --live --set "<domain $2/>"; }

running="nested='yes' why='entries' probe='probe-debugfs' since='1700000000' guard='armed'"
quiet="nested='no' why='quiet' probe='probe-debugfs' since='1700000000' guard='off'"
