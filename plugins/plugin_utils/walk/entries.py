# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that decide, as ip(8), bridge(8), sysctl(8) and nft(8) show them, and who makes them how. Pure Python."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Optional, Tuple

from ...module_utils.engine.resource import Resource
from ...module_utils.engine.step import CREATE, Step
from ...module_utils.kinds import nft_text
from ...module_utils.kinds.fdb import Fdb, FdbKey
from ...module_utils.kinds.link_commands import creation
from ...module_utils.kinds.neighbor import Neighbor as NeighborKind
from ...module_utils.kinds.neighbor import NeighborKey
from ...module_utils.kinds.neighbor import Proxy as ProxyKind
from ...module_utils.kinds.route import Route as RouteKind
from ...module_utils.kinds.route import RouteKey, metric_of
from ...module_utils.kinds.shell import bridge, inside, ip
from ...module_utils.kinds.sysctl import link_sysctl
from ...module_utils.kinds.ties import LinkKey
from ...module_utils.kinds.wireguard import PeerKey
from ...module_utils.kinds.wireguard import WireguardPeer as PeerKind
from ...module_utils.ownership import NFT_TABLE
from .box import Box
from .hop import Decision
from .lookup import Found, split
from .nft import GUARDS, Chain, NftRule
from .state import LOCAL, MAIN, Address, FdbEntry, Link, Neighbor, Proxy, Route, Rule

MODULE = "nodenet.fabric."
MODULES_OF_LINKS = {
    "bridge": "bridge",
    "veth": "veth",
    "vxlan": "vxlan",
    "ipip": "ipip_tunnel",
    "wireguard": "wireguard",
}
KERNEL = 2  # what the kernel makes with an address (linux/rtnetlink.h: RTPROT_KERNEL)
PROTOCOLS = {KERNEL: "kernel", 3: "boot", 4: "static", 9: "ra", 16: "dhcp"}
TABLE_NAMES = {253: "default", LOCAL: "local"}


def _created(kind: Any, key: Any, values: Dict[str, Any]) -> Optional[str]:
    """Return the command that makes an object of a kind."""
    try:
        return "; ".join(kind.commands(Step(CREATE, None, Resource(kind.name, key, values))))
    except (KeyError, TypeError, ValueError):  # an object such as the modules do not make
        return None


def _decision(
    entry: Any,
    kind: str,
    netns: str,
    text: str,
    module: Optional[str],
    command: Optional[str],
    remove: Optional[str] = None,
) -> Decision:
    """Return what is known of an entry: of one that is not the fabric's, the command that deletes it alone."""
    if entry.owner is None:
        return Decision(kind, netns, text, None, None, None, entry.assumed, remove)
    return Decision(kind, netns, text, entry.owner, f"{MODULE}{module}" if module else None, command, entry.assumed)


def found(box: Box, what: Found) -> Optional[Decision]:
    """Return the entry of a lookup's result; a route that the kernel made with an address is that address's."""
    if what.route is None:
        return None
    entry = route(box.netns, what.route)
    if what.route.protocol != KERNEL or not what.route.dev:
        return entry
    network = split(what.route.prefix)
    for one in box.addresses.get(what.route.dev, ()):
        if split(one.address) == network:
            of_address = address(box, one)
            return of_address._replace(kind="route", text=entry.text)
    return entry


