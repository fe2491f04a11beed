# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links: what ip-link(8) makes. A veth is two links, each with the other as its ``peer``."""

from __future__ import annotations

from functools import partial
from typing import Collection, Dict, FrozenSet, Iterator, List, Tuple

from ..engine.kind import EXPAND, SWITCH, Kind, Scope, Tie, Ties
from ..engine.request import Request
from ..engine.resource import Observed, Ref, Resource
from ..engine.step import CREATE, DELETE, RENAME, Step
from ..kernel import procfs
from ..kernel.handover import Handover
from ..kernel.kernel import Kernel
from ..kernel.messages import IFF_NOARP, IFF_UP, NLM_F_CREATE, NLM_F_EXCL, Descriptor, Index, Message
from ..ownership import alias_for, owner_in
from . import devconf
from .fields import given
from .link_commands import LATER, creation, settings
from .link_mtu import BEFORE_BRIDGES, resized
from .link_types import NOUNS, OF_LINK, TYPES, altered, asked_for, decode, encode, fixed_in, port_of, port_settings
from .renaming import ref_after, renamed_veths, resource_after
from .shell import ip
from .ties import LinkKey, in_namespace

# linux/if_arp.h
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

# A veth uses one queue whatever it has (veth_init_queues, drivers/net/veth.c): with as many as there are processors, the
# kernel makes them all, and waits for each end until nobody looks at those that it takes away again.
QUEUES = [("IFLA_NUM_TX_QUEUES", 1), ("IFLA_NUM_RX_QUEUES", 1)]

# Instead of the key of the other end of a veth that is in no namespace that was looked at
NOWHERE = LinkKey("?", "")

# linux/if_link.h: enum in6_addr_gen_mode, in ip-link(8)'s words
ADDRGENMODES = {"eui64": 0, "none": 1, "stable_secret": 2, "random": 3}
MODES = {number: word for word, number in ADDRGENMODES.items()}


