#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A private libvirt host for tests and demo: a libvirtd of its own with all that it
# knows and starts, in namespaces of its own, below one directory. The machine's own
# libvirt is neither needed nor touched; /dev/kvm is there only if asked for.
#
# Source it and call host_...; or run it: private-host.sh start DIR [STAGE], then
# run|virsh|stop ... DIR: the functions' names without host_.
#
# Settings, all optional:
#   HOST_CACHE=DIR   where QEMU's capabilities are kept, to save probing next time
#   HOST_NAME=NAME   host name (default: nest- and some letters); when first started
#   HOST_OWNER=PID   with whom the host ends (default: this shell), or none
#   HOST_KVM=yes     exported: the host gets the machine's /dev/kvm (the demo, on VMX or SVM)
#   HOST_LOCALE=NAME the locale of all that runs inside (default: C)
#   KEEP=yes         host_stop leaves DIR, to look at
#
# DIR of hosts that migrate to each other: not below /var, /run, /etc or /dev, which
# each has of its own, and short, as sockets are reached by it (/tmp is good).
#
# Below DIR: etc/libvirt etc/virt-nest var run  (the host's /etc/libvirt ... /run)
#            log/NAME.log  output of daemons and of guests with a console
#            hostname stage  as host_start was told; pid init.pid ready  the running host
#
# Theory of operation: `unshare` waits outside for the init of the host's PID
# namespace (tini). When that is killed the kernel ends all that ran inside, and the
# mounts with it. libvirtd is one of several daemons started through nsenter, so that
# it can be restarted while the guests, children of tini, go on.

host_library=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
host_project=$(cd "$host_library/../.." && pwd)

host_error() {
    echo "private-host: $*" >&2
    return 1
}

# --- processes outside, told apart from later ones with the same PID

# host_process_stamp PID: its start time; fails for a zombie or none at all.
host_process_stamp() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -r -a stat <<<"${stat##*) }"
    [ "${stat[0]}" != Z ] && [ "${stat[0]}" != X ] && echo "${stat[19]}"
}

# host_alive DIR: do the namespaces of this host exist?
host_alive() {
    local pid stamp
    { read -r pid stamp <"$1/pid"; } 2>/dev/null || return 1
    [ "$(host_process_stamp "$pid")" = "$stamp" ]
}

# host_wait SECONDS COMMAND...: polls until the command succeeds.
host_wait() {
    local end=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

host_gone() { ! host_alive "$1"; }

# --- the directory

# host_write_conf DIR NAME: libvirt's configuration: local, no helpers, no cgroups. Guests come in on ports of its own:
# all hosts of a machine share its network, and libvirt looks for a free port some time before QEMU takes it.
host_write_conf() {
    local port=$((10000 + SRANDOM % 200 * 100))
    cat >"$1/etc/libvirt/libvirtd.conf" <<-CONF
	auth_unix_rw = "none"
	unix_sock_rw_perms = "0700"
	host_uuid = "$(</proc/sys/kernel/random/uuid)"
	log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
	CONF
    cat >"$1/etc/libvirt/qemu.conf" <<-CONF
	user = "root"
	group = "root"
	dynamic_ownership = 0
	remember_owner = 0
	security_driver = "none"
	cgroup_controllers = [ ]
	namespaces = [ ]
	stdio_handler = "file"
	migration_port_min = $port
	migration_port_max = $((port + 99))
	vnc_listen = "127.0.0.1"
	CONF
    printf '%s\n' "$2" >"$1/hostname"
}

# host_install DIR STAGE: hooks and configuration are copied, so that a test may
# change them in one host; /usr/local is bound.
host_install() {
    [ -n "$2" ] || return 0
    [ -d "$2/usr/local" ] ||
        host_error "$2 has no usr/local; make it: make install DESTDIR=$2 PREFIX=/usr/local" || return
    if [ -d "$2/etc/libvirt/hooks" ]; then
        cp -a "$2/etc/libvirt/hooks/." "$1/etc/libvirt/hooks/" || return
    fi
    if [ -d "$2/etc/virt-nest" ]; then
        cp -a "$2/etc/virt-nest/." "$1/etc/virt-nest/" || return
    fi
}

# host_make DIR STAGE: a new, empty host. DIR may exist, empty.
host_make() {
    mkdir -p "$1" || return
    [ -z "$(ls -A "$1")" ] || host_error "$1 is not empty and no host; give a new directory" || return
    mkdir -p "$1"/etc/libvirt/{hooks,qemu/autostart} "$1/etc/virt-nest" "$1/usr/local" "$1/log" "$1/run" \
        "$1"/var/{tmp,home,lib/libvirt/qemu,log/libvirt/qemu,cache/libvirt/qemu/capabilities} || return
    chmod 1777 "$1/var/tmp"
    ln -s /run "$1/var/run"
    host_write_conf "$1" "${HOST_NAME:-nest-$(mktemp -u XXXXXX)}" || return
    printf '%s\n' "$2" >"$1/stage"
    host_install "$1" "$2"
}

# QEMU's capabilities: libvirt itself discards what does not fit this machine.
host_cache_load() {
    if [ -d "${HOST_CACHE:-}/capabilities" ]; then
        cp -a "$HOST_CACHE/capabilities/." "$1/var/cache/libvirt/qemu/capabilities/"
    fi
}

# libvirt asks QEMU what it can do at the first need: here, and in no test's time.
host_probe() { host_virsh "$1" domcapabilities --virttype qemu >/dev/null; }

host_cache_store() {
    local new file
    [ -n "${HOST_CACHE:-}" ] || return 0
    mkdir -p "$HOST_CACHE/capabilities" || return
    for file in "$1"/var/cache/libvirt/qemu/capabilities/*.xml; do
        cmp -s "$file" "$HOST_CACHE/capabilities/${file##*/}" && continue
        new=$(mktemp "$HOST_CACHE/.new.XXXXXX") && cp -p "$file" "$new" &&
            mv "$new" "$HOST_CACHE/capabilities/${file##*/}" || return
    done
}

