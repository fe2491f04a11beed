# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permanent neighbors (ip-neighbour(8)), and addresses that the node answers for.

What the kernel learns by itself is not observed. A learned entry, or a failed one, is no conflict: a request for a permanent
one replaces it.
"""

from __future__ import annotations

from typing import Collection, Iterator, List, NamedTuple

from ..engine.kind import Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import DELETE, Step
from ..kernel.kernel import Kernel
from ..kernel.messages import NLM_F_CREATE, NLM_F_REPLACE, NTF_PROXY, NUD_INCOMPLETE, NUD_PERMANENT, Index, Message
from .fields import AF_INET, AF_INET6, family
from .shell import ip
from .ties import on_link, on_link_with_ipv4


class NeighborKey(NamedTuple):
    netns: str
    dev: str
    address: str


class Neighbor(Kind[NeighborKey]):
    """``values``: mac."""

    name = "neighbor"
    title = "neighbor"
    key = NeighborKey
    tied_to = ("netns", "link", "ipv4")
    flags = 0

    def ties(self, resource: Resource[NeighborKey]) -> Ties:
        netns, dev, address = resource.key
        return (on_link_with_ipv4 if family(address) == AF_INET else on_link)(netns, dev)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[NeighborKey]]:
        for netns in scope.netns:
            links = kernel.links(netns)
            # of all families at once (neigh_dump_info, net/core/neighbour.c)
            for fields, attrs in kernel.dump(netns, "neigh", {"family": 0, "flags": self.flags}, self._is_kept):
                link = links.get(fields["ifindex"])
                if link is not None:
                    key = NeighborKey(netns, link[1]["IFLA_IFNAME"], attrs["NDA_DST"])
                    if fields["state"] == NUD_INCOMPLETE and not kernel.ledger.owner((self.name, key)):
                        continue  # a question of the kernel's own; one of ours was left to hold packets (kernel/handover.py)
                    owner = kernel.ledger.owner_on_link((self.name, key), link[1].get("IFLA_IFALIAS"))
                    values = {} if self.flags else {"mac": attrs.get("NDA_LLADDR")}
                    yield Resource(self.name, key, values, owner)

    def _is_kept(self, inet, _index, state, flags, _kind):
        if inet not in (AF_INET, AF_INET6):
            return False
        if flags & NTF_PROXY or self.flags:
            return flags & self.flags
        return state & NUD_PERMANENT or state == NUD_INCOMPLETE

    def create(self, resource: Resource[NeighborKey], companions: Collection[Resource[NeighborKey]]) -> List[Request]:
        return [self._request("new", NLM_F_CREATE | NLM_F_REPLACE, resource)]

    def change(
        self, before: Resource[NeighborKey], after: Resource[NeighborKey], fields: Collection[str]
    ) -> List[Request]:
        return [self._request("new", NLM_F_CREATE | NLM_F_REPLACE, after)]

    def delete(self, resource: Resource[NeighborKey]) -> List[Request]:
        return [self._request("del", 0, resource)]

    def _request(self, verb, flags, resource):
        netns, link, address = resource.key
        fields = {"family": family(address), "ifindex": Index(netns, link), "state": NUD_PERMANENT, "flags": self.flags}
        attrs = [("NDA_DST", address)]
        if resource.values.get("mac"):
            attrs.append(("NDA_LLADDR", resource.values["mac"]))
        return Request(netns, Message(verb, "neigh", flags, fields, attrs), local=True)

    def commands(self, step: Step) -> List[str]:
        netns, link, address = step.resource.key
        if step.action == DELETE:
            return [ip(netns, "neighbor", "del", address, "dev", link)]
        mac = step.after.values["mac"]
        return [ip(netns, "neighbor", "replace", address, "lladdr", mac, "dev", link, "nud", "permanent")]


class Proxy(Neighbor):
    """An address that the node answers neighbour discovery or ARP for."""

    name = "proxy"
    title = "proxied neighbor"
    flags = NTF_PROXY

    def commands(self, step: Step) -> List[str]:
        netns, link, address = step.resource.key
        return [ip(netns, "neighbor", "del" if step.action == DELETE else "add", "proxy", address, "dev", link)]
