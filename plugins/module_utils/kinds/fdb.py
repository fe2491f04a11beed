# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding entries of a VXLAN device (bridge(8), "fdb"): which node has a MAC address behind it.

A VTEP needs two tables. The neighbor table says which MAC address the peer's VTEP has, the forwarding table to which node
of the underlay packets for that MAC address go. A unicast MAC address is behind one node; the zero address, for all that is
not known, may be behind many (drivers/net/vxlan/vxlan_core.c, vxlan_fdb_add).
"""

from __future__ import annotations

from typing import Collection, Iterator, List, NamedTuple, Optional

from ..engine.kind import Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import CREATE, DELETE, Step
from ..kernel.kernel import Kernel
from ..kernel.messages import (
    AF_BRIDGE,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NTF_SELF,
    NUD_NOARP,
    NUD_PERMANENT,
    Index,
    Message,
)
from .shell import bridge
from .ties import on_link

ZERO = "00:00:00:00:00:00"


class FdbKey(NamedTuple):
    """``dst`` is "" but for the zero address, see :func:`key_of`."""

    netns: str
    dev: str
    mac: str
    dst: str


class Fdb(Kind[FdbKey]):
    """``values``: dst."""

    name = "fdb"
    title = "forwarding entry"
    key = FdbKey
    tied_to = ("netns", "link")

    def ties(self, resource: Resource[FdbKey]) -> Ties:
        return on_link(resource.netns, resource.key.dev)

    def unfit(self, resource: Resource[FdbKey], base: Resource) -> Optional[str]:
        """Any other device would keep the entry without its ``dst``, which is VXLAN's own (rtnl_fdb_add)."""
        kind = base.values.get("type")
        if base.kind == "link" and kind not in (None, "vxlan"):
            return f"{base.key.name!r} is a {kind} and no VXLAN device: only that has forwarding entries with a node behind"
        return None

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[FdbKey]]:
        for netns in scope.netns:
            links = kernel.links(netns)
            if not any(attrs.get("IFLA_INFO_KIND") == "vxlan" for _fields, attrs in links.values()):
                continue
            for fields, attrs in kernel.dump(netns, "neigh", {"family": AF_BRIDGE}, _is_permanent):
                link, dst = links.get(fields["ifindex"]), attrs.get("NDA_DST")
                if link is not None and dst:
                    key = key_of(netns, link[1]["IFLA_IFNAME"], attrs["NDA_LLADDR"], dst)
                    owner = kernel.ledger.owner_on_link((self.name, key), link[1].get("IFLA_IFALIAS"))
                    yield Resource(self.name, key, {"dst": dst}, owner)

    def create(self, resource: Resource[FdbKey], companions: Collection[Resource[FdbKey]]) -> List[Request]:
        more = NLM_F_APPEND if resource.key.mac == ZERO else NLM_F_REPLACE
        return [self._request("new", NLM_F_CREATE | more, resource)]

    def change(self, before: Resource[FdbKey], after: Resource[FdbKey], fields: Collection[str]) -> List[Request]:
        return [self._request("new", NLM_F_CREATE | NLM_F_REPLACE, after)]

    def delete(self, resource: Resource[FdbKey]) -> List[Request]:
        return [self._request("del", 0, resource)]

    @staticmethod
    def _request(verb, flags, resource):
        netns, link, mac, _dst = resource.key
        fields = {"family": AF_BRIDGE, "ifindex": Index(netns, link), "state": NUD_PERMANENT, "flags": NTF_SELF}
        attrs = [("NDA_LLADDR", mac), ("NDA_DST", resource.values["dst"])]
        return Request(netns, Message(verb, "neigh", flags, fields, attrs), local=True)

    def commands(self, step: Step) -> List[str]:
        netns, link, mac, _dst = step.resource.key
        verb = "append" if step.action == CREATE and mac == ZERO else {DELETE: "del"}.get(step.action, "replace")
        words = ["fdb", verb, mac, "dev", link, "dst", step.resource.values["dst"], "self"]
        return [bridge(netns, *words, *(["permanent"] if step.action != DELETE else []))]


def _is_permanent(_family, _index, state, _flags, _kind):
    return state & (NUD_PERMANENT | NUD_NOARP)


def key_of(netns: str, link: str, mac: str, dst: str) -> FdbKey:
    """Return the key of an entry: a unicast MAC address is behind one node, the zero address behind many."""
    return FdbKey(netns, link, mac, dst if mac == ZERO else "")
