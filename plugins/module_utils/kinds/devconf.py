# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings below net.ipv4.conf.LINK and net.ipv6.conf.LINK that packets need, as fields of a link.

A dump of links carries all of them (inet_fill_link_af, net/ipv4/devinet.c; inet6_fill_link_af, net/ipv6/addrconf.c):
reading them costs no sysctl. Those of IPv4 are written the same way (inet_set_link_af); IPv6 takes them by sysctl alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import AbstractSet, Any, Collection, Dict, List, Optional, Tuple

from ..engine.request import Request
from ..engine.resource import Resource
from ..kernel import procfs
from ..kernel.kernel import Sysctls
from .link_types import NO_LL_LEARN
from .shell import inside
from .ties import LinkKey

# The largest packet that IPv6 sends, which follows the link's MTU (addrconf_notify, net/ipv6/addrconf.c); what arrives may be
# larger. Below the smallest MTU a link has no IPv6.
MTU6 = "mtu6"
MTU_MIN = 1280
# field -> (number in linux/ip.h: IPV4_DEVCONF_*, name of the sysctl)
IPV4 = {
    "forwarding": (1, "forwarding"),
    "proxy_arp": (3, "proxy_arp"),
    "accept_redirects": (4, "accept_redirects"),
    "strict_rp_filter": (8, "rp_filter"),
    "accept_source_route": (9, "accept_source_route"),
    "arp_filter": (13, "arp_filter"),
    "arp_ignore": (19, "arp_ignore"),
}
# field -> (number in linux/ipv6.h: DEVCONF_*, name of the sysctl)
IPV6 = {
    MTU6: (2, "mtu"),
    "accept_ra": (3, "accept_ra"),
    "ipv6_accept_redirects": (4, "accept_redirects"),
    "ipv6_accept_source_route": (24, "accept_source_route"),
}
STRICT = "strict_rp_filter"
# the number behind STRICT, which is observed to be restored; nobody desires one of 0 and 2
RP_FILTER = "rp_filter"
FIELDS = {*IPV4, *IPV6, RP_FILTER}

# What a link has on each side of the fabric. The node forwards, and takes nothing from endpoints: no route and no address
# by a router advertisement, no redirect, no source route (CVE-2020-13401, CVE-2020-10749). An endpoint answers for its
# address whoever asks (arp_ignore and arp_filter in ip-sysctl), which new namespaces have from the machine.
SIDES = {
    "node": {
        "forwarding": 1,
        "accept_redirects": 0,
        "accept_source_route": 0,
        STRICT: False,
        "accept_ra": 0,
        "ipv6_accept_redirects": 0,
        "ipv6_accept_source_route": 0,
    },
    "endpoint": {"arp_ignore": 0, "arp_filter": 0, STRICT: False, "proxy_arp": 0},
}
# decided before a link comes up
EARLY = SIDES["node"].keys()
# Of no type are both: rp_filter counts by the larger of all's and the link's. What arrives by a tunnel may be answered by
# another way, whatever all's is; elsewhere the node's own word stands.
LOOSE = {"vxlan": 2, "ipip": 2, "wireguard": 2}


def lacking() -> List[str]:
    """Return the fields of a link that this kernel does not have; they are left out."""
    # without IPv6 no link has any of it, and what most want is that there be no address
    found = [] if procfs.has_ipv6() else ["addrgenmode", *IPV6]
    return found if procfs.learns_no_linklocal() else [*found, NO_LL_LEARN]


@lru_cache(maxsize=1024)
def observed(ipv4: Optional[Tuple[int, ...]], ipv6: Optional[Tuple[int, ...]], kind: str) -> Dict[str, Any]:
    """Return the fields in the numbers of a dump (None: the link has none of that family).

    :param kind: the link's type.
    """
    found: Dict[str, Any] = {name: ipv4[number - 1] for name, (number, _sysctl) in IPV4.items()} if ipv4 else {}
    if found:
        found[RP_FILTER] = found[STRICT]
        found[STRICT] = _may_be_strict(found[STRICT], kind)
    found.update({name: ipv6[number] if ipv6 else 0 for name, (number, _sysctl) in IPV6.items()})
    return found


def lasting(values: Dict[str, Any]) -> Dict[str, Any]:
    """Return the ``values`` of a link that are saved: of the settings here those of its side, if it has one.

    The others are the node's, and may change with it.
    """
    sides = SIDES if values.get("type") == "veth" else ("node",)
    side = next((side for side in sides if values.items() >= SIDES[side].items()), "")
    kept = {*SIDES.get(side, ()), *([MTU6] if side == "endpoint" else [])}
    return {name: value for name, value in values.items() if name not in FIELDS or name in kept}


def unbound(link: Resource[LinkKey]) -> Resource[LinkKey]:
    """Return ``link`` without an MTU of IPv6 that is the link's: made anew, it follows another one."""
    values = {name: value for name, value in link.values.items() if name != MTU6 or value != link.values.get("mtu")}
    return Resource(link.kind, link.key, values, link.owner)


def ipv4_attribute(values: Dict[str, Any], fields: Collection[str]) -> Optional[Tuple[str, Dict[str, Any]]]:
    """Return AF_INET's part of IFLA_AF_SPEC for those of ``fields`` that are IPv4's, or None."""
    asked = _settable(fields)
    numbers = tuple((IPV4[name][0], number(name, values)) for name in IPV4 if name in asked)
    return ("AF_INET", {"attrs": [("IFLA_INET_CONF", numbers)]}) if numbers else None


def ipv6_requests(resource: Resource[LinkKey], fields: AbstractSet[str], stage: int) -> List[Request]:
    """Return the requests for those of ``fields`` that are IPv6's: made before the messages of the same stage are sent."""
    settings = _sysctls(resource, fields, IPV6, "ipv6") if procfs.has_ipv6() else {}
    if not settings:
        return []
    return [Request(resource.netns, Sysctls(resource.netns, settings, optional=True), stage, local=True)]


def commands(resource: Resource[LinkKey], fields: AbstractSet[str]) -> List[str]:
    """Return the sysctl(8) command for those of ``fields`` that are here."""
    settings = _sysctls(resource, fields, IPV4, "ipv4")
    if procfs.has_ipv6():
        settings.update(_sysctls(resource, fields, IPV6, "ipv6"))
    words = [f"{name}={value}" for name, value in settings.items()]
    return [inside(resource.netns, "sysctl", "-qw", *words)] if words else []


def _sysctls(resource, fields, table, version):
    """Return name -> value of the sysctls for those of ``fields`` that are in ``table``."""
    fields = _settable(fields)
    if fields.isdisjoint(table):
        return {}
    link = resource.key.name.replace(".", "/")
    return {
        f"net.{version}.conf.{link}.{sysctl}": str(number(name, resource.values))
        for name, (_position, sysctl) in table.items()
        if name in fields and not (name == MTU6 and "mtu" in fields)
    }


def _settable(fields):
    """Return ``fields`` with the one whose number the read-only one is."""
    return {STRICT if name == RP_FILTER else name for name in fields}


def number(name: str, values: Dict[str, Any]) -> int:
    """Return the number that the kernel has for the field ``name`` of a link."""
    if name == STRICT:
        there, kind = values.get(RP_FILTER), values.get("type", "")
        if there is not None and _may_be_strict(there, kind) == values[name]:
            return there
        return 1 if values[name] else LOOSE.get(kind, 0)
    return values[name]


def _may_be_strict(rp_filter, kind):
    return rp_filter != LOOSE[kind] if kind in LOOSE else rp_filter == 1
