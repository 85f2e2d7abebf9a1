#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# To remove a device from a domain, libvirt-gconfig offers one way: call gvir_config_domain_get_devices(), and pass the
# remaining devices to set_devices(), which writes all devices anew. A device whose element get_devices() does not know is in
# its list as a plain object, so a <tpm> stays. But a device whose element it knows, and whose type it does not know, is not
# in the list. So a program that sets the list unchanged loses each interface of type direct, each USB hostdev, and each
# controller except those for USB, without an error. libvirt then adds a SCSI controller of its default model for the
# remaining disks, and the guest may not know this model. In the same way each element in <features> keeps its name and loses
# its content. In 4.0 (Debian 12) and 5.0 (Debian 13).
. "$(dirname "$0")/packages"

# left: the devices and features of a domain after both were set as they were got.
left() {
    cat >"$root/set.py" <<'PYTHON'
import re
import gi
gi.require_version('LibvirtGConfig', '1.0')
from gi.repository import LibvirtGConfig
domain = LibvirtGConfig.Domain.new_from_xml("""<domain type='kvm'><name>finding</name>
<features><acpi/><kvm><hidden state='on'/></kvm></features>
<devices><controller type='usb'/><controller type='scsi' model='virtio-scsi'/><interface type='network'/><interface type='direct'/>
<hostdev type='pci'/><hostdev type='usb'/><tpm model='tpm-crb'/><unknown/></devices></domain>""")
domain.set_devices(domain.get_devices())
domain.set_features(domain.get_features())
print(*re.findall('<(controller[^/>]*|interface[^/>]*|hostdev[^/>]*|tpm|unknown|acpi|kvm|hidden)', domain.to_xml()), sep='; ')
PYTHON
    inside python3 /set.py | tr -d '"'
}

shows() {
    unpack "$1" gir1.2-libvirt-glib-1.0="$2" python3-gi python3
    sees "left of the domain, libvirt-gconfig $2" "acpi; kvm; controller type=usb; interface type=network; hostdev type=pci; tpm; unknown" "$(left)"
}

shows bookworm 4.0.0-2
shows trixie 5.0.0-2+b4
