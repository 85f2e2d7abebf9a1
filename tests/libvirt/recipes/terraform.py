# SPDX-License-Identifier: LGPL-2.1-or-later
"""Terraform's calls to libvirt, without Terraform: terraform.py FILE ROUNDS

They are those of the provider dmacvicar/libvirt 0.9.7 (internal/provider/domain_resource.go), in their order, over one
connection. FILE has the XML of a domain. In each round the domain is created, updated and deleted. A start that is
refused is printed; the last line says how many domains were created.
"""
import sys

import libvirt

libvirt.registerErrorHandler(lambda _context, _error: None, None)


def start(domain):
    """Whether it starts. A domain that starts has the tag and the feature."""
    try:
        domain.createWithFlags(0)
    except libvirt.libvirtError as error:
        print(f"refused: {error}")
        return False
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    if "urn:virt-nest:1" not in xml or "mode='maximum'" not in xml:
        sys.exit(f"it was started without what its tag asks for: {xml}")
    return True


def create(connection, xml):
    """Create: a domain that does not start is undefined again."""
    domain = connection.defineXML(xml)
    if start(domain):
        return domain
    domain.undefine()
    return None


def update(connection, domain, xml):
    """Update: the domain is made anew; that it does not start is only a warning."""
    domain.destroyFlags(0)
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM)
    domain = connection.defineXML(xml)
    start(domain)
    return domain


def delete(domain):
    if domain.isActive():
        domain.destroyFlags(0)
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_TPM)


def main(path, rounds):
    connection = libvirt.open("qemu:///system")
    with open(path, encoding="utf-8") as file:
        xml = file.read()
    created = 0
    for _ in range(rounds):
        domain = create(connection, xml)
        if domain:
            created += 1
            delete(update(connection, domain, xml))
    print(f"created: {created} of {rounds}")


main(sys.argv[1], int(sys.argv[2]))
