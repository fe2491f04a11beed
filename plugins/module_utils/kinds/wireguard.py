# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard: what a device has beside its link, and its peers (wg(8)).

Peers are objects of their own: tasks and sets share a device, and each removes the peers that it made. Of secret keys their
names are known here, and :mod:`system.keys` has the keys.
"""

from __future__ import annotations

from typing import Any, Collection, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..engine.kind import Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Resource
from ..engine.step import ADOPT, CREATE, DELETE, Plan, Step
from ..kernel.kernel import Call, Kernel
from ..kernel.wireguard import Edit
from ..system import files, keys, pending
from .shell import inside
from .ties import on_link


class WireguardKey(NamedTuple):
    """``name`` is that of the link."""

    netns: str
    name: str


class PeerKey(NamedTuple):
    netns: str
    dev: str
    public_key: str


class Wireguard(Kind[WireguardKey]):
    """``values``: public_key, listen_port, fwmark; what has no private key is not there."""

    name = "wireguard"
    title = "WireGuard device"
    key = WireguardKey
    tied_to = ("netns", "link")

    def ties(self, resource: Resource[WireguardKey]) -> Ties:
        return on_link(*resource.key, "name")

    def unfit(self, resource: Resource[WireguardKey], base: Resource) -> Optional[str]:
        return _no_tunnel(base)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[WireguardKey]]:
        for netns in scope.netns:
            aliases = _aliases(kernel, netns)
            for name, device in kernel.tunnels(netns).items():
                if device.public_key:
                    key = WireguardKey(netns, name)
                    values = {field: getattr(device, field) for field in ("public_key", "listen_port", "fwmark")}
                    owner = kernel.ledger.owner_on_link((self.name, key), aliases[name])
                    yield Resource(self.name, key, values, owner)

    def create(self, resource: Resource[WireguardKey], companions: Collection[Resource[WireguardKey]]) -> List[Request]:
        return [*_kept(resource), _edit(resource, resource.values)]

    def change(
        self, before: Resource[WireguardKey], after: Resource[WireguardKey], fields: Collection[str]
    ) -> List[Request]:
        """The key that goes is kept, too, until nobody can want it back: see :func:`forget_unused`."""
        return [*_kept(before), *_kept(after), _edit(after, {name: after.values[name] for name in fields})]

    def delete(self, resource: Resource[WireguardKey]) -> List[Request]:
        return [*_kept(resource), _edit(resource, {"public_key": "", "listen_port": 0, "fwmark": 0})]

    def commands(self, step: Step) -> List[str]:
        netns, name = step.resource.key
        if step.action == DELETE:
            return [inside(netns, "wg", "set", name, "private-key", "/dev/null", "listen-port", 0, "fwmark", 0)]
        fields = step.after.values if step.action == CREATE else step.fields
        words: List[Any] = []
        if "public_key" in fields:
            words += ["private-key", keys.private_path(step.after.values["public_key"])]
        if "listen_port" in fields:
            words += ["listen-port", step.after.values["listen_port"]]
        if "fwmark" in fields:
            words += ["fwmark", step.after.values["fwmark"]]
        return [inside(netns, "wg", "set", name, *words)]

    def refusals(self, kernel: Kernel, plan: Plan) -> Iterable[str]:
        for step in _arriving(plan, self.name):
            public = step.after.values.get("public_key", "")
            if public and keys.find(keys.private_path(public)) is None:
                yield (
                    f"the private key of {self.describe(step.after)} is not on this node: give private_key, or write the"
                    f" key whose public key is {public} to {keys.private_path(public)}"
                )

    def applied(self, kernel: Kernel, plan: Plan) -> None:
        forget_unused(plan, self.name)


class WireguardPeer(Kind[PeerKey]):
    """``values``: preshared_key (its name, "": none), endpoint, persistent_keepalive, allowed_ips (sorted)."""

    name = "wireguard_peer"
    title = "WireGuard peer"
    key = PeerKey
    tied_to = ("netns", "link")

    def ties(self, resource: Resource[PeerKey]) -> Ties:
        return on_link(resource.netns, resource.key.dev)

    def unfit(self, resource: Resource[PeerKey], base: Resource) -> Optional[str]:
        return _no_tunnel(base)

    def fixed_of(self, resource: Resource[PeerKey], found: Resource[PeerKey]) -> FrozenSet[str]:
        """A peer cannot lose its endpoint (set_peer, drivers/net/wireguard/netlink.c): an undo makes it anew."""
        return frozenset({"endpoint"} if resource.values.get("endpoint") == "" else ())

    def saved(self, resource: Resource[PeerKey]) -> Resource[PeerKey]:
        """An endpoint that is not known now may be learned at any time."""
        found = super().saved(resource)
        values = {name: value for name, value in found.values.items() if name != "endpoint" or value}
        return Resource(found.kind, found.key, values, found.owner)

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[PeerKey]]:
        for netns in scope.netns:
            aliases = _aliases(kernel, netns)
            for dev, device in kernel.tunnels(netns).items():
                for public, peer in device.peers.items():
                    key = PeerKey(netns, dev, public)
                    owner = kernel.ledger.owner_on_link((self.name, key), aliases[dev])
                    yield Resource(self.name, key, peer._asdict(), owner)

    def create(self, resource: Resource[PeerKey], companions: Collection[Resource[PeerKey]]) -> List[Request]:
        values = {name: value for name, value in resource.values.items() if value or name == "allowed_ips"}
        return [*_kept(resource), _edit(resource, values)]

    def change(self, before: Resource[PeerKey], after: Resource[PeerKey], fields: Collection[str]) -> List[Request]:
        return [*_kept(before), *_kept(after), _edit(after, {name: after.values[name] for name in fields})]

    def delete(self, resource: Resource[PeerKey]) -> List[Request]:
        netns, dev, public = resource.key
        return [*_kept(resource), Request(netns, Edit(dev, {}, public, remove=True))]

    def commands(self, step: Step) -> List[str]:
        netns, dev, public = step.resource.key
        words: List[Any] = ["wg", "set", dev, "peer", public]
        if step.action == DELETE:
            return [inside(netns, *words, "remove")]
        values = step.after.values
        for name in (name for name in WORDS if name in (values if step.action == CREATE else step.fields)):
            if name == "allowed_ips":
                words += [WORDS[name], ",".join(values[name])]
            elif name == "preshared_key":
                words += [WORDS[name], keys.preshared_path(values[name]) if values[name] else "/dev/null"]
            elif name != "endpoint" or values[name]:
                words += [WORDS[name], values[name]]
        return [inside(netns, *words)]

    def refusals(self, kernel: Kernel, plan: Plan) -> Iterable[str]:
        arriving = _arriving(plan, self.name)
        for step in arriving:
            digest = step.after.values.get("preshared_key", "")
            if digest and keys.find(keys.preshared_path(digest)) is None:
                yield (
                    f"the preshared key of {self.describe(step.after)} is not on this node: give preshared_key, or write it"
                    f" to {keys.preshared_path(digest)}"
                )
        gone = {step.before.key for step in plan.steps if step.resource.kind == self.name and step.after is None}
        own = {step.after.key: step.after.values.get("public_key") for step in _arriving(plan, Wireguard.name)}
        for where in dict.fromkeys(step.after.key[:2] for step in arriving):
            device = kernel.tunnels(where[0]).get(where[1])
            public = own.get(where) or (device and device.public_key)
            if any(step.after.key == (*where, public) for step in arriving):  # the kernel passes over it without a word
                yield f"{public} is the public key of {where[1]!r} itself: no device is its own peer"
            yield from self._shared(kernel, where, arriving, gone)

    def _shared(self, kernel: Kernel, where: Tuple[str, str], arriving: List[Step], gone: Set[Any]) -> Iterator[str]:
        """Yield a sentence for each prefix that two peers of a device would have: the kernel gives it to the last."""
        netns, dev = where
        device = kernel.tunnels(netns).get(dev)
        there = device.peers if device else {}
        final: Dict[str, Collection[str]] = {
            public: peer.allowed_ips for public, peer in there.items() if (netns, dev, public) not in gone
        }
        for step in arriving:
            if step.after.key[:2] == where:
                public = step.after.key.public_key
                final[public] = step.after.values.get("allowed_ips", final.get(public, ()))
        first: Dict[str, str] = {}
        for public, prefixes in final.items():
            for prefix in prefixes:
                if first.setdefault(prefix, public) != public:
                    yield f"allowed_ips: {prefix} is of two peers of {dev!r}, {first[prefix]} and {public}: one can have it"

    def applied(self, kernel: Kernel, plan: Plan) -> None:
        forget_unused(plan, self.name)


# wg(8)
WORDS = {
    "preshared_key": "preshared-key",
    "endpoint": "endpoint",
    "persistent_keepalive": "persistent-keepalive",
    "allowed_ips": "allowed-ips",
}


def _no_tunnel(base: Resource) -> Optional[str]:
    kind = base.values.get("type")
    if base.kind == "link" and kind not in (None, "wireguard"):
        return f"{base.key.name!r} is a {kind} and no WireGuard device"
    return None


def _aliases(kernel: Kernel, netns: str) -> Dict[str, Optional[str]]:
    """Return name -> alias of the links of ``netns``."""
    links = [attrs for _fields, attrs in kernel.links(netns).values()]
    return {attrs["IFLA_IFNAME"]: attrs.get("IFLA_IFALIAS") for attrs in links}


def _arriving(plan: Plan, kind: str) -> List[Step]:
    """Return the steps of ``plan`` that make or change objects of ``kind``."""
    steps = (step for step in plan.steps if step.resource.kind == kind and step.after is not None)
    return [step for step in steps if step.action != ADOPT]


def _edit(resource: Resource, values: Dict[str, Any]) -> Request:
    peer = resource.key[2] if resource.kind == WireguardPeer.name else ""
    return Request(resource.netns, Edit(resource.key[1], values, peer))


def secret_of(resource: Optional[Resource]) -> str:
    """Return the path of the secret key that an object has, or ""."""
    if resource is None:
        return ""
    if resource.kind == Wireguard.name:
        public = resource.values.get("public_key")
        return keys.private_path(public) if public else ""
    digest = resource.values.get("preshared_key")
    return keys.preshared_path(digest) if digest else ""


def _kept(resource: Resource) -> List[Request]:
    """Return the request that writes an object's secret key to its file."""
    path = secret_of(resource)
    return [Request("", Call(lambda: keys.keep(path)))] if path else []


def forget_unused(plan: Plan, kind: str) -> None:
    """Remove the files of keys that ``plan`` took from objects of ``kind``, unless a saved file or an undo may need them.

    Keys of objects that were adopted get their files.
    """
    steps = [step for step in plan.steps if step.resource.kind == kind]
    staying = {secret_of(step.after) for step in steps}
    for path in filter(None, staying):
        keys.keep(path)
    keys.settle()
    leaving = {secret_of(step.before) for step in steps} - staying - {""}
    if leaving and pending.read() is None:
        keys.drop(leaving, files.saved_text())
