#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt's documentation of the domain XML calls a PCI address' bus "a hex value", and lspci writes it in hex without 0x. But
# libvirt reads the number as C does: bus='10' is 0x0a, and bus='010' is octal, 0x08. Both are valid by libvirt's schema,
# which counts the second as ten. So if an administrator copies 10:00.0 from lspci into a <hostdev>, the guest gets the device
# 0a:00.0, without an error if that device exists. The bus in a disk's address, an attribute and element of the same names, is
# decimal. In 9.0, 11.3 and 12.9.
. "$(dirname "$0")/packages"

# bus BUS: of a disk and a PCI device that have it, in a domain that libvirt has validated and defined. A disk's has two digits at most.
bus() {
    cat >"$root/domain.xml" <<-END
	<domain type='test'><name>finding</name><memory>1024</memory><os><type>hvm</type></os><devices>
	<disk type='block' device='disk'><source dev='/dev/null'/><target dev='sda' bus='scsi'/>
	<address type='drive' controller='0' bus='${1: -2}' target='0' unit='0'/></disk>
	<hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='$1' slot='0' function='0'/></source></hostdev>
	</devices></domain>
	END
    inside virsh -q -c test:///default 'define --validate /domain.xml; dumpxml finding' 2>&1 |
        sed -n "s/.*<address.*bus='\([0-9a-fx]*\)'.*/\1/p" | paste -s -d ' '
}

shows() {
    sees "libvirt $1, bus='16', of the disk and of the PCI device" '16 0x10' "$(bus 16)"
    sees "libvirt $1, bus='10'" '10 0x0a' "$(bus 10)"
    sees "libvirt $1, bus='10' and bus='010'" '10 0x08' "$(bus 010)"
}

unpack bookworm libvirt-clients=9.0.0-4+deb12u2
shows 9.0
unpack trixie libvirt-clients=11.3.0-3+deb13u3
shows 11.3
unpack trixie {libvirt-clients,libvirt0,libvirt-common}=12.9.0-1~bpo13+1
shows 12.9