@lru_cache(maxsize=1 << 14)
def route(netns: str, entry: Route) -> Decision:
    """Return a route as ip-route(8) shows it."""
    if entry.table == LOCAL:
        command = None
        text = f"{entry.type} {entry.prefix.partition('/')[0]} dev {entry.dev} table local"
        return Decision("route", netns, text, entry.owner, None, command, entry.assumed)
    words = [] if entry.type == "unicast" else [entry.type]
    words.append("default" if entry.prefix in ("0.0.0.0/0", "::/0") else entry.prefix)
    words += [word for name in ("via", "dev", "src") if getattr(entry, name) for word in (name, getattr(entry, name))]
    words += ["table", TABLE_NAMES.get(entry.table, str(entry.table))] if entry.table != MAIN else []
    words += ["proto", PROTOCOLS.get(entry.protocol, str(entry.protocol))] if entry.protocol is not None else []
    words += ["metric", str(entry.metric)] if entry.metric else []
    words += ["mtu", str(entry.mtu)] if entry.mtu else []
    words += ["onlink"] if entry.onlink else []
    for way in entry.nexthops:
        words += ["nexthop", *(["via", way.via] if way.via else []), *(["dev", way.dev] if way.dev else [])]
    values = {name: getattr(entry, name) for name in ("type", "via", "dev", "src", "scope", "mtu", "onlink")}
    values.update({"protocol": entry.protocol} if entry.protocol is not None else {})
    metric = 0 if entry.metric == metric_of(entry.prefix, 0) else entry.metric
    command = None
    if entry.protocol != KERNEL and not entry.nexthops:
        command = _created(RouteKind(), RouteKey(netns, entry.table, entry.prefix, metric), values)
    # the prefix says the family, which "default" does not
    remove = ip(netns, "route", "del", *(entry.prefix if word == "default" else word for word in words))
    return _decision(entry, "route", netns, " ".join(words), "route", command, remove)


def local(box: Box, what: Found) -> Optional[Decision]:
    """Return the address that makes a destination the namespace's own."""
    text = what.route.prefix.partition("/")[0] if what.route else ""
    one = box.own.get(text)
    return address(box, one) if one is not None else found(box, what)


def address(box: Box, entry: Address) -> Decision:
    """Return an address."""
    text = f"{entry.address} dev {entry.dev}"
    command = ip(box.netns, "address", "add", *text.split())
    remove = ip(box.netns, "address", "del", *text.split())
    return _decision(entry, "address", box.netns, text, "address", command, remove)


def neighbor(box: Box, entry: Neighbor) -> Decision:
    """Return a neighbor."""
    mac = f" lladdr {entry.mac}" if entry.mac else ""
    text = f"{entry.address} dev {entry.dev}{mac} {entry.state.upper()}"
    command = None
    if entry.state == "permanent":
        command = _created(NeighborKind(), NeighborKey(box.netns, entry.dev, entry.address), {"mac": entry.mac})
    remove = ip(box.netns, "neighbor", "del", entry.address, "dev", entry.dev)
    return _decision(entry, "neighbor", box.netns, text, "neighbor" if command else None, command, remove)


def heard(box: Box, dev: str, address: str, mac: str) -> Decision:
    """Return a neighbor that the walk itself makes known."""
    return Decision("neighbor", box.netns, f"{address} dev {dev} lladdr {mac} STALE")


def proxy(box: Box, entry: Proxy) -> Decision:
    """Return an address that the namespace answers for."""
    text = f"{entry.address} dev {entry.dev} proxy"
    command = _created(ProxyKind(), NeighborKey(box.netns, entry.dev, entry.address), {})
    remove = ip(box.netns, "neighbor", "del", "proxy", entry.address, "dev", entry.dev)
    return _decision(entry, "proxy", box.netns, text, "proxy_arp", command, remove)


def fdb(box: Box, entry: FdbEntry) -> Decision:
    """Return a forwarding entry as bridge(8) shows it."""
    words = [entry.mac, "dev", entry.dev, *(["dst", entry.dst] if entry.dst else [])]
    words += ["master" if entry.master else "self"]
    vlan = ["vlan", entry.vlan] if entry.vlan else []
    remove = bridge(box.netns, "fdb", "del", *words, *vlan)
    words += [entry.state] if entry.state != "learned" else []
    command = None
    if entry.dst and entry.state != "learned":
        command = _created(Fdb(), FdbKey(box.netns, entry.dev, entry.mac, entry.dst), {"dst": entry.dst})
    return _decision(entry, "fdb", box.netns, " ".join(words), "vxlan_fdb" if command else None, command, remove)


