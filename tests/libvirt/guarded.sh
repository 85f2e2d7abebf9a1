# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For cases about what follows from a guard: puts its state into a running domain's live XML by hand, as virtnestd
# would. Source it after tier.sh.

# set_metadata DOMAIN URI KEY TEXT: into the live XML alone.
set_metadata() { virsh metadata "$1" --live --uri "$2" --key "$3" --set "$4"; }

# qemu_of DOMAIN: the PID of its QEMU, inside.
qemu_of() { cat "$host/run/libvirt/qemu/$1.pid"; }

# qemu_start DOMAIN: its QEMU's start time, by which a record is known to be of this run.
qemu_start() { host_run "$host" sed 's/.*) //' "/proc/$(qemu_of "$1")/stat" | cut -d ' ' -f 20; }

# record DOMAIN ATTRIBUTES [UUID] [QEMU]: a live status, of this run unless told.
record() {
    set_metadata "$1" urn:virt-nest:state:1 neststate \
        "<domain><live uuid='${3:-$(virsh domuuid "$1")}' qemu='${4:-$(qemu_start "$1")}' $2/></domain>"
}

# set_guard DOMAIN STATE [NESTED]
set_guard() {
    record "$1" "why='entries' probe='probe-debugfs' guard='$2' since='1790000000' nested='${3:-yes}'"
}

# block DOMAIN: by hand, as the guard does: QEMU refuses to migrate while this is open.
block() {
    local file='"driver":"file","filename":"/var/tmp/'$1'.vdi","read-only":true,"locking":"off"'
    host_run "$host" qemu-img create -q -f vdi "/var/tmp/$1.vdi" 0
    virsh qemu-monitor-command "$1" '{"execute":"blockdev-add","arguments":{"driver":"vdi",
        "node-name":"virt-nest-nested-guests-running","read-only":true,"file":{'"$file"'}}}'
}

# guard_is DOMAIN STATE
guard_is() { live "$1" | grep -q "<[a-z:]*live .*guard=[\"']$2[\"']"; }

nested_cpu="<cpu mode='maximum' check='none'><feature policy='require' name='svm'/></cpu>"

# guest NAME [KEY=VALUE...]: a fresh running domain.
guest() {
    gone "$1"
    define "$@"
    virsh start "$1"
}

# nested_guest NAME [KEY=VALUE...]: with all that the tag asks for, so that no virtnestd is needed.
nested_guest() { guest "$@" METADATA="$tag" CPU="$nested_cpu"; }

# begin COMMAND...: in the background, its output in $scratch/said, its status in $scratch/status.
begin() {
    rm -f "$scratch/said" "$scratch/status"
    (
        status=0
        "$@" >"$scratch/said" 2>&1 || status=$?
        echo "$status" >"$scratch/status"
    ) 3>&- &
}
has_said() { grep -qE -- "$1" "$scratch/said"; }
# ended STATUS: waits for what was begun.
ended() {
    eventually test -s "$scratch/status"
    cat "$scratch/said"
    [ "$(<"$scratch/status")" = "$1" ]
}

# misused COMMAND...: must fail with status 2; what it printed is left in $said.
misused() {
    local status=0
    said=$("$@" 2>&1) || status=$?
    echo "$said"
    [ "$status" = 2 ] && says '\[NEST-USAGE\]$'
}

# signal NAME PID: to a process inside.
signal() { host_run "$host" kill "-$1" "$2"; }
