# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The headers of a captured frame, outermost first, down into VXLAN and IP tunnels; and whose packet is in it.

RFC 791, 8200, 768, 9293, 792, 4443, 7348, 2003, 2473.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Dict, List, NamedTuple, Optional

Header = Dict[str, Any]

# linux/if_ether.h, linux/in.h, linux/if_arp.h
ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q = 0x0800, 0x86DD, 0x8100
ICMP, IPIP, TCP, UDP, IPV6, ICMPV6 = 1, 4, 6, 17, 41, 58
PROTOCOLS = {ICMP: "icmp", IPIP: "ipip", TCP: "tcp", UDP: "udp", IPV6: "ip6", ICMPV6: "icmpv6"}
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772
VXLAN_PORTS = frozenset((4789, 8472))
VXLAN_FLAG = 0x08
MESSAGES = {
    "icmp": {0: "echo-reply", 3: "unreachable", 8: "echo-request", 11: "time-exceeded"},
    "icmpv6": {1: "unreachable", 2: "packet-too-big", 3: "time-exceeded", 128: "echo-request", 129: "echo-reply"},
}
ERRORS = ("unreachable", "packet-too-big", "time-exceeded")
FORWARD, REVERSE, ERROR = "forward", "reverse", "error"
SYN, ACK = 0x02, 0x10


# the last bits of a mark's first word number the packets of one capture
FLOW_BITS = 12
MOST_FLOWS = (1 << FLOW_BITS) - 1  # the number behind the last one is that of what acknowledges it
FLOW_MASK = MOST_FLOWS


class Mark(NamedTuple):
    """By what packets of ours are found.

    :param token: 8 bytes; those of a packet's number are left out of it. They are at the beginning of the payload of ICMP and UDP,
        the first 4 are the sequence number of TCP.
    :param port: the source port of UDP and TCP.
    """

    token: bytes
    port: int = 0

    @property
    def magic(self) -> int:
        """The first 4 bytes, without the number of a packet."""
        return int.from_bytes(self.token[:4], "big") & ~FLOW_MASK

    def of(self, flow: int) -> bytes:
        """Return the 8 bytes of the packet of that number, which is below MOST_FLOWS."""
        return (self.magic | flow).to_bytes(4, "big") + self.token[4:]

    def flow_in(self, data: bytes, place: int) -> Optional[int]:
        """Return the number of the packet that has its payload at ``place``, or None: it is none of ours."""
        word = int.from_bytes(data[place : place + 4], "big")
        return (
            word & FLOW_MASK
            if word & ~FLOW_MASK == self.magic and data[place + 4 : place + 8] == self.token[4:]
            else None
        )


class Frame(NamedTuple):
    """What is in a frame.

    :param headers: outermost first.
    :param direction: FORWARD, REVERSE, or ERROR: of a router that could not pass the packet on.
    :param flow: the number of the packet.
    :param sequence: which try it is; of TCP always 0.
    """

    headers: List[Header]
    direction: str
    flow: int
    sequence: int = 0


def parsed(data: bytes, hardware: int, mark: Mark) -> Optional[Frame]:
    """Return what is in a frame as a packet socket brings it, or None: it is not about the marked packet.

    :param hardware: the type of the device (sll_hatype, packet(7)), which says whether there is an Ethernet header.
    """
    headers: List[Header] = []
    place, version = 0, (data[0] >> 4 if data else 0)
    if hardware in (ARPHRD_ETHER, ARPHRD_LOOPBACK):
        place = _ethernet(data, headers)
        version = {ETH_P_IP: 4, ETH_P_IPV6: 6}.get(_ether_type(data, place), 0)
    try:
        return _ip(data, place, version, headers, mark)
    except (struct.error, IndexError):  # cut short
        return None


def _ether_type(data, end):
    return int.from_bytes(data[end - 2 : end], "big")


def _ethernet(data, headers, place=0):
    """Add the Ethernet header at ``place``; return where it ends."""
    end = place + 14
    while _ether_type(data, end) == ETH_P_8021Q:
        end += 4
    headers.append(
        {"type": "ethernet", "src": data[place + 6 : place + 12].hex(":"), "dst": data[place : place + 6].hex(":")}
    )
    return end


