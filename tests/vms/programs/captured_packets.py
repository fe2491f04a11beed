# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a machine: what a file of tcpdump holds, ``captured_packets.py FILE MARK``.

It prints JSON: "clear" (the mark can be read) and "encrypted" (by WireGuard) -> source -> [packets, time of the first, of the last], by
the machine's clock in seconds. A source is the node's address, or that of the endpoint if nothing is around its packet.

Sources: pcap-savefile(5); LINKTYPE_LINUX_SLL of www.tcpdump.org/linktypes; WireGuard's whitepaper, 5.4 (messages).
"""

import json
import socket
import struct
import sys

FILE, RECORD, LINK, UDP = 24, 16, 16, 17  # bytes of headers, and a protocol
WIREGUARD, DATA, KEEPALIVE = (51820, 51821), 4, 32  # ports, type of message, bytes of one without a packet


def is_encrypted(packet):
    if packet[0] >> 4 != 4 or packet[9] != UDP:
        return False
    message = packet[(packet[0] & 15) * 4 :]
    return struct.unpack_from("!H", message, 2)[0] in WIREGUARD and message[8] == DATA and len(message) > 8 + KEEPALIVE


def packets(content):
    """Yield (time, bytes from the IP header on)."""
    at = FILE
    while at + RECORD <= len(content):
        seconds, micro, size, _whole = struct.unpack_from("<4I", content, at)
        yield seconds + micro / 1e6, content[at + RECORD + LINK : at + RECORD + size]
        at += RECORD + size


def main():
    path, mark = sys.argv[1:]
    with open(path, "rb") as source:
        content = source.read()
    found = {"clear": {}, "encrypted": {}}
    for when, packet in packets(content):
        kind = "clear" if mark.encode() in packet else "encrypted" if is_encrypted(packet) else None
        if kind:
            entry = found[kind].setdefault(socket.inet_ntoa(packet[12:16]), [0, when, when])
            entry[0], entry[2] = entry[0] + 1, when
    print(json.dumps(found))


main()
