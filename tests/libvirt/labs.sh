# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The words of guard.test and of what else needs a guarded L1: domains whose L1 starts and ends an L2 when told.
# Source it in tier.sh's place. L1 is Linux under TCG, whose console takes lines (tests/guest/l1-init).
. "$(dirname "${BASH_SOURCE[0]}")/tier.sh"
tests/guest/build "$BUILD/guest" >&2 || exit
export NEST_GUEST=$BUILD/guest
other=$scratch/other
consoles=$host/log # of every L1, also when it has gone to the other host

# other_host: a second host, to migrate to, with a virtnestd of its own.
other_host() {
    host_start "$other" "$scratch/stage"
    ! host_daemon_gone "$other" virtnestd ||
        host_daemon_start "$other" virtnestd /usr/local/sbin/virtnestd --foreground
}

# on_other COMMAND...: with the other host in this one's place.
on_other() { host=$other "$@"; }
refused_there() { refused virsh "$@" && says virt-nest-nested-guests-running; }

# later_guest: what tests/guest/build makes of a kernel of 6.12 or later, in $BUILD/guest/later.
later_guest() {
    local status=0
    tests/guest/build "$BUILD/guest/later" later || status=$?
    [ "$status" != 77 ] || release_lacks 'a kernel of 6.12 or later'
    return "$status"
}

# lab NAME [KEY=VALUE...]: a tagged L1 with a disk, booted, its KVM loaded, no L2. QEMU is XML at the domain's end, MORE
# goes to the end of L1's command line.
lab() {
    begin_lab "$@"
    boots "$1"
}

# begin_lab NAME [KEY=VALUE...]: the same, which still boots.
begin_lab() {
    local name=$1 qemu='' more='' pair arguments=()
    for pair in "${@:2}"; do
        case $pair in
            QEMU=*) qemu=${pair#*=} ;;
            MORE=*) more=" ${pair#*=}" ;;
            *) arguments+=("$pair") ;;
        esac
    done
    qemu-img create -q -f qcow2 "$scratch/$name.qcow2" 16M
    host_lab "$host" "$name" "${arguments[@]}" METADATA="$tag" CMDLINE="nest.l2=none nest.end=shell$more" \
        DEVICES="$(disk_xml "$scratch/$name.qcow2")" |
        sed "s,<on_reboot>destroy,<on_reboot>restart,; s,</domain>,${qemu//,/\\,}&," >"$host/var/tmp/$name.xml"
    virsh define "/var/tmp/$name.xml"
    eventually has_svm "$name"
    virsh start "$name"
}

# boots NAME: until its L1 takes lines.
boots() { host_console_wait "$consoles/$1" 'L1: ready' 120; }

has_svm() { inactive "$1" | has_feature; }
# say NAME LINE: not while it migrates, as the QEMU of the other host reads from the same pipe, and may wait in it for
# ever: "in SECONDS LINE" before.
say() { host_console_say "$consoles/$1" "$2"; }
tag_it() { virsh metadata "$1" --uri urn:virt-nest:1 --key nest --set "<enable ${2:-}/>" --live --config; }

# --- what the guard says