def learned(box: Box, dev: str, where: str, mac: str) -> Decision:
    """Return a forwarding entry that the walk itself makes known: ``where`` is a port, or a VXLAN device's remote node."""
    link = box.links.get(dev)
    text = (
        f"{mac} dev {dev} dst {where} self"
        if link is not None and link.type == "vxlan"
        else f"{mac} dev {where} master {dev}"
    )
    return Decision("fdb", box.netns, text)


def link(box: Box, entry: Link) -> Decision:
    """Return a device."""
    words = [entry.name, "type", entry.type, "up" if entry.up else "down", "mtu", str(entry.mtu)]
    for word, name in (("id", "vni"), ("local", "local"), ("remote", "remote"), ("dstport", "port")):
        words += [word, str(entry.more[name])] if entry.more.get(name) else []
    command = ip(box.netns, "link", "set", "dev", entry.name, "up")
    return _decision(entry, "link", box.netns, " ".join(words), MODULES_OF_LINKS.get(entry.type), command)


def tunnel(box: Box, entry: Link) -> Decision:
    """Return a device for what it does with packets: the command makes it."""
    known = {"type": entry.type, "mac": entry.mac, "mtu": entry.mtu, **entry.more}
    try:
        command = creation(Step(CREATE, None, Resource("link", LinkKey(box.netns, entry.name), known)))
    except (KeyError, TypeError, ValueError):  # a device such as the modules do not make
        return link(box, entry)
    return link(box, entry)._replace(command=command if entry.owner is not None else None)


def wireguard_peer(box: Box, device: Link, peer: Dict[str, Any]) -> Decision:
    """Return a peer of a WireGuard device."""
    words = [peer["public_key"], "dev", device.name]
    words += ["endpoint", peer["endpoint"]] if peer.get("endpoint") else []
    words += ["allowed-ips", ",".join(peer["allowed_ips"])]
    owner = peer.get("owner")
    values = {name: peer[name] for name in ("preshared_key", "endpoint", "allowed_ips") if peer.get(name)}
    command = _created(PeerKind(), PeerKey(box.netns, device.name, peer["public_key"]), values)
    found = Decision("wireguard_peer", box.netns, " ".join(words), owner)
    return found if owner is None else found._replace(module=f"{MODULE}wireguard_peer", command=command)


def mtu(box: Box, entry: Link) -> Decision:
    """Return a device for its MTU."""
    command = ip(box.netns, "link", "set", "dev", entry.name, "mtu", entry.mtu)
    text = f"{entry.name} type {entry.type} mtu {entry.mtu}"
    return _decision(entry, "link", box.netns, text, MODULES_OF_LINKS.get(entry.type), command)


def port(box: Box, entry: Link, setting: str) -> Decision:
    """Return a setting of a port of a bridge."""
    value = entry.more.get(setting)
    word = value if isinstance(value, str) else "on" if value else "off"
    command = ip(box.netns, "link", "set", "dev", entry.name, "type", "bridge_slave", setting, word)
    text = f"{entry.name} master {entry.master} {setting} {word}"
    return _decision(entry, "link", box.netns, text, "bridge_port", command)


def sysctl(box: Box, version: int, dev: str, name: str) -> Decision:
    """Return the setting of a device, or that of all if it is the larger and both count."""
    value, of_all = box.conf(version, dev, name), box.conf(version, "all", name)
    if dev != "all" and of_all > value and name != "forwarding":
        dev, value = "all", of_all
    if name == "forwarding" and version == 4 and not box.conf(4, "all", name):
        setting = "net.ipv4.ip_forward"
    else:
        setting = link_sysctl(f"ipv{version}", "conf", dev, name)
    entry = box.links.get(dev)
    command = inside(box.netns, "sysctl", "-qw", f"{setting}={value}")
    module = {"forwarding": f"{MODULE}forwarding", "proxy_arp": f"{MODULE}proxy_arp"}.get(name)
    return Decision("sysctl", box.netns, f"{setting} = {value}", entry.owner if entry else None, module, command)


