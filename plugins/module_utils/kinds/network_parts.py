# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the networks of all engines are made of: the mark, parts of subnets, files. Used by one file for each engine."""

from __future__ import annotations

import ipaddress
import json
import os
import shlex
from contextlib import suppress
from typing import Any, Dict, Iterable, Optional, Tuple

from ..system.files import write

# the label, or the key of a file, that has the set to which a network belongs
MARK = "nodenet.fabric"

Values = Dict[str, Any]


def bounds(subnet: str, part: str) -> Tuple[str, str]:
    """Return the first and the last address of ``part`` that a container of ``subnet`` can have, both prefixes.

    The first address of a subnet means the subnet, or any router in it (RFC 4291, 2.6.1), the last of IPv4's all hosts.
    """
    whole, found = ipaddress.ip_network(subnet), ipaddress.ip_network(part)
    first, last = found.network_address, found.broadcast_address
    if first == whole.network_address and first != last:
        first += 1
    if last == whole.broadcast_address and last != first and whole.version == 4:
        last -= 1
    return str(first), str(last)


def part_of(subnet: str, first: str, last: str) -> str:
    """Return the prefix whose :func:`bounds` in ``subnet`` these are; else the two, which no prefix is equal to."""
    if not first and not last:
        return ""
    with suppress(ValueError):
        whole, address = ipaddress.ip_network(subnet), ipaddress.ip_address(first)
        for length in range(whole.prefixlen, whole.max_prefixlen + 1):
            part = str(ipaddress.ip_network((address, length), strict=False))
            if bounds(subnet, part) == (first, last):
                return part
    return f"{first}-{last}"


def settled(values: Values) -> Values:
    """Return desired values as a file has them.

    Several prefixes may mean the same addresses: 10.9.0.1/32 and 10.9.0.0/31 do in 10.9.0.0/24.
    """
    subnets = tuple(
        (subnet, gateway, part_of(subnet, *bounds(subnet, part)) if part else "")
        for subnet, gateway, part in values["subnets"]
    )
    others = {name: value for name, value in values.items() if not name.startswith("trusted_")}
    return {**others, "subnets": subnets}


def read(path: str) -> Tuple[str, Dict[str, Any]]:
    """Return the text of a file, and the JSON object in it; {}: there is none."""
    try:
        with open(path, encoding="utf-8") as source:
            text = source.read()
        found = json.loads(text)
    except (OSError, ValueError):
        return "", {}
    return text, found if isinstance(found, dict) else {}


def files(folder: str, endings: Iterable[str]) -> Dict[str, Tuple[str, Dict[str, Any]]]:
    """Return path -> what :func:`read` returns, of the files of a folder that end so, in order."""
    names: Iterable[str] = ()
    with suppress(FileNotFoundError):
        names = sorted(os.listdir(folder))
    return {path: read(path) for path in (f"{folder}/{name}" for name in names) if path.endswith(tuple(endings))}


def put(path: str, document: Dict[str, Any], raw: Optional[str]) -> None:
    """Write a network's file.

    :param raw: the text of a foreign one, which is restored.
    """
    write(path, raw if raw is not None else json.dumps(document, indent=2) + "\n")


def remove(paths: Iterable[str]) -> None:
    """Remove the files of a network, and the folder if nothing else is in it."""
    for path in paths:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with suppress(OSError):
            os.rmdir(os.path.dirname(path))


def put_by_hand(path: str, document: Dict[str, Any]) -> str:
    """Return the command that writes a network's file."""
    return f"mkdir -p {os.path.dirname(path)} && echo {shlex.quote(json.dumps(document))} >{path}"
