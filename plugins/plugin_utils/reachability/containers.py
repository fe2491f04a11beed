# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running containers as endpoints that no inventory names: who reaches whom is asked of them, too. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional

from ..attachments import ATTACHMENTS
from ..values.networks import subnets_of

Model = Dict[str, Any]
# node -> what nodenet.fabric.fabric_info returned for its engines; None: it could not be asked
Found = Dict[str, Optional[Dict[str, Any]]]
# engines connect their containers to the node's bridge
ATTACHMENT = next(name for name, attachment in ATTACHMENTS.items() if attachment.shares_l2)


def registered_by(hostvars: Any, nodes: Iterable[str], name: Optional[str]) -> Found:
    """Return what each of ``nodes`` registered as ``name``, as it was: what a module returned is no template."""
    if not name:
        return {}
    asked = {node: hostvars.raw_get(node).get(name) for node in nodes}
    return {node: result if result and "engines" in result else None for node, result in asked.items()}


def with_containers(model: Model, found: Found) -> Model:
    """Return ``model`` with the containers in ``found`` behind the endpoints of their nodes."""
    nodes = {
        name: {**values, "fabric_endpoints": [*values["fabric_endpoints"], *_endpoints(values, found.get(name) or {})]}
        for name, values in model["nodes"].items()
    }
    return {**model, "nodes": nodes}


def _endpoints(values: Dict[str, Any], result: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    for one in result.get("containers") or ():
        addresses = {
            key: address
            for _subnet, key in subnets_of(values)
            for address in one["addresses"]
            if (":" in address) == (key == "address6")
        }
        if addresses:
            name, netns = f"{one['engine']}:{one['name']}", f"/proc/{one['pid']}/ns/net"
            yield {"name": name, "netns": netns, "attachment": ATTACHMENT, "unwritten": [], **addresses}


def container_lines(found: Found) -> List[str]:
    """Return the line that says how many containers of each engine are among those that were asked; none: no engine was asked."""
    numbers: Dict[str, int] = {}
    for result in found.values():
        for engine in (result or {}).get("engines") or ():
            numbers.setdefault(engine, 0)
        for one in (result or {}).get("containers") or ():
            numbers[one["engine"]] += 1
    listed = ", ".join(f"{engine} {number}" for engine, number in sorted(numbers.items()))
    return [f"running containers that were asked: {listed}"] if numbers else []


def container_faults(found: Found) -> List[str]:
    """Return a line for each engine that could not be asked for its containers."""
    return [
        f"{node}: {engine} could not be asked for its containers: {why}"
        for node, result in found.items()
        for engine, why in ((result or {}).get("engines") or {}).items()
        if why
    ]
