# SPDX-License-Identifier: LGPL-2.1-or-later
# One virsh and one shell that stay inside the host, for cases of very many rounds: a command costs a
# millisecond there, and not two processes and their way into the namespaces. Source it after tier.sh;
# a case calls talk_start first, and both end with the case.

# talk_start: returns once virsh is connected. After a restart of libvirtd, virsh connects again by itself.
talk_start() {
    talk_number=0 answer=
    exec {talk_never}<> <(:)
    coproc TALK { host_virsh "$host" 2>&1; }
    exec {talk_shell}> >(host_run "$host" sh)
    talk list
}

# talk_again: with a new virsh, as the old one may have gone with libvirtd.
talk_again() {
    eval "exec ${TALK[1]:-9}>&-"
    wait "${TALK_PID:-}" || :
    coproc TALK { host_virsh "$host" 2>&1; }
    talk list
} 2>/dev/null

# tell COMMANDS: virsh begins with them, and this shell goes on.
tell() {
    talk_number=$((talk_number + 1))
    printf '%s\n' "$1" "echo =$talk_number=" >&"${TALK[1]:-2}"
}

# hear: waits until virsh is done with what it was told; what it printed is left in $answer. (It
# repeats what it reads, after its prompt.)
hear() {
    local line
    answer=
    while IFS= read -r -t 60 -u "${TALK[0]:-0}" line; do
        case $line in
            "=$talk_number=") return 0 ;;
            'virsh # '*) ;;
            *) answer+=$line$'\n' ;;
        esac
    done
    echo "virsh is gone, or does not answer; so far: $answer" >&2
    return 1
}

talk() { tell "$1" && hear; }

# inside COMMAND: a line for the shell, whose end nobody waits for.
inside() { echo "$1" >&"$talk_shell"; }

# pause MICROSECONDS: without a process.
pause() {
    local seconds
    printf -v seconds '%d.%06d' "$(($1 / 1000000))" "$(($1 % 1000000))"
    read -rt "$seconds" -u "$talk_never" || :
}

# soon COMMAND...: as `eventually`, for what takes milliseconds; says nothing.
soon() {
    local end=$((SECONDS + ${PATIENCE:-30}))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        pause 1000
    done
}

# --- what libvirt holds of a domain

# look NAME: sorts its definition into $seen (all of it), $essence (without <cpu>, record, tag and white
# space), $cpu, $record, and yes or nothing in $tagged and $corrected; all empty for no such domain.
look() {
    seen='' essence='' cpu='' record='' tagged='' corrected=''
    talk "dumpxml --inactive --security-info $1" || return
    case $answer in *'<domain '*) ;; *) return 0 ;; esac
    seen="<domain ${answer#*<domain }"
    seen="${seen%</domain>*}</domain>"
    essence=${seen//[[:space:]]/}
    case $essence in
        *'<neststate:domain'*)
            record=${essence#*<neststate:domain}
            record=${record%%</neststate:domain>*}
            essence=${essence%%<neststate:domain*}${essence#*</neststate:domain>} ;;
    esac
    case $essence in
        *'<nest:enable'*)
            tagged=yes
            essence=${essence%%<nest:enable*}${essence#*<nest:enablexmlns:nest=\"urn:virt-nest:1\"/>} ;;
    esac
    cpu=${essence#*<cpumode}
    cpu=${cpu%%</cpu>*}
    essence=${essence%%<cpumode*}${essence#*</cpu>}
    case $cpu in *"<featurepolicy='require'name='svm'/>"*) corrected=yes ;; esac
}
