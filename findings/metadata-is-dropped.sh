#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# In a domain's <metadata>, libvirt keeps one element for each namespace. It drops an element without a namespace, and an
# element whose prefix is not declared, without an error and with exit status 0: what a tool has put there is gone after the
# next define. In 9.0 and 11.3. Shown with libvirt's test driver, which needs no daemon.
. "$(dirname "$0")/packages"

# kept XML: the elements that are in the metadata of a domain defined with these.
kept() {
    cat >"$root/domain.xml" <<-END
	<domain type='test'><name>finding</name><memory>1024</memory><os><type>hvm</type></os>
	<metadata>$1</metadata></domain>
	END
    inside virsh -q -c test:///default 'define /domain.xml; dumpxml finding' 2>/dev/null |
        sed -n '/<metadata>/,/<\/metadata>/p' | grep -oE '<[a-z:]+' | grep -v metadata | paste -s -d ' '
}

shows() {
    sees "an element without a namespace, in libvirt $1" '' "$(kept '<label/>')"
    sees "an element with an undeclared prefix, in libvirt $1" '' "$(kept '<a:label/>')"
    sees "an element with a declared one, in libvirt $1" '<a:label' "$(kept '<a:label xmlns:a="urn:a:1"/>')"
    sees "the second element of a namespace, in libvirt $1" '<a:first' \
        "$(kept '<a:first xmlns:a="urn:a:1"/><a:second xmlns:a="urn:a:1"/>')"
}

unpack bookworm libvirt-clients=9.0.0-4+deb12u2
shows 9.0
unpack trixie libvirt-clients=11.3.0-3+deb13u3
shows 11.3
