# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the fabric's nodes and endpoints as hosts(5) has them. Pure Python."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from typing import Any, Dict, List

from ..values.networks import FAMILIES

LOCAL = ("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback")
# what stands in a line of the file, between blanks; Ansible lets a node be called anything
WORD = re.compile(r"[^\s#\x00-\x20]+")


def hosts_text(model: Dict[str, Any]) -> str:
    """Return the text of a hosts file with every node and every endpoint.

    An endpoint is ``NAME.NODE``, and ``NAME`` too where nothing else in the fabric is called so.
    """
    lines = list(LOCAL)
    found = [(node, one) for node, values in model["nodes"].items() for one in values["fabric_endpoints"]]
    times = Counter([*model["nodes"], *(one["name"] for _node, one in found), "localhost"])
    for node, values in model["nodes"].items():
        lines += _lines([values[family.address] for family in FAMILIES], [node] * _is_name(node))
    for node, one in found:
        names = [f"{one['name']}.{node}"] * _is_name(node) + [one["name"]] * (times[one["name"]] == 1)
        lines += _lines([one.get(family.key) for family in FAMILIES], names)
    return "".join(f"{line}\n" for line in lines)


def _lines(addresses: List[Any], names: List[str]) -> List[str]:
    return [" ".join((address, *names)) for address in addresses if address and names]


def _is_name(word: str) -> bool:
    """Say whether a node's name can be looked up; that of one that is called by its address cannot."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return WORD.fullmatch(word) is not None
    return False


def hosts_files(model: Dict[str, Any], name: str) -> List[Dict[str, Any]]:
    """Return the hosts files of a node: one for each endpoint, and one that containers can mount."""
    text = hosts_text(model)
    folders = [f"/etc/netns/{one['name']}" for one in model["nodes"][name]["fabric_endpoints"]]
    return [{"path": f"{folder}/hosts", "content": text} for folder in (*folders, "/etc/nodenet")]
