# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of links (ip-address(8)), IPv4 and IPv6 alike."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Collection, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from ..engine.kind import Kind, Scope, Ties
from ..engine.request import Request
from ..engine.resource import Ref, Resource
from ..engine.step import DELETE, Plan, Step
from ..kernel.kernel import Kernel
from ..kernel.messages import (
    IFF_UP,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_TABLE_MAIN,
    RTPROT_KERNEL,
    Index,
    Message,
)
from .announcements import announce_passed
from .fields import AF_INET, AF_INET6, family
from .route import SCOPE_WORDS, SCOPES, managed
from .shell import ip
from .ties import LinkKey, on_link

# linux/if_addr.h
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
IFAPROT_KERNEL_LL = 3


class AddressKey(NamedTuple):
    """``address`` of IPv4 has its length, see :func:`address_resource`."""

    netns: str
    dev: str
    address: str


class Address(Kind[AddressKey]):
    """``values``: scope, noprefixroute (bool); IPv4 only: broadcast ("" for
    none); IPv6 only: length, nodad (bool).

    ``generated`` is observed of what the kernel made by itself.
    """

    name = "address"
    title = "address"
    key = AddressKey
    # inet_rtm_newaddr (net/ipv4/devinet.c) changes none of them on an address that is there; inet6_addr_modify
    # (net/ipv6/addrconf.c) changes whether the prefix is on the link
    fixed = frozenset({"scope", "noprefixroute", "length", "broadcast"})
    read_only = frozenset({"generated"})
    tied_to = ("netns", "link")
    provided = ("ipv4",)

    def fixed_of(self, resource: Resource[AddressKey], found: Resource[AddressKey]) -> FrozenSet[str]:
        return self.fixed - {"noprefixroute"} if ":" in resource.key.address else self.fixed

    def ties(self, resource: Resource[AddressKey]) -> Ties:
        return on_link(resource.netns, resource.key.dev)

    def words(self, resource: Resource[AddressKey]) -> str:
        return f"{_text(resource)} dev {resource.key.dev}"

    def provides(self, resource: Resource[AddressKey]) -> Tuple[Ref, ...]:
        """All IPv4 routes and neighbors of a link end with its last IPv4 address (fib_disable_ip, net/ipv4/fib_frontend.c)."""
        netns, dev, address = resource.key
        return () if ":" in address else (("ipv4", LinkKey(netns, dev)),)

    def wanted(self, resource: Resource[AddressKey]) -> Resource[AddressKey]:
        kept = super().wanted(resource)
        values = {name: value for name, value in kept.values.items() if (name, value) != ("prefixroute", False)}
        return Resource(kept.kind, kept.key, values, kept.owner)

    def restorable(self, resource: Resource[AddressKey]) -> bool:
        return not resource.values.get("generated")

    def observe(self, kernel: Kernel, scope: Scope) -> Iterator[Resource[AddressKey]]:
        for netns in scope.netns:
            links, connected = kernel.links(netns), _connected(kernel.routes(netns, managed))
            for fields, attrs in kernel.dump(netns, "addr"):
                link = links.get(fields["index"])
                if link is None:  # gone between the two dumps
                    continue
                text = f"{attrs.get('IFA_LOCAL') or attrs['IFA_ADDRESS']}/{fields['prefixlen']}"
                found = address_resource(netns, link[1]["IFLA_IFNAME"], text, _values(fields, attrs))
                alias = None if _may_be_generated(text) else link[1].get("IFLA_IFALIAS")
                owner = kernel.ledger.owner_on_link(found.ref, alias)
                if fields["family"] == AF_INET:
                    found.values["prefixroute"] = _has_route(found, fields, link[0], connected)
                if owner is None and _is_generated(text, attrs, link[1]):
                    found = found.merged({"generated": True})
                yield found.owned(owner)

    def create(self, resource: Resource[AddressKey], companions: Collection[Resource[AddressKey]]) -> List[Request]:
        return [self._request("new", NLM_F_CREATE | NLM_F_EXCL, resource)]

    def change(
        self, before: Resource[AddressKey], after: Resource[AddressKey], fields: Collection[str]
    ) -> List[Request]:
        requests = [self._request("new", NLM_F_CREATE | NLM_F_REPLACE, after)] if set(fields) - {"prefixroute"} else []
        return requests + ([_route_request(after)] if "prefixroute" in fields and after.values["prefixroute"] else [])

    def delete(self, resource: Resource[AddressKey]) -> List[Request]:
        return [self._request("del", 0, resource)]

    @staticmethod
    def _request(verb, flags, resource):
        netns, link, text = resource.netns, resource.key.dev, _text(resource)
        address, _slash, length = text.partition("/")
        values = resource.values
        marks = (IFA_F_NODAD if values.get("nodad") else 0) | (
            IFA_F_NOPREFIXROUTE if values.get("noprefixroute") else 0
        )
        fields = {
            "family": family(text),
            "prefixlen": int(length),
            "index": Index(netns, link),
            "scope": SCOPES[values.get("scope", "global")],
            "flags": marks & 0xFF,
        }
        broadcast = [("IFA_BROADCAST", values["broadcast"])] if values.get("broadcast") else []
        return Request(
            netns,
            Message(
                verb,
                "addr",
                flags,
                fields,
                [("IFA_LOCAL", address), ("IFA_ADDRESS", address), *broadcast, ("IFA_FLAGS", marks)],
            ),
            local=True,
        )

    def applied(self, kernel: Kernel, plan: Plan) -> None:
        announce_passed(kernel, plan)

    def commands(self, step: Step) -> List[str]:
        netns, link, text = step.resource.netns, step.resource.key.dev, _text(step.resource)
        values = step.resource.values
        if step.before and step.after and step.fields == ("prefixroute",):
            net = str(ipaddress.ip_interface(text).network)
            return [
                ip(
                    netns,
                    "route",
                    "add",
                    net,
                    "dev",
                    link,
                    "proto",
                    "kernel",
                    "scope",
                    "link",
                    "src",
                    text.split("/")[0],
                )
            ]
        words = [text, "dev", link]
        if step.action == DELETE:
            return [ip(netns, "address", "del", *words)]
        if values.get("broadcast"):
            words += ["broadcast", values["broadcast"]]
        if values.get("scope"):
            words += ["scope", values["scope"]]
        words += [word for word in ("nodad", "noprefixroute") if values.get(word)]
        return [ip(netns, "address", "replace" if step.before else "add", *words)]


