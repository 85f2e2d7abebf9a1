# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds a route as ip(8) does, which not every machine has: route.py 192.168.122.0/24 lo"""
import ctypes
import fcntl
import ipaddress
import socket
import struct
import sys

ADD = 0x890B  # SIOCADDRT
UP = 1  # RTF_UP


def address(value):
    """A struct sockaddr_in."""
    return struct.pack("=HH4s8x", socket.AF_INET, 0, value.packed)


network = ipaddress.ip_network(sys.argv[1])
device = ctypes.create_string_buffer(sys.argv[2].encode())
# struct rtentry: destination, gateway, mask, flags, ..., the device's name, and no limits
entry = struct.pack(
    "@L16s16s16sHhLPhPLLH",
    0, address(network.network_address), address(ipaddress.ip_address("0.0.0.0")), address(network.netmask),
    UP, 0, 0, 0, 0, ctypes.addressof(device), 0, 0, 0)
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ADD, entry)
