# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire, by the outermost header of a frame (RFC 791, RFC 8200)."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.path_mtu import Path, carried, outermost

MACS = bytes(12)
UDP = struct.pack("!HHHH", 40000, 8472, 1480, 0)
DF, MF = 0x4000, 0x2000


def ipv4(protocol, flags, inside=b""):
    return MACS + struct.pack("!HBBHHHBBH8s", 0x0800, 0x45, 0, 1500, 7, flags, 64, protocol, 0, bytes(8)) + inside


def ipv6(following, inside=b""):
    return MACS + struct.pack("!HIHBB32s", 0x86DD, 6 << 28, 1460, following, 64, bytes(32)) + inside


@pytest.mark.parametrize(
    ("frame", "seen"),
    [
        (ipv4(17, DF, UDP), "udp:8472"),
        (ipv4(17, MF, UDP), "fragments of udp:8472"),
        (ipv4(4, 185), "fragments of ipip"),
        (ipv4(4, 0), "ipip"),
        (ipv4(1, DF), "plain"),
        (ipv6(58), "plain"),
        (ipv6(17, UDP), "udp:8472"),
        (ipv6(44, struct.pack("!BBHI", 17, 0, 1, 9) + UDP), "fragments of udp:8472"),
        (ipv6(89), "protocol 89"),
        (MACS + b"\x08\x06" + bytes(46), "ethertype 0x0806"),
    ],
)
def test_the_outermost_header_says_how_a_packet_travels_and_whether_in_fragments(frame, seen):
    assert outermost(frame) == seen


TOKEN = b"8 random"
PEER, OTHER, PEER6 = "192.0.2.7", "192.0.2.8", "2001:db8::7"


def path(peer, port=51820, mtu=1440):
    return Path("", "10.0.0.2", mtu, mtu + 1, ["192.0.2.1"], peer, port)


def message(to=PEER, port=51820, kind=4, length=1472, inside=b""):
    """Return a frame with a message of WireGuard, of ``length`` bytes, as much of it as is captured."""
    data = struct.pack("!HHHHB3s", 9, port, length + 8, 0, kind, bytes(3)) + inside
    address = socket.inet_pton(socket.AF_INET6 if ":" in to else socket.AF_INET, to)
    if ":" in to:
        return MACS + struct.pack("!HIHBB16s16s", 0x86DD, 6 << 28, 8, 17, 64, bytes(16), address) + data
    return MACS + struct.pack("!HBBHHHBBH4s4s", 0x0800, 0x45, 0, 1500, 7, DF, 64, 17, 0, bytes(4), address) + data


def test_an_encrypted_packet_is_known_by_its_peer_and_its_length():
    group = [path(PEER), path(OTHER), path(PEER6)]
    assert carried(message(), TOKEN, group) == [(group[0], "wireguard:51820")]
    assert carried(message(PEER6), TOKEN, group) == [(group[2], "wireguard:51820")]
    # padded to 16 bytes
    assert carried(message(length=1487), TOKEN, group) == [(group[0], "wireguard:51820")]


@pytest.mark.parametrize(
    "other",
    [{"to": "192.0.2.9"}, {"port": 8472}, {"kind": 1}, {"length": 1488}, {"length": 1471}],
    ids=["another host", "another port", "a handshake", "a longer packet", "a shorter packet"],
)
def test_another_packet_is_not_taken_for_it(other):
    assert carried(message(**other), TOKEN, [path(PEER)]) == []
    assert carried(message(), TOKEN, [path(None, None)]) == []


def test_a_packet_that_can_be_read_is_no_encrypted_one():
    group = [path(PEER), path(OTHER)]
    assert carried(ipv4(1, DF, TOKEN + struct.pack("!I", 1)), TOKEN, group) == [(group[1], "plain")]
    assert carried(message(inside=TOKEN + struct.pack("!I", 0)), TOKEN, group) == [(group[0], "udp:51820")]
    assert carried(ipv4(1, DF, TOKEN + struct.pack("!I", 2)), TOKEN, group) == []
