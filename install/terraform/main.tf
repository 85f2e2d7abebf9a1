# SPDX-License-Identifier: LGPL-2.1-or-later
# Three hypervisors for a lab, with the tag, by the provider dmacvicar/libvirt. Read at version 0.9.7, not run: the provider
# was not to be had where this was written. Their disks and networks are missing here.
#
# The provider starts a domain over the connection by which it has just defined it, so virtnestd cannot correct its CPU in
# time: it has to have VMX or SVM from the beginning (virt-nest-recipes(7), "Terraform").

terraform {
  required_providers {
    libvirt = {
      source  = "dmacvicar/libvirt"
      version = "~> 0.9"
    }
  }
}

provider "libvirt" {
  uri = "qemu:///system"
}

resource "libvirt_domain" "lab" {
  for_each = toset(["lab1", "lab2", "lab3"])

  name        = each.key
  type        = "kvm"
  memory      = 8192
  memory_unit = "MiB"
  vcpu        = 4
  os = {
    type      = "hvm"
    type_arch = "x86_64"
  }
  cpu = {
    mode = "host-passthrough"
  }
  metadata = {
    xml = "<nest:enable xmlns:nest='urn:virt-nest:1'/>"
  }
  running = true
}
