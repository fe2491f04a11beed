# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and MAC addresses of the fabric's interfaces. Pure Python.

Which names the kernel accepts is the rule of :mod:`module_utils.kinds.names`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Dict, Iterable, List, Sequence

from ..module_utils.kinds.names import interface_fault

# the prefixes of the host ends of endpoints' veth pairs, unless the inventory names them
HOST_ENDS = ("veth-", "v-", "v")
INTERFACE = "eth0"


def named(prefixes: Sequence[str], name: str) -> str:
    """Return the name of an interface made for ``name``, which Ansible lets be anything.

    That is the name itself behind the first of ``prefixes`` that makes a valid interface name, else a digest of it behind
    the last, which is for digests alone: :func:`patterns` says which names are ours.
    """
    for prefix in prefixes[:-1]:
        if not interface_fault(f"{prefix}{name}"):
            return f"{prefix}{name}"
    # 40 bits: names that begin alike, as those of replicas do, do not collide
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest())[:8].decode().lower()
    return f"{prefixes[-1]}{re.sub(r'[^A-Za-z0-9_.-]', '', name)[:5]}-{digest}"


def patterns(prefixes: Sequence[str]) -> List[str]:
    """Return the patterns (glob(7)) of the names that :func:`named` gives with ``prefixes``."""
    return [f"{prefix}*" for prefix in prefixes[:-1]] + [f"{prefixes[-1]}*-{'?' * 8}"]


def mac_of(*words: str) -> str:
    """Return a MAC address derived from ``words``: locally administered, the same on every run and on a reinstalled node."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def node_mac(node: str) -> str:
    """Return the MAC address that a node has towards its endpoints: of its bridge and of the host ends of all veth pairs.

    An endpoint's gateway keeps it when the endpoint is attached otherwise.
    """
    return mac_of(node, "endpoints")


def host_end(endpoint: Dict[str, Any]) -> str:
    """Return the name of the end of an endpoint's veth in the node: host_interface, else one made of the endpoint's name."""
    return endpoint.get("host_interface") or named(HOST_ENDS, endpoint["name"])


def interface_of(endpoint: Dict[str, Any]) -> str:
    """Return the name of the end of an endpoint's veth in its namespace."""
    return endpoint.get("interface") or INTERFACE


def host_ends(endpoints: Iterable[Dict[str, Any]]) -> List[str]:
    """Return the names of the ends in the node: patterns (glob(7)) of the default names, and each name that is given."""
    endpoints = list(endpoints)
    given = [endpoint["host_interface"] for endpoint in endpoints if endpoint.get("host_interface")]
    return patterns(HOST_ENDS) * (len(given) < len(endpoints)) + given