# --- start and stop

host_need() {
    [ "$(id -u)" = 0 ] || host_error 'a private host needs root; use sudo' || return
    local tool
    for tool in unshare nsenter setpriv tini libvirtd virsh qemu-system-x86_64; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
            host_error "$tool is missing; run install/deps" || return
    done
}

# What runs on keeps no pipe or lock of the caller's open.
host_close_inherited() {
    local fd
    for fd in /proc/"$BASHPID"/fd/*; do
        [ "${fd##*/}" -lt 3 ] || eval "exec ${fd##*/}>&-"
    done
}

# host_unshare DIR: makes the namespaces. The subshell lets the guard, and not
# this shell's list of jobs, look after the process.
host_unshare() {
    local pid stage
    stage=$(<"$1/stage")
    rm -rf "$1"/run "$1"/{pid,init.pid,ready}
    mkdir "$1/run"
    (
        exec </dev/null >"$1/log/init.log" 2>&1
        host_close_inherited
        exec setsid unshare -m -u -i -p -f --kill-child "$host_library/private-host-inside" init \
            "$1" "$(<"$1/hostname")" "$stage" "$1" "$host_project" ${stage:+"$stage"}
    ) &
    pid=$!
    disown "$pid"
    echo "$pid $(host_process_stamp "$pid")" >"$1/pid"
    host_wait 20 host_settled "$1" || host_error "the namespaces of $1 take too long"
    [ -e "$1/ready" ] || host_error "no namespaces for $1: $(cat "$1/log/init.log")"
}

host_settled() { [ -e "$1/ready" ] || host_gone "$1"; }

# host_guard DIR OWNER: a host does not outlive who started it, even killed.
host_guard() {
    local stamp
    stamp=$(host_process_stamp "$2") || return 0
    (
        trap '' INT
        exec </dev/null >/dev/null 2>&1
        host_close_inherited
        while host_alive "$1"; do
            [ "$(host_process_stamp "$2")" = "$stamp" ] || host_stop "$1"
            sleep 1
        done
    ) &
    disown $!
}

# host_start DIR [STAGE]: a host in DIR that answers; made if new, booted again with
# all its definitions if it was stopped by host_down, left alone if it runs.
host_start() {
    local dir
    host_need || return
    dir=$(realpath -m "$1")
    if ! host_alive "$dir"; then
        [ -e "$dir/stage" ] || host_make "$dir" "${2:+$(realpath "$2")}" || return
        host_unshare "$dir" || return
        [ "${HOST_OWNER:-}" = none ] || host_guard "$dir" "${HOST_OWNER:-$$}"
    fi
    host_cache_load "$dir" && host_libvirtd_start "$dir" && host_probe "$dir" && host_cache_store "$dir"
}

# host_down DIR: as if the power failed: all processes and mounts end, DIR stays.
host_down() {
    local init
    host_alive "$1" || return 0
    if { read -r init <"$1/init.pid"; } 2>/dev/null; then
        kill -KILL "$init" 2>/dev/null
    else
        kill -KILL "$(cut -d ' ' -f 1 "$1/pid")" 2>/dev/null
    fi
    host_wait 10 host_gone "$1" || host_error "the processes of $1 do not end; see ps"
}

