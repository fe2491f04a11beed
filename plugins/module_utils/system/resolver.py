# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's name servers as another namespace can ask them: a stub on the node's loopback interface is not there."""

from __future__ import annotations

import ipaddress
from typing import List

# systemd-resolved.service(8): the servers behind its stub come first
SOURCES = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")
KEPT = ("search", "domain", "options")  # resolv.conf(5)


def settings() -> str:
    """Return lines of resolv.conf(5): the servers that are not on the loopback interface, and how names are completed."""
    for path in SOURCES:
        lines = _lines(path)
        servers = [words for words in lines if words[0] == "nameserver" and _is_elsewhere(words[-1])]
        if servers:
            kept = [words for words in lines if words[0] in KEPT]
            return "".join(" ".join(words) + "\n" for words in (*servers, *kept))
    return "# the node has no name server that is reached from here\n"


def _lines(path: str) -> List[List[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return [line.split() for line in source if line.split()]
    except OSError:
        return []


def _is_elsewhere(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
