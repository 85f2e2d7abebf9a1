# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The words of cases about a crowd: domains whose QEMUs are made up (tests/fakes/qemu.c), and what it costs the others.
# Source it after labs.sh, guarded.sh and talk.sh. Times are measured and never asserted.

crowd_qemu=$scratch/crowd/qemu

# behave WAY...: what the crowd's monitors do from now on; without a word they answer.
behave() { echo "$*" >"$crowd_qemu.ways"; }

# crowd N: cr1 ... crN run, tagged, and are guarded; one virsh for all, as a process for each takes longer. A case that
# failed may have left some.
crowd() {
    local i
    ! is_running cr1 2>/dev/null || crowd_ends "$1"
    mkdir -p "${crowd_qemu%/*}"
    cc -std=gnu11 -D_GNU_SOURCE -O2 -o "$crowd_qemu" tests/fakes/qemu.c
    behave
    for ((i = 1; i <= $1; i++)); do
        write_xml "cr$i" METADATA="$tag" CPU="$nested_cpu" DEVICES="<emulator>$crowd_qemu</emulator>" >/dev/null
        echo "define /var/tmp/cr$i.xml"
        echo "start cr$i"
    done >"$scratch/crowd/begin"
    virsh <"$scratch/crowd/begin" >"$scratch/crowd/log"
    eventually crowd_is_guarded "$1"
}

# crowd_is_guarded N: seen in the files in which libvirt keeps the live XML.
crowd_is_guarded() {
    [ "$(grep -lE "guard=.off" "$host"/run/libvirt/qemu/cr*.xml | wc -l)" = "$1" ]
}

# crowd_ends N
crowd_ends() {
    local i
    behave # libvirtd has enough to do
    for ((i = 1; i <= $1; i++)); do printf 'destroy cr%d\nundefine cr%d\n' "$i" "$i"; done >"$scratch/crowd/end"
    virsh <"$scratch/crowd/end" >"$scratch/crowd/log"
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }

file_is_corrected() { case $(cat "$host/etc/libvirt/qemu/$1.xml" 2>/dev/null) in *"policy='require' name='svm'"*) ;; *) false ;; esac }

# correction_times ROUNDS: milliseconds from each "define" to the corrected definition, in $times.
correction_times() {
    local i begin
    times=()
    write_xml co1 METADATA="$tag" >/dev/null
    for ((i = 0; i < $1; i++)); do
        begin=$(now_ms)
        tell 'define /var/tmp/co1.xml'
        soon file_is_corrected co1
        times+=($(($(now_ms) - begin)))
        hear
        talk 'undefine co1'
    done
}

armings() { grep -c "^virtnestd: $1: .*nested guests run in it" "$host/log/virtnestd.log" || :; }

# arming_time NAME: milliseconds from the first output of an L2 to its guard, in $time; below zero if the guard was first.
arming_time() {
    local ticks armings output='' armed='' end=$((SECONDS + ${PATIENCE:-30}))
    ticks=$(ticks "$1") armings=$(armings "$1")
    say "$1" 'l2 tick'
    until [ "$output" ] && [ "$armed" ]; do
        [ "$SECONDS" -lt "$end" ] || { echo "its L2 has run for ${PATIENCE:-30} s, and it is not armed" >&2; return 1; }
        [ "$output" ] || [ "$(ticks "$1")" = "$ticks" ] || output=$(now_ms)
        [ "$armed" ] || [ "$(armings "$1")" = "$armings" ] || armed=$(now_ms)
        pause 2000
    done
    time=$((armed - output))
}

# arming_times NAME ROUNDS: in $times.
arming_times() {
    local i time
    times=()
    for ((i = 0; i < $2; i++)); do
        arming_time "$1"
        times+=("$time")
        refused virsh managedsave "$1"
        say "$1" stop
        eventually disarmed "$1"
    done
}

# --- what virtnestd takes

# memory VmHWM|VmRSS: in KiB.
memory() { host_run "$host" sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$(host_daemon_pid "$host" virtnestd)/status"; }

# processor_ms DAEMON: what it has used of a processor, in milliseconds.
processor_ms() {
    local stat
    stat=$(host_run "$host" cat "/proc/$(host_daemon_pid "$host" "$1")/stat")
    read -r -a stat <<<"${stat##*) }"
    echo $(((stat[11] + stat[12]) * 1000 / $(getconf CLK_TCK)))
}

# shares SECONDS: what both daemons use of a processor meanwhile.
shares() {
    local virtnestd libvirtd begin took
    virtnestd=$(processor_ms virtnestd) libvirtd=$(processor_ms libvirtd) begin=$(now_ms)
    sleep "$1"
    virtnestd=$(($(processor_ms virtnestd) - virtnestd)) libvirtd=$(($(processor_ms libvirtd) - libvirtd))
    took=$(($(now_ms) - begin))
    echo "virtnestd $(percent "$virtnestd" "$took") and libvirtd $(percent "$libvirtd" "$took") of a core"
}

# percent PART WHOLE: with one decimal.
percent() { printf '%d.%d %%' "$(($1 * 100 / $2))" "$(($1 * 1000 / $2 % 10))"; }