def rule(box: Box, entry: Rule) -> Decision:
    """Return a policy rule."""
    family = ["-6"] if entry.family == 6 else []
    remove = ip(box.netns, *family, "rule", "del", "priority", entry.priority)
    return Decision("rule", box.netns, entry.text, remove=remove)


def nft(box: Box, entry: Optional[NftRule], foreign: bool = False) -> Any:
    """Return a rule of nftables, None of none; one of the fabric's table of NAT is ``nat``.

    :param foreign: it is in a table of the fabric's own, and nobody declares it.
    """
    if entry is None:
        return None
    if entry.table in GUARDS and not foreign:
        return _of_guard(
            box, entry[:2], f"{' '.join(entry[:3])}: {entry.text}", ("add", "rule", *entry[:3], entry.text)
        )
    command = inside(box.netns, "nft", f"add rule {entry.family} {entry.table} {entry.chain} {entry.text}")
    if entry.table != NFT_TABLE:
        where = [entry.family, entry.table, entry.chain]
        remove = inside(box.netns, "nft", "delete", "rule", *where, "handle", entry.handle) if entry.handle else None
        text = f"{' '.join(where)}: {entry.text}"
        return Decision("nft", box.netns, text, None, None, command, entry.assumed, remove)
    word = entry.comment.partition(" ")[0]
    module = {"masquerade": f"{MODULE}masquerade", "publish": f"{MODULE}port_forward"}.get(word)
    return Decision("nat", box.netns, f"{entry.chain}: {entry.text}", entry.owner or "", module, command, entry.assumed)


def _of_guard(
    box: Box, place: Any, text: str, command: Tuple[Any, ...], foreign: Optional[Tuple[Any, ...]] = None
) -> Decision:
    """Return a part of a table of the fabric's own; of one that nobody declares the command that deletes it.

    :param place: (family, table).
    """
    if foreign is not None:
        return Decision("nft", box.netns, text, remove=inside(box.netns, "nft", " ".join(map(str, foreign))))
    made = inside(box.netns, "nft", " ".join(map(str, command)))
    return Decision("nft", box.netns, text, "guard", f"{MODULE}{GUARDS[place[1]]}", made)


def nft_table(box: Box, family: str, table: str) -> Decision:
    """Return a guard that nobody declares."""
    return _of_guard(box, (family, table), f"table {family} {table}", (), ("delete", "table", family, table))


def nft_chain(box: Box, chain: Chain) -> Decision:
    """Return a chain of a guard at its hook."""
    text = f"chain {chain.family} {chain.table} {chain.name}"
    hook = f"{{ type {chain.type} hook {chain.hook} priority {chain.priority}; policy {chain.policy}; }}"
    return _of_guard(box, chain[:2], f"{text} {hook}", ("add", text, hook))


def nft_element(box: Box, name: Tuple[str, str, str], text: str, foreign: bool = False) -> Decision:
    """Return an element of a set of a guard."""
    words = ("element", *name, "{ " + nft_text.loaded(text, box.rules().types[name]) + " }")
    shown = f"{name[0]} {name[1]} @{name[2]}: {text}"
    return _of_guard(box, name[:2], shown, ("add", *words), ("delete", *words) if foreign else None)


def policy(box: Box, chain: Chain) -> Decision:
    """Return a chain for its policy."""
    text = f"chain {chain.family} {chain.table} {chain.name} {{ type {chain.type} hook {chain.hook} priority"
    text += f" {chain.priority}; policy {chain.policy}; }}"
    if chain.table in GUARDS:
        return nft_chain(box, chain)
    remove = inside(box.netns, "nft", f"chain {chain.family} {chain.table} {chain.name} {{ policy accept; }}")
    return Decision("nft", box.netns, text, remove=remove)
