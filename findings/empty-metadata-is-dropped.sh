#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libvirt 9.0 keeps an empty <metadata/>; 11.3 drops it at define. A client that compares what it defined with what it reads
# back finds a difference in a domain that nobody changed.
. "$(dirname "$0")/packages"

kept() {
    cat >"$root/domain.xml" <<-END
	<domain type='test'><name>finding</name><memory>1024</memory><os><type>hvm</type></os><metadata/></domain>
	END
    inside virsh -q -c test:///default 'define /domain.xml; dumpxml finding' 2>/dev/null | grep -c '<metadata' || :
}

unpack bookworm libvirt-clients=9.0.0-4+deb12u2
sees 'elements that libvirt 9.0 keeps' 1 "$(kept)"
unpack trixie libvirt-clients=11.3.0-3+deb13u3
sees 'elements that libvirt 11.3 keeps' 0 "$(kept)"
