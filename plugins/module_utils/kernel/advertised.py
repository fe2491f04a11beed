# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces with IPv6 routes from router advertisements, which the kernel deletes when forwarding is turned on."""

from __future__ import annotations

from typing import List

from . import namespaces, procfs

# linux/ipv6_route.h: RTF_DEFAULT, RTF_ADDRCONF
LEARNED = 0x00010000 | 0x00040000
ROUTES = "/proc/thread-self/net/ipv6_route"


def advertised(netns: str) -> List[str]:
    """Return the names of the links in ``netns`` that would lose learned routes, sorted.

    When IPv6 forwarding is turned on, the kernel deletes the routes from router advertisements on links whose accept_ra is
    not 2 (__rt6_purge_dflt_routers in net/ipv6/route.c), and ignores later advertisements there. A link that has 2
    already is one of them: somebody set it for the same reason.
    """
    if not procfs.has_ipv6() or (netns and namespaces.identity(netns) is None):
        return []
    return namespaces.in_netns(netns, _here)


def accept_ra(link: str) -> str:
    """Return the name of a link's sysctl accept_ra."""
    return f"net.ipv6.conf.{link.replace('.', '/')}.accept_ra"


def _here():
    with open(ROUTES, encoding="ascii") as source:
        learned = {words[9] for words in map(str.split, source) if int(words[8], 16) & LEARNED}
    accepts = procfs.links_with("ipv6", "accept_ra")
    return sorted(link for link, value in accepts.items() if value == "2" or (value == "1" and link in learned))
