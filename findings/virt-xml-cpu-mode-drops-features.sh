#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `virt-xml --edit --cpu MODEL` changes a CPU's model and keeps its features. To begin anew there is clearxml=yes, which the
# manual uses in its example with host-model. But the words host-passthrough and host-model drop all features even without it.
# So if a feature such as svm was disabled for the guest, the guest has it again at its next start. With
# mode=host-passthrough, which looks like a longer form of the same, the features stay. `--cpu +svm` adds no feature, because
# the first word is the model's name: the model becomes "+svm". In 4.1 (Debian 12) and 5.0 (Debian 13).
. "$(dirname "$0")/packages"

# What installing ca-certificates would make, and a Python module asks for as it begins.
certificates() {
    mkdir -p "$root/etc/ssl/certs"
    cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
}

# edited CPU: the mode or model, and the features, that a CPU without svm has after `--edit --cpu CPU`.
edited() {
    cat >"$root/domain.xml" <<-'END'
	<domain type='kvm'><name>finding</name><memory>1024</memory><os><type>hvm</type></os>
	<cpu mode='custom'><model>EPYC</model><topology sockets='1' cores='2' threads='1'/><feature policy='disable' name='svm'/></cpu></domain>
	END
    inside virt-xml --connect test:///default --edit --cpu "$1" --print-xml <"$root/domain.xml" 2>&1 |
        grep -oE 'mode="host[^"]*|<model>[^<]*|policy="disable" name="svm"' | sed 's/.*[">]host/host/; s/<model>//; s/policy=.*/without svm/' | paste -s -d ','
}

shows() {
    unpack "$1" virtinst="$2" coreutils
    certificates
    sees "virt-xml $2, --cpu EPYC-Rome" 'EPYC-Rome,without svm' "$(edited EPYC-Rome)"
    sees "virt-xml $2, --cpu mode=host-passthrough" 'host-passthrough,EPYC,without svm' "$(edited mode=host-passthrough)"
    sees "virt-xml $2, --cpu host-passthrough" host-passthrough "$(edited host-passthrough)"
    sees "virt-xml $2, --cpu host-model" host-model "$(edited host-model)"
    sees "virt-xml $2, --cpu +svm" '+svm,without svm' "$(edited +svm)"
}

shows bookworm 1:4.1.0-2
shows trixie 1:5.0.0-5+deb13u1
