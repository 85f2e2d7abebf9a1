#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# virt-clone's manual says that elements which require uniqueness are updated. virt-clone makes a new UUID and MAC address,
# but keeps the <genid>. This number is there to tell a guest that it is a copy. So a clone whose disk was copied does not
# learn that, and a domain controller in it goes on with the counters that the first guest uses. virt-clone also keeps a fixed
# address of <vsock> and the path of a channel's socket, which two running guests cannot share. In 4.1 (Debian 12) and 5.0
# (Debian 13).
. "$(dirname "$0")/packages"

# What installing ca-certificates would make, and a Python module asks for as it begins.
certificates() {
    mkdir -p "$root/etc/ssl/certs"
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
}

# kept: what the clone has in common with a domain, of all that is to be its own.
kept() {
    cat >"$root/first.xml" <<-'END'
	<domain type='test'><name>first</name><uuid>11111111-2222-4333-8444-555555555555</uuid>
	<genid>99999999-2222-4333-8444-555555555555</genid><memory>1024</memory><os><type>hvm</type></os>
	<devices><interface type='network'><mac address='52:54:00:11:22:33'/><source network='default'/></interface>
	<channel type='unix'><source mode='bind' path='/run/first.sock'/><target type='virtio' name='org.example'/></channel>
	<vsock model='virtio'><cid auto='no' address='4'/></vsock></devices></domain>
	END
    inside virt-clone --connect test:///default --original-xml /first.xml --name second --auto-clone --print-xml 2>&1 |
        grep -oE '<name>[a-z]+|11111111|99999999|52:54:00:11:22:33|/run/first.sock|cid [^/]*' | sed 's/<name>//' | paste -s -d ' '
}

shows() {
    unpack "$1" virtinst="$2" coreutils
    certificates
    sees "the clone, and what it has of the first, virt-clone $2" 'second 99999999 /run/first.sock cid auto="no" address="4"' "$(kept)"
}

shows bookworm 1:4.1.0-2
shows trixie 1:5.0.0-5+deb13u1
