# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel will make by itself of what is planned: settings of new namespaces and links, connected routes, rules of nft."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, Iterator, List

from ..engine.resource import Resource
from ..kernel import namespaces, nft, procfs
from ..kernel.messages import RT_TABLE_MAIN, RTPROT_KERNEL
from ..kinds.nat import CHAINS, sorted_rules
from ..kinds.netns import INHERITED
from ..ownership import NFT_TABLE

Entry = Dict[str, Any]
# linux/ip.h: IPV4_DEVCONF_*; linux/ipv6.h: DEVCONF_*
IPV4 = {
    "forwarding": 1,
    "proxy_arp": 3,
    "rp_filter": 8,
    "log_martians": 11,
    "arp_filter": 13,
    "arp_announce": 18,
    "arp_ignore": 19,
    "accept_local": 23,
    "route_localnet": 26,
}
IPV6 = {"forwarding": 0, "proxy_ndp": 22, "disable_ipv6": 26}
# what counts beside a link's own settings, and for all packets of a namespace
SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.icmp_echo_ignore_all",
    "net.ipv4.fib_multipath_hash_policy",
    *(f"net.ipv4.conf.{group}.{name}" for group in ("all", "default") for name in IPV4),
    *(f"net.ipv6.conf.{group}.{name}" for group in ("all", "default") for name in ("forwarding", "disable_ipv6")),
    "net.ipv6.conf.all.proxy_ndp",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-arptables",
)
# setting -> those that the kernel sets with it, and all links besides (inet_forward_change in net/ipv4/devinet.c;
# addrconf_fixup_forwarding and addrconf_disable_ipv6 in net/ipv6/addrconf.c)
FOLLOWED = {
    "net.ipv4.ip_forward": ("net.ipv4.conf.all.forwarding", "net.ipv4.conf.default.forwarding"),
    "net.ipv4.conf.all.forwarding": ("net.ipv4.ip_forward", "net.ipv4.conf.default.forwarding"),
    "net.ipv6.conf.all.forwarding": ("net.ipv6.conf.default.forwarding",),
    "net.ipv6.conf.all.disable_ipv6": ("net.ipv6.conf.default.disable_ipv6",),
}
# bytes of an IP packet on a link that is only planned and has no MTU of its own: what is around it
USUAL_MTU, AROUND = 1500, {"vxlan": 50, "ipip": 20, "wireguard": 80}


def new_sysctls(netns: Resource) -> Dict[str, str]:
    """Return name -> value in a namespace that is only planned: what it has from the machine (devconf_inherit_init_net), and of us."""
    found = {name: value for name, value in procfs.read("", SYSCTLS).items() if ".conf." in name or "bridge" in name}
    found.update((name, "0") for name in found if name.startswith("net.ipv6."))
    found.update({"net.ipv4.ip_forward": "0", "net.ipv4.ip_default_ttl": "64", "net.ipv4.icmp_echo_ignore_all": "0"})
    found.update({f"net.ipv4.conf.{group}.forwarding": "0" for group in ("all", "default")})
    if netns.values.get("inherit") is False:
        found.update(dict.fromkeys(INHERITED, "0"))
    if netns.values.get("ipv6") is False:
        found.update({f"net.ipv6.conf.{group}.disable_ipv6": "1" for group in ("all", "default")})
    return found


def new_loopback(sysctls: Dict[str, str]) -> Entry:
    """Return the loopback of a namespace that is only planned; a task that makes one brings it up."""
    settings = {name: int(sysctls.get(f"net.ipv4.conf.default.{name}", 0)) for name in IPV4}
    link = {"name": "lo", "index": 1, "type": "loopback", "up": True, "running": True, "arp": False, "mtu": 65536}
    more = {"mac": "00:00:00:00:00:00", "master": "", "lower": "", "owner": None}
    ipv6 = {name: int(sysctls.get(f"net.ipv6.conf.default.{name}", 0)) for name in IPV6}
    return {**link, **more, "ipv4": settings, "ipv6": ipv6}


def loopback_addresses(sysctls: Dict[str, str]) -> List[Entry]:
    """Return the addresses that a loopback has once it is up (inetdev_event, addrconf_notify)."""
    common = {"dev": "lo", "scope": "host", "tentative": False, "owner": None}
    ipv6 = procfs.has_ipv6() and sysctls.get("net.ipv6.conf.all.disable_ipv6", "0") == "0"
    return [{**common, "address": text} for text in ("127.0.0.1/8", *(["::1/128"] if ipv6 else []))]


def is_among(route: Entry, others: Iterable[Entry]) -> bool:
    """Say whether one of ``others`` has the table, prefix and metric of ``route``."""
    keys = ("table", "prefix", "metric")
    return any(all(one[key] == route[key] for key in keys) for one in others)


def as_listed(nat: Iterable[Resource]) -> List[Entry]:
    """Return what nft lists of our table with the rules ``nat``, by loading them into a namespace that ends with the call."""
    rules = sorted_rules(nat)
    if not rules:
        return []
    lines = nft.setup(NFT_TABLE, CHAINS, rules) + [f"add rule inet {NFT_TABLE} {chain} {rule}" for chain, rule in rules]

    def body():
        nft.load("", "\n".join(lines))
        return nft.list_table("", NFT_TABLE)

    return [entry for entry in namespaces.in_fresh(body) if "metainfo" not in entry]


def connected(links: Dict[str, Entry], addresses: Iterable[Resource]) -> Iterator[Entry]:
    """Yield the routes that the kernel makes with ``addresses`` (fib_add_ifaddr, net/ipv4/fib_frontend.c); ``links`` by name."""
    for one in addresses:
        link = links.get(one.key.dev, {})
        net = ipaddress.ip_interface(address_text(one))
        has_none = one.values.get("noprefixroute") or net.network.prefixlen == net.max_prefixlen
        if link.get("up") and link["type"] != "loopback" and not has_none:
            ipv4 = {"scope": "link", "src": str(net.ip)} if net.version == 4 else {}
            yield {
                "table": RT_TABLE_MAIN,
                "prefix": str(net.network),
                "metric": 0 if net.version == 4 else 256,
                "type": "unicast",
                "via": None,
                "dev": one.key.dev,
                "protocol": RTPROT_KERNEL,
                "onlink": False,
                "nexthops": [],
                "owner": None,
                **ipv4,
            }


def address_text(resource: Resource) -> str:
    """Return an address with the length of its prefix."""
    length = resource.values.get("length")
    return resource.key.address if length is None else f"{resource.key.address}/{length}"
