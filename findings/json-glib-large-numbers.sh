#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# json-glib reads an integer that does not fit into 64 signed bits as another number, without an error. 2^64-1 becomes -1 with
# 1.6 (Debian 12), which keeps the bits, and 2^63-1, the largest signed number, with 1.10 (Debian 13). So a large counter that
# a server writes as an unsigned number is read wrong by both, and an upgrade changes the wrong value. json-glib 1.6 also
# cannot read its own text: it adds ".0" to each fractional number that has no point, even after an exponent, so it writes
# 1e20 as 1e+20.0, which is not JSON.
. "$(dirname "$0")/packages"

# written NUMBER: how json-glib writes what it reads.
written() { inside sh -c "printf %s '$1' >/number.json; json-glib-format /number.json"; }
reads_again() { if written "$(written "$1")" >/dev/null 2>&1; then echo read; else echo 'not read'; fi; }

# shows RELEASE SUITE VERSION UNSIGNED HUGE AGAIN
shows() {
    unpack "$2" json-glib-tools="$3" dash
    sees "json-glib $1, 18446744073709551615" "$4" "$(written 18446744073709551615)"
    sees "json-glib $1, 1e20" "$5" "$(written 1e20)"
    sees "json-glib $1, what it has written of 1e20" "$6" "$(reads_again 1e20)"
}

shows 1.6 bookworm 1.6.6-1 -1 1e+20.0 'not read'
shows 1.10 trixie 1.10.6+ds-2 9223372036854775807 1e+20 read
