#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt sorts a domain's disks by target within each bus, and a guest that boots from "hd" boots from the first disk. In the
# example of libvirt's documentation of <boot>, hdc, vda, vdb, hda become hda, hdc, vda, vdb. That is true if each <target>
# has its bus. If the bus is missing, libvirt takes it from the target's name (hd is ide, vd is virtio), but only after it has
# sorted. So when it sorts, all disks are of one bus, and vda comes first. The XML that libvirt then gives back has the buses.
# If that XML is read again, by the next define or the next start of the daemon, the order changes once more, and with it what
# a number means in `virt-xml --edit 2 --disk`.
. "$(dirname "$0")/packages"

# domain BUS...: with these disks; a bus may be empty.
domain() {
    echo "<domain type='test'><name>finding</name><memory>1024</memory><os><type>hvm</type><boot dev='hd'/></os><devices>"
    printf "<disk type='block'><source dev='/dev/%s'/><target dev='%s' %s/></disk>\n" "$@"
    echo '</devices></domain>'
}

# order DEFINES: of the disks, after so many defines, each of what the one before gave back.
order() {
    local number
    for number in $(seq "$1"); do
        inside virsh -q -c test:///default 'define /domain.xml; dumpxml finding' >"$root/back.xml"
        mv "$root/back.xml" "$root/domain.xml"
    done
    sed -n "s/.*<target dev='\([a-z]*\)'.*/\1/p" "$root/domain.xml" | paste -s -d ' '
}

shows() {
    domain hdc hdc "bus='ide'" vda vda "bus='virtio'" vdb vdb "bus='virtio'" hda hda "bus='ide'" >"$root/domain.xml"
    sees "libvirt $1, hdc vda vdb hda with a bus" 'hda hdc vda vdb' "$(order 1)"
    domain hdc hdc '' vda vda '' vdb vdb '' hda hda '' >"$root/domain.xml"
    sees "libvirt $1, without" 'vda hda vdb hdc' "$(order 1)"
    sees "libvirt $1, that defined again" 'vda vdb hda hdc' "$(order 1)"
}

unpack bookworm libvirt-clients=9.0.0-4+deb12u2
shows 9.0
unpack trixie libvirt-clients=11.3.0-3+deb13u3
shows 11.3
unpack trixie {libvirt-clients,libvirt0,libvirt-common}=12.9.0-1~bpo13+1
shows 12.9