def _connected(routes):
    """Return (index of a link, prefix) of the routes that the kernel made with an address."""
    return {
        (attrs.get("RTA_OIF"), _network(attrs.get("RTA_DST", "0.0.0.0"), fields["dst_len"]))
        for fields, attrs in routes
        if fields["proto"] == RTPROT_KERNEL and fields["family"] == AF_INET
    }


def _network(address, length):
    """Return a prefix as numbers: :mod:`ipaddress` takes its time, and there are thousands."""
    return length, int.from_bytes(socket.inet_aton(address), "big") >> 32 - length


def _has_route(found, fields, link, connected):
    """Say whether the route to an IPv4 address's prefix is there, or none is due (fib_add_ifaddr, net/ipv4/fib_frontend.c)."""
    if fields["prefixlen"] == 32 or found.values["noprefixroute"] or not link["flags"] & IFF_UP:
        return True
    address = found.key.address.partition("/")[0]
    return (fields["index"], _network(address, fields["prefixlen"])) in connected or address.startswith("0.")


def _route_request(resource):
    """Return the request for the route that the kernel makes with an address, and somebody took away."""
    netns, link, text = resource.key
    there = ipaddress.IPv4Interface(text)
    fields = {"family": AF_INET, "dst_len": there.network.prefixlen, "table": RT_TABLE_MAIN, "type": 1}
    fields.update(proto=RTPROT_KERNEL, scope=SCOPES["link"])
    attrs = [
        ("RTA_TABLE", RT_TABLE_MAIN),
        ("RTA_DST", str(there.network.network_address)),
        ("RTA_PREFSRC", str(there.ip)),
    ]
    attrs.append(("RTA_OIF", Index(netns, link)))
    return Request(netns, Message("new", "route", NLM_F_CREATE | NLM_F_REPLACE, fields, attrs), local=True)


def address_resource(netns: str, link: str, text: str, values: Optional[Dict[str, Any]] = None) -> Resource[AddressKey]:
    """Return the address ``text`` (with its length) of a link.

    The kernel knows an IPv6 address by itself (ipv6_get_ifaddr in net/ipv6/addrconf.c), an IPv4 one by its length too
    (find_matching_ifa in net/ipv4/devinet.c): the same one may be there twice.
    """
    address, length = text.split("/")
    if family(text) == AF_INET6:
        return Resource("address", AddressKey(netns, link, address), {"length": int(length), **(values or {})})
    return Resource("address", AddressKey(netns, link, text), values or {})


def _text(resource):
    """Return the address as it is written, with its length as far as it is known."""
    length = resource.values.get("length")
    return resource.key.address + (f"/{length}" if length is not None else "")


def _values(fields, attrs):
    flags = attrs.get("IFA_FLAGS", fields["flags"])
    values = {
        "scope": SCOPE_WORDS.get(fields["scope"], fields["scope"]),
        "noprefixroute": bool(flags & IFA_F_NOPREFIXROUTE),
    }
    if fields["family"] == AF_INET6:
        values["nodad"] = bool(flags & IFA_F_NODAD)
    else:
        values["broadcast"] = attrs.get("IFA_BROADCAST") or ""
    return values


def _may_be_generated(text):
    """The kernel gives each link an address below fe80::/64 (RFC 4862) and lo its own; it makes them again by itself."""
    return text.startswith(("127.", "::1/", "fe8", "fe9", "fea", "feb"))


def _is_generated(text, attrs, link):
    """Say whether the kernel made an address. It says so since Linux 5.18; before that an address is known by the link's MAC."""
    if not _may_be_generated(text):
        return False
    if text.startswith(("127.", "::1/")) or attrs.get("IFA_PROTO") == IFAPROT_KERNEL_LL:
        return True
    mac = [int(part, 16) for part in (link.get("IFLA_ADDRESS") or "").split(":") if part]
    if len(mac) != 6 or not text.endswith("/64"):
        return False
    eui64 = bytes([mac[0] ^ 2, *mac[1:3], 0xFF, 0xFE, *mac[3:]])  # RFC 4291, appendix A
    return ipaddress.IPv6Address(text.partition("/")[0]).packed[8:] == eui64
