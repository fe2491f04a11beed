# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridge ports: that a link belongs to a bridge, and how the bridge treats it (bridge(8), "link set")."""

from __future__ import annotations

from typing import Collection, Iterator, List, NamedTuple, Optional

from ..engine.kind import Kind, Scope, Tie, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import CREATE, DELETE, Step
from ..kernel.kernel import Kernel
from ..kernel.messages import Index, Message
from .link_types import PORT, decode, encode, words
from .shell import ip
from .ties import LinkKey, on_link


class PortKey(NamedTuple):
    """``name`` is that of the link."""

    netns: str
    name: str


class Port(Kind[PortKey]):
    """``values``: master, and the fields of link_types.PORT."""

    name = "port"
    title = "bridge port"
    key = PortKey
    tied_to = ("netns", "link")

    def ties(self, resource: Resource[PortKey]) -> Ties:
        found = on_link(*resource.key, "name")
        if resource.values.get("master"):
            return (*found, Tie(("link", LinkKey(resource.netns, resource.values["master"])), "bridge"))
        return found

    def unfit(self, resource: Resource[PortKey], base: Resource) -> Optional[str]:
        """Only a bridge has ports, and none that is a bridge itself (br_add_if, net/bridge/br_if.c)."""
        kind = base.values.get("type")
        if base.kind == "link" and base.key == resource.key and kind == "bridge":
            return f"{base.key.name!r} is a bridge, and no bridge can be a port of another"
        if base.kind == "link" and base.key != resource.key and kind not in (None, "bridge"):
            return f"{base.key.name!r} is a {kind} and no bridge: only that has ports"
        return None

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[PortKey]]:
        for netns in scope.netns:
            for _fields, attrs in kernel.links(netns).values():
                if attrs.get("IFLA_INFO_SLAVE_KIND") != "bridge":
                    continue
                key = PortKey(netns, attrs["IFLA_IFNAME"])
                values = decode(PORT, attrs)
                values["master"] = kernel.link_name(netns, attrs["IFLA_MASTER"])
                owner = kernel.ledger.owner_on_link((self.name, key), attrs.get("IFLA_IFALIAS"))
                yield Resource(self.name, key, values, owner)

    def create(self, resource: Resource[PortKey], companions: Collection[Resource[PortKey]]) -> List[Request]:
        return self._set(resource, resource.values)

    def change(self, before: Resource[PortKey], after: Resource[PortKey], fields: Collection[str]) -> List[Request]:
        return self._set(after, fields)

    def delete(self, resource: Resource[PortKey]) -> List[Request]:
        return [self._enslave(resource, 0)]

    def _set(self, resource, fields):
        requests = []
        if "master" in fields:
            requests.append(self._enslave(resource, Index(resource.netns, resource.values["master"])))
        data = encode(PORT, {name: resource.values[name] for name in fields}, resource.netns)
        if data:
            info = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", {"attrs": data})]
            requests.append(
                Request(
                    resource.netns,
                    Message(
                        "new", "link", 0, {}, [("IFLA_IFNAME", resource.key.name), ("IFLA_LINKINFO", {"attrs": info})]
                    ),
                    local=True,
                )
            )
        return requests

    @staticmethod
    def _enslave(resource, index):
        return Request(
            resource.netns,
            Message("set", "link", 0, {}, [("IFLA_IFNAME", resource.key.name), ("IFLA_MASTER", index)]),
            local=True,
        )

    def commands(self, step: Step) -> List[str]:
        netns, name = step.resource.key
        if step.action == DELETE:
            return [ip(netns, "link", "set", "dev", name, "nomaster")]
        fields = step.after.values if step.action == CREATE else step.fields
        lines = []
        if "master" in fields:
            lines.append(ip(netns, "link", "set", "dev", name, "master", step.after.values["master"]))
        typed = words(PORT, {field: step.after.values[field] for field in fields})
        if typed:
            lines.append(ip(netns, "link", "set", "dev", name, "type", "bridge_slave", *typed))
        return lines
