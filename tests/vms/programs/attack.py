# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: what an endpoint of its bridge tries, and guards and policy are there against.

``attack.py once NAMESPACE MATE STRANGER`` prints JSON: attack -> whether it works; the two addresses are of another group, on the same
bridge and on another node. ``attack.py container NAMESPACE MATE`` does it for an engine's container and an endpoint of its bridge.
``attack.py boot NAMESPACE FILE`` lies from the moment that the endpoint is there, and writes how many of
these frames came to each interface of the node.
"""

import errno
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter

from ask import enter

BRIDGE, ENDPOINT = "fabric0", "eth0"
MARK = b"nodenet attack!!"
ALL, ARP, IPV4 = 0x0003, 0x0806, 0x0800  # linux/if_ether.h
CLOSED = 8081  # nobody listens, and no rule of the policy lists it


def raw(dev=""):
    """Return a socket for the frames of an interface, or of all."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    if dev:
        link.bind((dev, ALL))
    link.settimeout(0.05)
    return link


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def datagram(mac, source, sport=5, dport=5):
    """Return a marked frame to everybody."""
    body = struct.pack("!4H", sport, dport, 8 + len(MARK), 0) + MARK
    ends = socket.inet_aton(source) + b"\xff" * 4
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, socket.IPPROTO_UDP, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + struct.pack("!H", IPV4) + head + body


def claim(mac, address):
    """Return a marked frame to everybody: the address is at this MAC address (RFC 5227, 1.1)."""
    ends = (mac + socket.inet_aton(address)) * 2
    return b"\xff" * 6 + mac + struct.pack("!HHHBBH", ARP, 1, IPV4, 6, 4, 1) + ends + MARK


def passes(frame, sender, bridge):
    """Say whether the bridge hands a frame to the node."""
    until = time.monotonic() + 0.7
    for _time in range(3):
        sender.send(frame)
    while time.monotonic() < until:
        try:
            found, where = bridge.recvfrom(65535)
        except socket.timeout:
            continue
        if where[2] != socket.PACKET_OUTGOING and MARK in found and found[:34] == frame[:34]:
            return True
    return False


def reaches(address, port):
    """Say whether a host refuses a connection, which it does where nobody listens."""
    with socket.socket() as stream:
        stream.settimeout(1)
        return stream.connect_ex((address, port)) == errno.ECONNREFUSED


def at_home(namespace, target):
    """Enter a namespace; return sockets for its interface and for the bridge, its MAC address, and that which it asks a target with."""
    bridge = raw(BRIDGE)
    enter(namespace)
    sender = raw(ENDPOINT)
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return sender, bridge, sender.getsockname()[4], probe.getsockname()[0]


def container(namespace, mate):
    sender, bridge, mac, own = at_home(namespace, mate)
    frames = {
        "a container with an endpoint's address": datagram(mac, mate),
        "a container's ARP for an endpoint": claim(mac, mate),
        "a container's ARP for the gateway": claim(mac, f"{own.rpartition('.')[0]}.1"),
    }
    found = {name: passes(frame, sender, bridge) for name, frame in frames.items()}
    assert passes(datagram(mac, own), sender, bridge)
    print(json.dumps(found))


def once(namespace, mate, stranger):
    sender, bridge, mac, own = at_home(namespace, stranger)
    lie, gateway = (f"{own.rpartition('.')[0]}.{number}" for number in (77, 1))
    frames = {
        "an address of nobody": datagram(mac, lie),
        "an address of its neighbor": datagram(mac, mate),
        "a MAC address of somebody else": datagram(b"\x02\0\0\0\0\x77", own),
        "ARP for the gateway": claim(mac, gateway),
        "an offer of DHCP": datagram(mac, own, 67, 68),
    }
    found = {name: passes(frame, sender, bridge) for name, frame in frames.items()}
    # its own is always let through: else nothing would be shown
    assert passes(datagram(mac, own), sender, bridge)
    found["another group on the same bridge"] = reaches(mate, CLOSED)
    found["another group on another node"] = reaches(stranger, CLOSED)
    print(json.dumps(found))


def lies(namespace):
    """Send marked frames with an address of nobody as soon as an endpoint has an interface, every 5 ms."""
    while True:
        try:
            enter(namespace)
            sender = raw(ENDPOINT)
            frame = datagram(sender.getsockname()[4], "10.244.77.77")
            while True:
                sender.send(frame)
                time.sleep(0.005)
        except OSError:  # there is none yet, or it is down
            time.sleep(0.005)


def boot(namespace, path):
    seen, links = Counter(), raw()

    def end(*_signal):
        with open(path, "w", encoding="utf-8") as target:
            json.dump(seen, target)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=lies, args=(namespace,), daemon=True).start()
    while True:
        try:
            frame, where = links.recvfrom(65535)
        except OSError:
            continue
        if where[2] != socket.PACKET_OUTGOING and MARK in frame:
            seen[where[0]] += 1


{"once": once, "container": container, "boot": boot}[sys.argv[1]](*sys.argv[2:])