# host_stop DIR: host_down, and DIR is removed. May be called for what is not there.
host_stop() {
    [ -e "$1/stage" ] || return 0
    host_down "$1" || return
    if [ -n "${KEEP:-}" ]; then
        echo "private-host: kept $1" >&2
    else
        rm -rf --one-file-system "$1"
    fi
}

# --- inside

# host_run DIR COMMAND...: runs it in the host, in the same directory where that is
# visible; standard streams and exit status are the command's.
host_run() {
    local pid
    host_alive "$1" || host_error "no host runs in $1; start it: host_start $1" || return
    pid=$(cut -d ' ' -f 1 "$1/pid")
    shift
    # shellcheck disable=SC2016 # expanded inside
    nsenter --mount="/proc/$pid/ns/mnt" --uts="/proc/$pid/ns/uts" --ipc="/proc/$pid/ns/ipc" \
        --pid="/proc/$pid/ns/pid_for_children" -- \
        env -u XDG_RUNTIME_DIR -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u LIBVIRT_DEFAULT_URI LC_ALL="${HOST_LOCALE:-C}" HOME=/root \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        setpriv --bounding-set=-sys_module \
        /bin/sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@"
}

# host_run_as DIR UID COMMAND...: as an ordinary user of the host with a home and a
# runtime directory, for qemu:///session. The host's /etc is its own: the user is added.
host_run_as() {
    local dir=$1
    shift
    host_run "$dir" "$host_library/private-host-inside" user "$@"
}

host_virsh() {
    local dir=$1
    shift
    host_run "$dir" virsh -c qemu:///system "$@"
}

# host_domain_state DIR DOMAIN: running, shut off, ...; "none" for no such domain.
host_domain_state() {
    local state
    state=$(host_virsh "$1" domstate "$2" 2>/dev/null) || state=none
    echo "$state"
}

host_domain_is() { [ "$(host_domain_state "$1" "$2")" = "$3" ]; }

# host_domain_wait DIR DOMAIN STATE [SECONDS]
host_domain_wait() {
    host_wait "${4:-30}" host_domain_is "$1" "$2" "$3" ||
        host_error "$2 in $1 is $(host_domain_state "$1" "$2"), not $3"
}

# host_uri DIR: the host's libvirt from the outside and from another host.
host_uri() {
    local path
    path=$(realpath "$1")/run/libvirt/libvirt-sock
    echo "qemu+unix:///system?socket=${path// /%20}"
}

# host_migrate FROM TO DOMAIN [OPTION...]: virsh migrate --live, over loopback.
host_migrate() {
    local from=$1 to=$2 domain=$3
    shift 3
    host_virsh "$from" migrate --live "$@" "$domain" "$(host_uri "$to")" \
        --migrateuri tcp://127.0.0.1 --listen-address 127.0.0.1
}

# --- daemons: known by PID file, never by name

# host_daemon_start DIR NAME COMMAND...: output to DIR/log/NAME.log. Back when the
# process is there, which says nothing about its being ready. The PID file carries
# the start time as well.
host_daemon_start() {
    local dir name=$2 pidfile=/run/private-host/$2.pid
    dir=$(realpath "$1")
    shift 2
    host_daemon_gone "$dir" "$name" || host_error "$name runs already in $dir" || return
    mkdir -p "$dir/run/private-host" && rm -f "$dir$pidfile"
    # shellcheck disable=SC2016 # expanded inside, where tini adopts what is left behind
    host_run "$dir" sh -c 'setsid "$@" </dev/null &' sh \
        "$host_library/private-host-inside" daemon "$pidfile" "$dir/log/$name.log" "$@"
    host_wait 10 test -e "$dir$pidfile" || host_error "$name did not start in $dir, see log/$name.log"
}

