# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Test cases in bash that print TAP: source it, write functions, end with tap_run.
#
# A case is a function named case_...; the line of comment above it is its sentence. Each runs in a
# subshell of its own under `set -e`: the first command that fails fails the case, and what it printed
# is shown; `echo "# ..." >&3` is shown always. A function setup runs once before all cases, whose names
# it finds in the array cases; a function before_case runs before each. If this release of the system lacks what a case is
# about, the case says so by release_lacks.

# tap_sentence FUNCTION: the comment above it in the script that is run.
tap_sentence() {
    grep -B 1 "^$1()" "$0" | sed -n '1s/^# *//p'
}

tap_log() { sed 's/^/#   /' "$1" | tail -n 100; }

# tap_case NUMBER FUNCTION [AGAIN]: with a third word it is not played once more.
tap_case() {
    local log status sentence reason start=$SECONDS
    ! declare -F before_case >/dev/null || before_case
    sentence=$(tap_sentence "$2")
    log=$(mktemp)
    declare -ft "$2" # its own commands are traced, not those of the functions it calls
    (
        trap 'echo "+ $BASH_COMMAND"' DEBUG
        set -eu
        "$2"
    ) 3>&1 >"$log" 2>&1
    status=$?
    if [ "$status" = 77 ] && reason=$(grep -m 1 '^release lacks ' "$log"); then
        echo "ok $1 $sentence # SKIP $reason"
        status=0
    elif [ "$status" = 0 ]; then
        echo "ok $1 $sentence"
    elif [ $# = 2 ] && declare -F is_replayed >/dev/null && is_replayed; then
        tap_log "$log"
        rm -f "$log"
        tap_case "$1" "$2" again
        return
    else
        echo "not ok $1 $sentence"
        tap_log "$log"
    fi
    [ "$((SECONDS - start))" -lt 20 ] || echo "# that took $((SECONDS - start)) s"
    rm -f "$log"
    return "$status"
}

# tap_run: all cases of this script, or those whose sentence or name matches $ONLY.
tap_run() {
    local cases case number=0 bad=0
    mapfile -t cases < <(grep -oE '^case_[a-z0-9_]+' "$0" | while read -r case; do
        ! echo "$case $(tap_sentence "$case")" | grep -qiE -- "${ONLY:-.}" || echo "$case"
    done)
    echo "1..${#cases[@]}"
    [ "${#cases[@]}" = 0 ] || ! declare -F setup >/dev/null || setup || exit
    for case in "${cases[@]}"; do
        number=$((number + 1))
        tap_case "$number" "$case" # not under || or if: bash then ignores set -e all the way down
        [ $? = 0 ] || bad=1
    done
    exit "$bad"
}

# --- what a case says

# release_lacks WHAT: ends the case, which is skipped. tests/run grants that in CI, and no other skip.
release_lacks() { echo "release lacks $*"; exit 77; }

# refused COMMAND...: must fail with status 1; what it printed is left in $said.
refused() {
    local status=0
    said=$("$@" 2>&1) || status=$?
    echo "$said"
    [ "$status" = 1 ]
}

# not COMMAND...: must fail. (`! command` would not fail a case: bash exempts it from set -e.)
not() { ! "$@"; }

# lacks PATTERN: standard input has no such line.
lacks() { ! grep -E -- "$1"; }

# says PATTERN: what the last refused command printed matches.
says() {
    grep -qE -- "$1" <<<"$said"
}

# eventually COMMAND...: within half a minute, or PATIENCE seconds; the machines are noisy, so nothing waits for a time.
eventually() {
    local end=$((SECONDS + ${PATIENCE:-30}))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { echo "in vain: $*" >&2; "$@" || :; return 1; }
        sleep 0.02
    done
}