attribute() { live "$1" | grep -oE "<(neststate:)?live [^>]*" | grep -oE "$2=[\"'][^\"']*" | cut -c $((${#2} + 3))-; }
guard_is() { [ "$(attribute "$1" guard)" = "$2" ]; }
verdict_is() { [ "$(attribute "$1" why)" = "$2" ]; }
armed() { guard_is "$1" armed; }
disarmed() { guard_is "$1" off; }
not_marked() { live "$1" | lacks 'urn:virt-nest'; }
nothing_allowed() { live "$1" | lacks nestallow; }

# --- QEMU

monitor() { virsh qemu-monitor-command "$1" "$2"; }
node_is_there() { monitor "$1" '{"execute":"query-named-block-nodes","arguments":{"flat":true}}' | grep -q virt-nest-nested-guests-running; }
remove_node() { monitor "$1" '{"execute":"blockdev-del","arguments":{"node-name":"virt-nest-nested-guests-running"}}' | lacks error; }
# shellcheck disable=SC2016 # expanded inside
signal_qemu() { host_run "$host" sh -c 'kill -s "$1" "$(cat "/run/libvirt/qemu/$0.pid")"' "$1" "$2"; }
migrate() { host_migrate "$1" "$2" "$3" --unsafe; }
# leaves NAME: its QEMU is at a migration or save that nothing could refuse any more.
leaves() { monitor "$1" '{"execute":"query-migrate"}' | grep -q '"status":"active"'; }
in_job() { virsh domjobinfo "$1" | grep -qE 'Operation: +(Outgoing|Save)'; }

# --- L2

ticks() { grep -c 'L2: tick' "$consoles/$1.log" || :; }

more_ticks() { [ "$(ticks "$1")" -gt "$before" ]; }

# ticks_on NAME: its L2 prints more.
ticks_on() {
    local before
    before=$(ticks "$1")
    eventually more_ticks "$1"
}

# nested NAME: starts an L2 that prints all the time; back when it does, and the guard is armed.
nested() {
    say "$1" 'l2 tick'
    ticks_on "$1"
    eventually armed "$1"
}

# --- what leads a guest away

away=(
    'save @ /var/tmp/@.save'
    'managedsave @'
    'dump @ /var/tmp/@.dump'
    'snapshot-create-as @ internal'
    'snapshot-create-as @ external --memspec file=/var/tmp/@.memory,snapshot=external'
    'migrate --live --unsafe @ URI LOOPBACK'
    'migrate --live --unsafe --p2p @ URI LOOPBACK'
    'migrate --live --unsafe --p2p --tunnelled @ URI'
)

# Where a save can be told its format: libvirt 11.3 and later.
if command virsh help save | grep -q -e --image-format; then
    away+=(
        'save @ /var/tmp/@.save --image-format raw'
        'save @ /var/tmp/@.save --image-format sparse'
        'save @ /var/tmp/@.save --image-format zstd'
        'save @ /var/tmp/@.save --image-format sparse --parallel-channels 2'
    )
fi

# leave NAME COMMAND: one of the above.
leave() {
    local command=${2//@/$1}
    command=${command//LOOPBACK/--migrateuri tcp://127.0.0.1 --listen-address 127.0.0.1}
    # shellcheck disable=SC2086 # words
    virsh ${command//URI/$(host_uri "$other")}
}

# refuses_all NAME: counts what was refused in refusals.
declare -A refusals=()
refuses_all() {
    local command
    for command in "${away[@]}"; do
        refused leave "$1" "$command"
        says "virt-nest-nested-guests-running"
        is_running "$1"
        ticks_on "$1"
        refusals[$command]=$((${refusals[$command]:-0} + 1))
    done
}

# back NAME: where it went to another host or into a file, it comes back.
back() {
    if is_running "$1"; then return; fi
    if [ -e "$host/var/tmp/$1.save" ]; then
        virsh restore "/var/tmp/$1.save" && rm "$host/var/tmp/$1.save"
    elif host_domain_is "$other" "$1" running; then
        migrate "$other" "$host" "$1"
    else
        virsh start "$1"
    fi
}

# A domain with snapshots does not migrate.
forget_snapshots() {
    local snapshot
    for snapshot in $(virsh snapshot-list --name "$1"); do virsh snapshot-delete --metadata "$1" "$snapshot"; done
}

goes_all() {
    local command
    for command in "${away[@]}"; do
        leave "$1" "$command"
        back "$1"
        forget_snapshots "$1"
        eventually disarmed "$1"
    done
}

# metrics: has the export write below /var/tmp.
metrics() {
    mkdir -p "$host/var/tmp/metrics"
    printf '[export-textfile]\ndirectory=/var/tmp/metrics\n' >"$host/etc/virt-nest/virt-nest.conf"
    virtnestd_stop
    virtnestd_start
}
