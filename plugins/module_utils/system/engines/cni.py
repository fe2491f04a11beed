# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CNI: a network has no daemon; what its plugin host-local has handed out says which containers are attached."""

from __future__ import annotations

import os
from typing import Dict, List

from .container import Container

# the plugin host-local's dataDir
LEASES = "/var/lib/cni/networks"


def containers(network: str) -> List[Container]:
    """Return the containers that hold an address of a network.

    A file for each address has the container's id in its first line and the interface in the second. Whoever called the
    plugins alone knows the process.
    """
    folder = f"{LEASES}/{network}"
    held: Dict[str, List[str]] = {}
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        names = []
    for name in sorted(names):
        if not name.startswith(("last_reserved_ip", "lock")):
            with open(f"{folder}/{name}", encoding="utf-8") as lease:
                # on file systems without colons host-local writes an underscore
                held.setdefault(lease.readline().strip(), []).append(name.replace("_", ":"))
    return [Container("cni", holder, holder, 0, tuple(addresses)) for holder, addresses in held.items()]