class Link(Kind[LinkKey]):
    """``values``: type, up, arp, mac, mtu, alias, master, addrgenmode, peer, and the type's.

    Of what they were not asked for, a veth has the fields of a port (link_types.OF_LINK), and each link those of devconf.
    """

    name = "link"
    title = "interface"
    key = LinkKey
    # vxlan_nl2conf (drivers/net/vxlan/vxlan_core.c) refuses to change VNI and port; link_types.fixed_in has the rest.
    fixed = frozenset({"type", "peer", "vni", "port"})
    needs_ledger_mark = False
    read_only = frozenset({devconf.RP_FILTER})
    tied_to = ("netns", "link")
    provided = ("port",)
    shakes_off = {"mac": ("neighbor",)}  # neigh_changeaddr, net/core/neighbour.c

    def ties(self, resource: Resource[LinkKey]) -> Ties:
        """The end of the bridge is not the end of its ports; that of one end of a veth is the end of the other."""
        netns, values = resource.netns, resource.values
        found = list(in_namespace(netns))
        if values.get("peer"):
            peer = LinkKey(*values["peer"])
            found += [Tie(to, option, binds=False) for to, option, _binds in in_namespace(peer.netns)]
            found.append(Tie((self.name, peer)))
        if values.get("master"):
            found.append(Tie((self.name, LinkKey(netns, values["master"])), "master", binds=False))
        if values.get("lower"):
            found.append(Tie((self.name, LinkKey(netns, values["lower"])), "dev"))
        return tuple(found)

    def noun(self, resource: Resource[LinkKey]) -> str:
        return NOUNS.get(resource.values.get("type", ""), self.title)

    def claimed(self, resource: Resource[LinkKey], owner: str) -> Resource[LinkKey]:
        claimed = resource.merged({"alias": alias_for(owner)}).owned(owner)
        for name in devconf.lacking():
            claimed.values.pop(name, None)
        return claimed

    def fixed_of(self, resource: Resource[LinkKey], found: Resource[LinkKey]) -> FrozenSet[str]:
        return self.fixed | fixed_in(resource.values, found.values)

    def why_anew(self, resource: Resource[LinkKey], fields: List[str]) -> str:
        beside = resource.values["type"] == "vxlan" and not {"vni", "port"}.isdisjoint(fields)
        more = "; with another name it would be made beside the old one, and no packet be lost" if beside else ""
        return super().why_anew(resource, fields) + more

    def wanted(self, resource: Resource[LinkKey]) -> Resource[LinkKey]:
        """What was observed is restored with its very rp_filter, also where the link was half made meanwhile."""
        saved, name = self.saved(resource), devconf.RP_FILTER
        is_known = devconf.STRICT in saved.values and name in resource.values
        return saved.merged({name: resource.values[name]}) if is_known else saved

    def saved(self, resource: Resource[LinkKey]) -> Resource[LinkKey]:
        kept = super().wanted(resource)
        values = devconf.lasting(kept.values)
        if values.get("peer") == NOWHERE:  # nobody can ask for that; the end that is here is as it was without it
            values = {name: value for name, value in values.items() if name != "peer"}
        return Resource(kept.kind, kept.key, values, kept.owner)

    def remade(self, was: Resource[LinkKey], desired: Resource[LinkKey]) -> Resource[LinkKey]:
        """What a link of another type had is nothing that this one could have, and the node's settings are as the node is."""
        kept = devconf.unbound(self.saved(was))
        return super().remade(kept, desired) if desired.values["type"] == was.values["type"] else desired

    def changes_in(self, field: str, before: Resource[LinkKey], after: Resource[LinkKey]) -> str:
        return EXPAND if field in ("alias", "up") else SWITCH

    def companions(self, resource: Resource[LinkKey]) -> Tuple[Ref, ...]:
        peer = resource.values.get("peer")
        return ((self.name, LinkKey(*peer)),) if peer else ()

    def provides(self, resource: Resource[LinkKey]) -> Tuple[Ref, ...]:
        return (("port", resource.key),) if resource.values.get("master") else ()

    def restorable(self, resource: Resource[LinkKey]) -> bool:
        # a veth whose other end is nowhere is one that the kernel is about to end
        return resource.values.get("type") in TYPES and resource.values.get("peer") != NOWHERE

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[LinkKey]]:
        for netns in sorted(scope.netns):  # the node's own first: most other ends are there
            for index, (fields, attrs) in kernel.links(netns).items():
                key = LinkKey(netns, attrs["IFLA_IFNAME"])
                values = _common(kernel, netns, fields, attrs)
                if values["type"] in TYPES:  # others are foreign, and not all in our tables
                    values.update(decode(TYPES[values["type"]], attrs, partial(kernel.link_name, netns)))
                    settings = attrs.get("IFLA_INET_CONF"), attrs.get("IFLA_INET6_CONF")
                    values.update(devconf.observed(*settings, values["type"]))
                if values["type"] == "veth":
                    values.update(port_of(fields["flags"], attrs))
                    values["peer"] = kernel.peer(netns, index, scope.netns) or NOWHERE
                owner = owner_in(values["alias"])
                yield Resource(
                    self.name, key, values, kernel.ledger.owner((self.name, key)) if owner is None else owner
                )

    def create(self, resource: Resource[LinkKey], companions: Collection[Resource[LinkKey]]) -> List[Request]:
        """The mark and what must be decided before the link is up follow in the next stage, in each namespace.

        A bridge comes up when its ports are there: to each that joins one that is up it looks at all others
        (br_port_state_selection, net/bridge/br_stp.c).
        """
        kind = resource.values["type"]
        info = encode(TYPES[kind], asked_for(kind, resource.values), resource.netns)
        for other in companions:
            peer = [("IFLA_NET_NS_FD", Descriptor(other.netns))] + _at_creation(other)
            info.append(("VETH_INFO_PEER", {"attrs": peer}))
        attrs = _at_creation(resource) + [
            ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": info})]})
        ]
        made = Request(resource.netns, Message("new", "link", NLM_F_CREATE | NLM_F_EXCL, {}, attrs))
        late = BEFORE_BRIDGES if kind == "bridge" else ()
        return [made] + [
            request
            for end in (resource, *companions)
            for request in self._set(end, _set_later(end) - {"mac", "mtu"}, stage=1, late=late)
        ]

    def change(self, before: Resource[LinkKey], after: Resource[LinkKey], fields: Collection[str]) -> List[Request]:
        # the MTU of IPv6 follows that of the link
        now = set(fields) - ({"mtu", devconf.MTU6} if "mtu" in fields else set())
        requests = _handed_over(after, self._set(after, now, stage=0))
        requests += [resized(before, after)] if "mtu" in fields else []
        info = encode(TYPES.get(after.values["type"], {}), altered(after.values, fields), after.netns)
        if info:
            attrs = [
                ("IFLA_IFNAME", after.key.name),
                (
                    "IFLA_LINKINFO",
                    {"attrs": [("IFLA_INFO_KIND", after.values["type"]), ("IFLA_INFO_DATA", {"attrs": info})]},
                ),
            ]
            requests.insert(0, Request(after.netns, Message("new", "link", 0, {}, attrs), local=True))
        return requests

    def renames(self, observed: Observed, wanted: Observed) -> Dict[Ref, Ref]:
        found = renamed_veths(observed, wanted)
        live = procfs.renames_what_is_up()
        return {old: new for old, new in found.items() if live or not observed[old].values["up"]}

    def ref_after(self, ref: Ref, names: Dict[Ref, Ref]) -> Ref:
        return ref_after(ref, names)

    def after_rename(self, resource: Resource, names: Dict[Ref, Ref]) -> Resource:
        return resource_after(resource, names)

    def rename(self, before: Resource[LinkKey], after: Resource[LinkKey]) -> List[Request]:
        netns, name = before.key
        attrs = [("IFLA_IFNAME", after.key.name)]
        return [Request(netns, Message("set", "link", 0, {"index": Index(netns, name)}, attrs))]

    def delete(self, resource: Resource[LinkKey]) -> List[Request]:
        return [Request(resource.netns, Message("del", "link", 0, {}, [("IFLA_IFNAME", resource.key.name)]))]

    @staticmethod
    def _set(resource, fields, stage, late=()):
        """Return what sets ``fields``; a link comes up last, or even later.

        do_setlink (net/core/rtnetlink.c) takes the flags before what is particular to IPv6 and to a port, so that these
        need a message of their own before.
        """
        values, name = resource.values, ("IFLA_IFNAME", resource.key.name)
        attrs = []
        if "mac" in fields:
            attrs.append(("IFLA_ADDRESS", values["mac"]))
        if "mtu" in fields:
            attrs.append(("IFLA_MTU", values["mtu"]))
        if "alias" in fields:
            attrs.append(("IFLA_IFALIAS", values["alias"]))
        if "master" in fields:
            attrs.append(("IFLA_MASTER", Index(resource.netns, values["master"]) if values["master"] else 0))
        families = _families(values, fields)
        if families:
            attrs.append(("IFLA_AF_SPEC", {"attrs": families}))
        flags = _flags(values, fields)
        as_port = port_settings(values, fields)
        together = attrs and not late and not as_port and fields.isdisjoint(BEFORE_UP)
        first = Message("set", "link", 0, flags if together else {}, [name, *attrs])
        requests = devconf.ipv6_requests(resource, fields, stage)
        if attrs:
            requests.append(Request(resource.netns, first, stage, local=True))
        if as_port:
            data = encode(OF_LINK, as_port, resource.netns)
            info = {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", {"attrs": data})]}
            message = Message("new", "link", 0, {}, [name, ("IFLA_LINKINFO", info)])
            requests.append(Request(resource.netns, message, stage, local=True))
        if flags and not together:
            message = Message("set", "link", 0, flags, [name])
            requests.append(Request(resource.netns, message, stage, local=True, late=late))
        return requests

    def is_gone(self, kernel: Kernel, resource: Resource[LinkKey]) -> bool:
        return super().is_gone(kernel, resource) or not kernel.has_link(*resource.key)

    def commands(self, step: Step) -> List[str]:
        netns, name = step.resource.key
        if step.action == DELETE:
            return [ip(netns, "link", "del", name)]
        if step.action == RENAME:
            return [ip(netns, "link", "set", "dev", step.before.key.name, "name", name)]
        if step.action != CREATE:
            return settings(step.after, step.fields)
        return [creation(step)] + [
            command for end in step.everything for command in settings(end, _set_later(end) & LATER)
        ]


BEFORE_UP = {"addrgenmode", *devconf.EARLY}


def _handed_over(end, requests):
    """Return ``requests``; the other end of a veth that gets another master holds meanwhile what it sends."""
    peer = end.values.get("peer") or NOWHERE
    if peer == NOWHERE:
        return requests
    return [
        request._replace(payload=Handover(request.payload, end.values["mac"], *peer), local=False)
        if isinstance(request.payload, Message) and any(name == "IFLA_MASTER" for name, _value in request.payload.attrs)
        else request
        for request in requests
    ]


def _set_later(resource):
    """Return the fields of a link to be made that it does not have by itself; only a port takes the settings of ports."""
    values = resource.values
    usual = {"arp": True, devconf.MTU6: values.get("mtu")}
    if values["type"] == "veth":
        usual.update((name, field.new) for name, field in OF_LINK.items())
    return {name for name, value in values.items() if name not in usual or value != usual[name]}


def _families(values, fields):
    """Return the parts of IFLA_AF_SPEC for ``fields``."""
    found = [devconf.ipv4_attribute(values, fields)]
    if "addrgenmode" in fields:
        mode = ("IFLA_INET6_ADDR_GEN_MODE", ADDRGENMODES[values["addrgenmode"]])
        found.append(("AF_INET6", {"attrs": [mode]}))
    return [part for part in found if part]


def _flags(values, fields):
    """Return the head of the message that sets the flags among ``fields``."""
    change = (IFF_UP if "up" in fields else 0) | (IFF_NOARP if "arp" in fields else 0)
    flags = (IFF_UP if values.get("up") else 0) | (0 if values.get("arp") else IFF_NOARP)
    return {"flags": flags & change, "change": change} if change else {}


def _common(kernel, netns, fields, attrs):
    return given(
        type=attrs.get("IFLA_INFO_KIND") or "device",
        up=bool(fields["flags"] & IFF_UP),
        arp=not fields["flags"] & IFF_NOARP if fields["ifi_type"] == ARPHRD_ETHER else None,
        # a tunnel without Ethernet has its own IP address there
        mac=attrs.get("IFLA_ADDRESS") if fields["ifi_type"] in (ARPHRD_ETHER, ARPHRD_LOOPBACK) else None,
        mtu=attrs.get("IFLA_MTU"),
        alias=attrs.get("IFLA_IFALIAS") or "",
        master=kernel.link_name(netns, attrs.get("IFLA_MASTER")) or "",
        hairpin=bool(attrs.get(OF_LINK["hairpin"].attr)),
        addrgenmode=MODES.get(attrs.get("IFLA_INET6_ADDR_GEN_MODE")),
    )


def _at_creation(resource):
    attrs = [("IFLA_IFNAME", resource.key.name)]
    if "mac" in resource.values:
        attrs.append(("IFLA_ADDRESS", resource.values["mac"]))
    if "mtu" in resource.values:
        attrs.append(("IFLA_MTU", resource.values["mtu"]))
    return attrs + (QUEUES if resource.values["type"] == "veth" else [])
