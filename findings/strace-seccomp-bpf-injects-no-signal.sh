#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# strace can inject a signal into a system call (-e inject=CALL:signal=NAME). With --seccomp-bpf, which is only meant to make
# it faster, the call is traced as before, but the signal is not sent, and strace does not say so: the program goes on, though
# it should have been stopped or ended at that call. In 6.1 (Debian 12) and 6.13 (Debian 13). So a test that stops a program
# in this way cannot use --seccomp-bpf.
. "$(dirname "$0")/packages"

# outcome OPTION...: of a shell that is to be ended by SIGUSR1 as it changes its directory.
outcome() {
    inside strace -f "$@" -o /trace -e trace=chdir -e inject=chdir:signal=USR1 sh -c 'cd /; echo goes on' 2>/dev/null || :
    grep -oE 'chdir\("/"\)|killed by [A-Z0-9]+' "$root/trace"
}

shows() {
    unpack "$1" "strace=$2" dash
    sees "without --seccomp-bpf, in strace $2" $'chdir("/")\nkilled by SIGUSR1' "$(outcome)"
    sees "with it, in strace $2" $'goes on\nchdir("/")' "$(outcome --seccomp-bpf)"
}

shows bookworm 6.1-0.1
shows trixie 6.13+ds-1