# host_daemon_pid DIR NAME: its PID inside; fails when it does not run.
host_daemon_pid() {
    local pid stamp
    { read -r pid stamp <"$1/run/private-host/$2.pid"; } 2>/dev/null || return 1
    # shellcheck disable=SC2016 # expanded inside
    host_run "$1" sh -c '
        stat=$(cat "/proc/$0/stat" 2>/dev/null) || exit
        set -- "$1" ${stat##*) }
        [ "$2" != Z ] && [ "${21}" = "$1" ]' "$pid" "$stamp" && echo "$pid"
}

# host_daemon_kill DIR NAME [SIGNAL]: TERM unless told; does not wait.
host_daemon_kill() {
    local pid
    pid=$(host_daemon_pid "$1" "$2") || host_error "$2 does not run in $1" || return
    # The shell's own: a small machine has no kill program.
    # shellcheck disable=SC2016 # expanded inside
    host_run "$1" sh -c 'kill -s "$0" "$1"' "${3:-TERM}" "$pid"
}

host_daemon_gone() { ! host_daemon_pid "$1" "$2" >/dev/null; }

# host_daemon_stop DIR NAME [SECONDS]: TERM, and KILL if that does not help in time.
host_daemon_stop() {
    if host_daemon_gone "$1" "$2"; then return; fi
    host_daemon_kill "$1" "$2" TERM
    host_wait "${3:-10}" host_daemon_gone "$1" "$2" && return
    host_error "$2 in $1 ignores SIGTERM: killed" || host_daemon_kill "$1" "$2" KILL
    host_wait 5 host_daemon_gone "$1" "$2" && return 1
}

# --- libvirtd

host_libvirtd_answers() { host_virsh "$1" list >/dev/null 2>&1; }

host_libvirtd_settled() { host_libvirtd_answers "$1" || host_daemon_gone "$1" libvirtd; }

host_libvirtd_start() {
    host_daemon_gone "$1" libvirtd || return 0
    host_daemon_start "$1" libvirtd libvirtd || return
    host_wait "${HOST_TIMEOUT:-60}" host_libvirtd_settled "$1"
    host_libvirtd_answers "$1" ||
        host_error "libvirtd in $1 does not answer: $(tail -n 3 "$1/log/libvirtd.log" "$1/var/log/libvirt/libvirtd.log")"
}

# The guests go on.
host_libvirtd_stop() { host_daemon_stop "$1" libvirtd; }

host_libvirtd_restart() { host_libvirtd_stop "$1" && host_libvirtd_start "$1"; }

# --- guests

# Quoted, as bash 5.2 reads a bare & as "what matched".
xml_escape() {
    local text=${1//'&'/'&amp;'}
    text=${text//'<'/'&lt;'} text=${text//'>'/'&gt;'} text=${text//\'/'&apos;'} text=${text//'"'/'&quot;'}
    printf '%s' "$text"
}

# domain_xml TEMPLATE NAME [KEY=VALUE...]: tests/libvirt/domains/TEMPLATE.xml (or a
# file) with @KEY@ filled in. METADATA, CPU and DEVICES are XML and empty unless
# given; UUID is random unless given; all else is text, and escaped.
domain_xml() {
    local text key value template=$1 name=$2 pair
    shift 2
    [ -e "$template" ] || template=$host_library/domains/$template.xml
    text=$(<"$template") || return
    set -- "$@" "UUID=$(</proc/sys/kernel/random/uuid)" VCPUS=1 CMDLINE= METADATA= CPU= DEVICES= "NAME=$name"
    for pair; do
        key=${pair%%=*} value=${pair#*=}
        case $key in
            METADATA | CPU | DEVICES) ;;
            *) value=$(xml_escape "$value") ;;
        esac
        text=${text//"@$key@"/"$value"}
    done
    printf '%s\n' "$text"
}

# disk_xml FILE: the <disk> of a qcow2 image.
disk_xml() {
    echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$1'/><target dev='vda' bus='virtio'/></disk>"
}

# host_console DIR NAME: makes what lab.xml's serial port wants and prints its path
# for LOG=: .log is the console's output, lines go in by host_console_say.
host_console() {
    local base
    base=$(realpath "$1")/log/$2
    [ -p "$base.in" ] || mkfifo "$base.in" || return
    ln -sfn /dev/null "$base.out"
    : >"$base.log"
    echo "$base"
}

# host_console_say LOG LINE: one line for the guest's console (QEMU holds the pipe).
host_console_say() { printf '%s\n' "$2" 1<>"$1.in"; }

# host_console_wait LOG REGEX [SECONDS]: until a line of the console matches.
host_console_wait() {
    host_wait "${3:-60}" grep -Eq -- "$2" "$1.log" ||
        host_error "no line /$2/ in $1.log; it ends: $(tail -n 5 "$1.log")"
}

# host_lab DIR NAME [KEY=VALUE...]: lab.xml with the built guest (NEST_GUEST, default
# build/guest) and a console.
host_lab() {
    local guest=${NEST_GUEST:-$host_project/build/guest} log
    log=$(host_console "$1" "$2") || return
    shift
    domain_xml lab "$@" "KERNEL=$guest/vmlinuz" "INITRD=$guest/l1.img" "LOG=$log"
}

# --- as a command: private-host.sh FUNCTION-WITHOUT-host_ ARGUMENT...
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -eu
    if [ $# -lt 2 ] || ! declare -F "host_$1" >/dev/null; then
        echo 'usage: private-host.sh start DIR [STAGE] | run DIR COMMAND... | virsh DIR ... | stop DIR | ...' >&2
        exit 2
    fi
    HOST_OWNER=${HOST_OWNER:-none}
    "host_$1" "${@:2}"
fi
