#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls kubevirt-plugin as KubeVirt does, by gRPC on a Unix socket (Debian's package python3-grpcio):

   client.py SOCKET node POINT VMI         the answer is the status alone
   client.py SOCKET domain FORMAT XML VMI  ... and the XML, on standard output

VMI and XML are files. TIMES=N calls N times at once; all answers must be the same. Standard error is the status and its
message, and the exit status 0 for OK. The messages are encoded here by the numbers of their fields, without the
.proto of the server, so that a mistake there is seen.
"""
import os
import sys

import grpc

PACKAGE = "/kubevirt.hooks.plugins.v1alpha1."


def varint(number):
    """A number in protobuf's encoding."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, value):
    """A string, bytes or a message as a field of another (wire type 2)."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def first_field(message):
    """The value of a message that has field 1 alone, or is empty."""
    size, shift, at = 0, 0, 1
    if not message:
        return b""
    assert message[0] == 1 << 3 | 2, message[:16]
    while True:
        size |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 128:
            break
    assert len(message) == at + size
    return message[at:]


def read(path):
    """A file."""
    with open(path, "rb") as file:
        return file.read()


def request(kind, words):
    """Which call, and with what."""
    if kind == "node":
        return "NodeHookService/ExecuteNodeHook", (
            field(1, words[0].encode()) + field(2, read(words[1])) + field(3, field(1, b"node01")))
    return "DomainHookService/MutateDomain", (
        field(1, words[0].encode()) + field(2, read(words[1])) + field(3, read(words[2])) + field(4, field(1, b"Boot")))


def main(socket, kind, *words):
    """Calls, and says what came back."""
    name, message = request(kind, words)
    options = [("grpc.default_authority", "localhost")]  # as KubeVirt's client has it
    with grpc.insecure_channel("unix:" + socket, options) as channel:
        call = channel.unary_unary(PACKAGE + name)
        calls = [call.future(message, timeout=60, wait_for_ready=True) for _ in range(int(os.environ.get("TIMES", "1")))]
        outcomes = {(one.code().name, one.details(), b"" if one.exception() else one.result()) for one in calls}
    if len(outcomes) != 1:
        sys.exit("the answers differ: " + repr(outcomes))
    code, details, answer = outcomes.pop()
    sys.stdout.buffer.write(first_field(answer))
    print(code, details, file=sys.stderr)
    return 0 if code == "OK" else 1


sys.exit(main(*sys.argv[1:]))