def _ip(data, place, version, headers, mark):
    """Add the IP header at ``place`` and what is within; return a Frame, or None."""
    if version == 4:
        size, ttl, protocol = struct.unpack_from("!2xH4xBB", data, place)
        ends = data[place + 12 : place + 16], data[place + 16 : place + 20]
        after = place + (data[place] & 15) * 4
        is_first = not struct.unpack_from("!H", data, place + 6)[0] & 0x1FFF
    elif version == 6:
        size, protocol, ttl = struct.unpack_from("!4xHBB", data, place)
        size, after, is_first = size + 40, place + 40, True
        ends = data[place + 8 : place + 24], data[place + 24 : place + 40]
    else:
        return None
    src, dst = (socket.inet_ntop(socket.AF_INET if version == 4 else socket.AF_INET6, end) for end in ends)
    header = {"type": f"ipv{version}", "src": src, "dst": dst, "ttl": ttl}
    headers.append({**header, "protocol": PROTOCOLS.get(protocol, str(protocol)), "size": size})
    if not is_first:
        return None  # a later fragment, without what we look for
    if protocol in (IPIP, IPV6):
        return _ip(data, after, 4 if protocol == IPIP else 6, headers, mark)
    reader = {UDP: _udp, TCP: _tcp, ICMP: _icmp, ICMPV6: _icmp}.get(protocol)
    return reader(data, after, headers, mark) if reader else None


def _udp(data, place, headers, mark):
    sport, dport = struct.unpack_from("!HH", data, place)
    headers.append({"type": "udp", "sport": sport, "dport": dport})
    payload = place + 8
    flow = mark.flow_in(data, payload)
    if flow is not None:
        direction = REVERSE if dport == mark.port else FORWARD
        return Frame(headers, direction, flow, struct.unpack_from("!I", data, payload + 8)[0])
    if data[payload] & VXLAN_FLAG and len(data) > payload + 22:
        headers.append({"type": "vxlan", "vni": int.from_bytes(data[payload + 4 : payload + 7], "big")})
        after = _ethernet(data, headers, payload + 8)
        return _ip(data, after, {ETH_P_IP: 4, ETH_P_IPV6: 6}.get(_ether_type(data, after), 0), headers, mark)
    return None


def _tcp(data, place, headers, mark):
    sport, dport, sequence, acknowledged = struct.unpack_from("!HHII", data, place)
    flags = data[place + 13]
    headers.append({"type": "tcp", "sport": sport, "dport": dport, "message": _flags(flags)})
    if sequence & ~FLOW_MASK == mark.magic and flags == SYN:
        return Frame(headers, FORWARD, sequence & FLOW_MASK)
    # the answer acknowledges the SYN; the reset of our kernel to that acknowledges nothing
    answers = flags & ACK and acknowledged & ~FLOW_MASK == mark.magic
    return Frame(headers, REVERSE, (acknowledged & FLOW_MASK) - 1) if answers else None


def _flags(number):
    return "-".join(word for bit, word in ((2, "syn"), (4, "rst"), (1, "fin"), (16, "ack")) if number & bit)


def _icmp(data, place, headers, mark):
    kind = "icmp" if headers[-1]["type"] == "ipv4" else "icmpv6"
    message = MESSAGES[kind].get(data[place], f"type {data[place]}")
    header: Header = {"type": kind, "message": message}
    headers.append(header)
    if message.startswith("echo"):
        header["sport"] = struct.unpack_from("!H", data, place + 4)[0]
        flow = mark.flow_in(data, place + 8)
        if flow is not None:
            direction = REVERSE if message == "echo-reply" else FORWARD
            return Frame(headers, direction, flow, struct.unpack_from("!I", data, place + 16)[0])
    if message in ERRORS:
        header["code"] = data[place + 1]
        found = _ip(data, place + 8, data[place + 8] >> 4, [], mark)
        if found and found.direction == FORWARD:
            return Frame(headers, ERROR, found.flow, found.sequence)
    return None
