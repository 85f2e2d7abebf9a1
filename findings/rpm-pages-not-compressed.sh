#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# rpmbuild runs rpm's brp-compress on the installed files. This script reads names with `read -d ''`, which bash has. Debian's
# copy is run by /bin/sh, which is dash there. dash says "read: Illegal option -d"; the script compresses no manual page and
# ends with status 0, so rpmbuild goes on. In 4.18 (Debian 12) and 4.20 (Debian 13). Run by bash, the same file compresses the
# pages.
. "$(dirname "$0")/packages"

# pages SHELL: what brp-compress leaves of a manual page, and with which status.
pages() {
    rm -rf "$root/build"
    mkdir -p "$root/build/usr/share/man/man1"
    echo '.TH A 1' >"$root/build/usr/share/man/man1/a.1"
    inside env RPM_BUILD_ROOT=/build "$1" /usr/lib/rpm/brp-compress /usr >/dev/null 2>&1 && (cd "$root/build/usr/share/man/man1" && echo *)
}

shows() {
    unpack "$1" "rpm=$2" bash dash gzip findutils grep coreutils sed
    sees "the page, in rpm $2" 'a.1' "$(pages sh)"
    sees "the page, by bash, in rpm $2" 'a.1.gz' "$(pages bash)"
}

shows bookworm 4.18.0+dfsg-1+deb12u1
shows trixie 4.20.1+dfsg-3
