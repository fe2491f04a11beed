# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The neighbor entries that a ping of many targets makes, removed before they fill the kernel's table.

The kernel has one limit for all namespaces of a machine (``net.ipv4.neigh.default.gc_thresh3``, 1,024 for each family), and
keeps an entry for a minute: a hundred endpoints on one bridge that ping each other would need 10,000, and targets beyond the
limit would seem silent.
"""

from __future__ import annotations

import ipaddress
from typing import Iterator, Tuple

from ..kernel.messages import NTF_EXT_LEARNED, NUD_INCOMPLETE, NUD_NOARP, NUD_PERMANENT, Message
from ..kernel.netlink import Netlink

Key = Tuple[int, int, str]  # family, index of the link, address


class NeighborCache:
    """The dynamic entries of one namespace; those that exist when it is created are left alone.

    :raises OSError: no netlink socket can be opened in the namespace.
    """

    def __init__(self, netlink: Netlink, netns: str) -> None:
        self._netlink, self._netns = netlink, netns
        self._networks = [
            ipaddress.ip_network(f"{attrs['IFA_ADDRESS']}/{fields['prefixlen']}", strict=False)
            for fields, attrs in netlink.dump(netns, "addr")
            if "IFA_ADDRESS" in attrs
        ]
        self._before = {key for key, _state in self._entries()}

    def is_neighbor(self, address: str) -> bool:
        """Say whether ``address`` is in a connected network."""
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self._networks)

    def remove(self, but_incomplete: bool) -> int:
        """Remove the entries that are new.

        :param but_incomplete: keep those whose neighbor has not answered yet.
        :returns: how many are left.
        """
        entries = [entry for entry in self._entries() if entry[0] not in self._before]
        known = [key for key, state in entries if state != NUD_INCOMPLETE or not but_incomplete]
        # an entry that went by itself is no failure
        self._netlink.request(
            [(number, self._netns, _deletion(*key)) for number, key in enumerate(known)], [None] * len(known)
        )
        return len(entries) - len(known)

    def _entries(self) -> Iterator[Tuple[Key, int]]:
        """Yield (key, state) of the entries that the kernel itself has learned."""
        for fields, attrs in self._netlink.dump(self._netns, "neigh", keep=_is_learned):
            if "NDA_DST" in attrs:
                yield (fields["family"], fields["ifindex"], attrs["NDA_DST"]), fields["state"]


def _is_learned(_family, _index, state, flags, _type):
    return not state & (NUD_PERMANENT | NUD_NOARP) and not flags & NTF_EXT_LEARNED


def _deletion(family, index, address):
    return Message("del", "neigh", 0, {"family": family, "ifindex": index}, [("NDA_DST", address)])
