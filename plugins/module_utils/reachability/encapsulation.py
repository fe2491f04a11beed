# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tunnels put on the wire, as inventory, prepare and verify write it: ``udp:8472``, ``wireguard:51820``, ``ipip``. Pure Python."""

from __future__ import annotations

from typing import NamedTuple, Optional, Set

from ..engine.errors import InputError

UDP, PLAIN = "udp", "plain"
# of UDP packets whose payload nobody on the wire can read
WIREGUARD = "wireguard"
# IP protocols that carry packets (IANA's registry): number, what people call it, and its names in nft(8) and iptables(8)
PROTOCOLS = {"ipip": (4, "IP in IP", {"ipip", "ipencap"})}


def described(word: str) -> str:
    """Return what a person reads for ``word``, which a path's packets have on the wire."""
    if word in PROTOCOLS:
        number, title, _names = PROTOCOLS[word]
        return f"{title} (protocol {number})"
    return "plain packets" if word == PLAIN else word


class Encapsulation(NamedTuple):
    """A protocol above the outer IP header: ``udp`` with a port, or one of :data:`PROTOCOLS`.

    :param encrypted: nobody on the wire can read what is in it; its word is then ``wireguard`` with the port.
    """

    protocol: str
    port: Optional[int] = None
    encrypted: bool = False

    @classmethod
    def parse(cls, text: str, option: str) -> Encapsulation:
        """Return what ``text`` means.

        :raises InputError: it means nothing; the error names ``option``.
        """
        protocol, colon, port = text.partition(":")
        if protocol in (UDP, WIREGUARD) and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
            return cls(UDP, int(port), protocol == WIREGUARD)
        if protocol in PROTOCOLS and not colon:
            return cls(protocol)
        raise InputError(option, f"{text!r} is neither udp:PORT, wireguard:PORT nor one of {', '.join(PROTOCOLS)}")

    def __str__(self) -> str:
        word = WIREGUARD if self.encrypted else self.protocol
        return word if self.port is None else f"{word}:{self.port}"

    @property
    def title(self) -> str:
        """Return what a firewall must accept."""
        if self.port is not None:
            return f"UDP port {self.port}"
        return f"IP protocol {PROTOCOLS[self.protocol][0]} ({self.protocol.upper()})"

    @property
    def names(self) -> Set[str]:
        """Return the words by which a rule of a firewall names it; one is enough."""
        return {str(self.port)} if self.port is not None else PROTOCOLS[self.protocol][2]
