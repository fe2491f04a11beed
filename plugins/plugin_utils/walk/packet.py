# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet: its headers, outermost first. Pure Python.

Lengths are those of RFC 791, 8200, 768, 9293, 792 and 7348; a size is that of the IP packet in bytes.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

Plain = Dict[str, Any]

BROADCAST = "ff:ff:ff:ff:ff:ff"
IP_BYTES = {4: 20, 6: 40}
UDP_BYTES, VXLAN_BYTES, ETHERNET_BYTES = 8, 8, 14
# what a walk sends if nobody says how large: ping(8)'s 56 bytes of payload, and as much in other protocols
DEFAULT_BYTES = {4: 84, 6: 104}
DEFAULT_TTL = 64


class OwnPort(int):
    """A port, or an ICMP echo's identifier, that the sender chooses: the number stands for any."""


class Ip(NamedTuple):
    """``protocol``: icmp, icmpv6, tcp, udp, ipip, or arp for what is no IP packet."""

    version: int
    src: str
    dst: str
    ttl: int = DEFAULT_TTL
    protocol: str = "icmp"
    size: int = DEFAULT_BYTES[4]


class L4(NamedTuple):
    """``type``: udp, tcp, icmp, icmpv6; ``kind`` of the latter: echo-request, echo-reply, nd-neighbor-solicit, …

    A port is None if it is chosen on the way: by a hash of the inner packet, or at random by masquerade. The identifier of an
    ICMP echo is its ``sport``.
    """

    type: str
    sport: Optional[int] = None
    dport: Optional[int] = None
    kind: Optional[str] = None
    target: Optional[str] = None  # of ND


class Seal(NamedTuple):
    """Whose packet in the payload nobody else can read, and who must (public keys).

    :param preshared: the name of the key that both must have, too; the empty string: none.
    :param padding: bytes that are added before the packet is encrypted.
    """

    sender: str
    receiver: str
    preshared: str = ""
    padding: int = 0


class Packet(NamedTuple):
    """A packet or, with ``src`` and ``dst`` MAC addresses, a frame. ``inner`` is in the payload of a tunnel."""

    ip: Ip
    l4: Optional[L4] = None
    src: Optional[str] = None
    dst: Optional[str] = None
    inner: Optional[Packet] = None
    vni: Optional[int] = None
    seal: Optional[Seal] = None
    mark: int = 0
    fragments: bool = False  # routers may cut it: its DF bit is not set
    piece: int = 0  # the size of the largest fragment, of a packet that is cut

    def framed(self, src: Optional[str], dst: Optional[str]) -> Packet:
        """Return the packet in a frame from and to these MAC addresses."""
        return self._replace(src=src, dst=dst)

    def hopped(self) -> Packet:
        """Return the packet as a router sends it on: its TTL is one less, and the frame is gone."""
        return self._replace(ip=self.ip._replace(ttl=self.ip.ttl - 1), src=None, dst=None)

    @property
    def whole(self) -> int:
        """The size of the largest IP packet that is on the wire for this one."""
        return self.piece or self.ip.size

    @property
    def innermost(self) -> Packet:
        """The packet that a program sent."""
        return self.inner.innermost if self.inner else self


def headers(packet: Packet) -> List[Plain]:
    """Return the headers of a packet in JSON's form, outermost first; without the port that the sender chooses."""
    found: List[Plain] = []
    if packet.dst:
        found.append({"type": "ethernet", "src": packet.src, "dst": packet.dst})
    ip = packet.ip
    if ip.protocol == "arp":
        return [*found, {"type": "arp", "src": ip.src, "dst": ip.dst}]
    found.append(
        {
            "type": f"ipv{ip.version}",
            "src": ip.src,
            "dst": ip.dst,
            "ttl": ip.ttl,
            "protocol": ip.protocol,
            "size": ip.size,
        }
    )
    if packet.l4:
        known = {name: value for name, value in packet.l4._asdict().items() if not isinstance(value, OwnPort)}
        ports = {name: value for name, value in known.items() if value is not None and name != "kind"}
        found.append({**ports, **({"message": packet.l4.kind} if packet.l4.kind else {})})
    if packet.vni is not None:
        found.append({"type": "vxlan", "vni": packet.vni})
    if packet.seal is not None:
        found.append({"type": "wireguard"})
    return [*found, *headers(packet.inner)] if packet.inner else found
