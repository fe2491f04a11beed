# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire, by the outermost header of a frame (RFC 791, RFC 8200)."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.path_mtu import outermost

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
