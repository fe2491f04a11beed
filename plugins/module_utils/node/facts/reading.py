# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the facts: one dump of the kernel for each kind of object, sysctls, files and firewalls."""

from __future__ import annotations

import ipaddress
from fnmatch import fnmatchcase

from ...kernel import procfs, wireguard
from ...kernel.messages import AF_INET, AF_INET6, IFF_UP, RT_TABLE_LOCAL, RTEXT_FILTER_SKIP_STATS, RTM_F_CLONED
from ...kernel.netlink import Netlink
from ...ownership import ROUTE_PROTOCOL, owner_in
from ..expected import Expected
from . import files, firewall
from .model import Address, Facts, Link, Listener, Route, Rule

# linux/rtnetlink.h: RTN_*; linux/fib_rules.h: FR_ACT_*
ROUTE_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
RULE_ACTIONS = {1: "lookup", 2: "goto", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
NO_LENGTH = 0xFFFFFFFF
SELECTORS = {
    "FRA_FWMARK": "fwmark {:#x}",
    "FRA_IIFNAME": "iif {}",
    "FRA_OIFNAME": "oif {}",
    "FRA_IP_PROTO": "ipproto {}",
}
TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"  # net/tcp_states.h
SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv4.conf.all.arp_ignore",
    *(f"net.{family}.neigh.default.gc_thresh{number}" for family in ("ipv4", "ipv6") for number in (1, 2, 3)),
)


def read(expected: Expected) -> Facts:
    """Return the Facts of this node.

    :param expected: facts that it does not need are not read.
    """
    netlink = Netlink()
    try:
        facts = _network(netlink, expected)
    finally:
        netlink.close()
    facts.chains = firewall.chains()
    udp = expected.published or expected.tunnel_port is not None
    facts.listeners = [
        *(_listeners("tcp", TCP_LISTEN) if expected.published else ()),
        *(_listeners("udp", UDP_UNCONNECTED) if udp else ()),
    ]
    uplinks = [dev.replace(".", "/") for dev in facts.uplinks(expected)]
    forwarding = [f"net.{family}.conf.{dev}.forwarding" for family in ("ipv4", "ipv6") for dev in uplinks]
    facts.sysctls = procfs.read("", [*SYSCTLS, *forwarding])
    if expected.machine:
        facts.settings, ends = files.sysctl_settings(), files.ssh_ends()
        if ends:
            client, facts.ssh_address, port = ends
            facts.ssh_client = client, port
    return facts


def _network(netlink, expected):
    found = netlink.dump("", "link", attrs=[("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS)])
    names = {fields["index"]: attrs["IFLA_IFNAME"] for fields, attrs in found}
    links = [_link(fields, attrs, names, expected.interfaces) for fields, attrs in found]
    _add_ports(links)
    ours = {link.name for link in links if link.ours}
    routes = [
        _route(fields, attrs, names, ours) for fields, attrs in netlink.dump("", "route") if _counts(fields, attrs)
    ]
    return Facts(
        links,
        [_address(fields, attrs, names, ours) for fields, attrs in netlink.dump("", "addr")],
        [route for route in routes if not route.prefix.startswith("fe80:")],
        [_rule(fields, attrs) for fields, attrs in netlink.dump("", "rule") if fields["family"] in (AF_INET, AF_INET6)],
    )


def _link(fields, attrs, names, interfaces):
    name = attrs["IFLA_IFNAME"]
    ours = owner_in(attrs.get("IFLA_IFALIAS")) is not None or any(fnmatchcase(name, one) for one in interfaces)
    details = {
        "master": names.get(attrs.get("IFLA_MASTER")),
        "vni": attrs.get("IFLA_VXLAN_ID"),
        "port": attrs.get("IFLA_VXLAN_PORT"),
    }
    kind = attrs.get("IFLA_INFO_KIND") or "device"
    return Link(name, kind, attrs.get("IFLA_MTU", 0), bool(fields["flags"] & IFF_UP), ours, details)


def _add_ports(links):
    """Say at which port each WireGuard device listens: its socket in /proc/net/udp looks like that of a program."""
    found = {link.name: link for link in links if link.type == "wireguard"}
    for name, device in wireguard.devices("", found).items():
        found[name].details["port"] = device.listen_port


def _address(fields, attrs, names, ours):
    dev = names.get(fields["index"], "?")
    # of an address with a peer (ip-address(8)) the peer's prefix is the connected one
    address = attrs.get("IFA_LOCAL") or attrs["IFA_ADDRESS"]
    connected = ipaddress.ip_network(f"{attrs.get('IFA_ADDRESS', address)}/{fields['prefixlen']}", strict=False)
    return Address(dev, address, str(connected), dev in ours)


def _counts(fields, attrs):
    """Say whether a route decides: no local one, no cached one."""
    table = attrs.get("RTA_TABLE", fields["table"])
    return table != RT_TABLE_LOCAL and fields["type"] in ROUTE_TYPES and not fields["flags"] & RTM_F_CLONED


def _route(fields, attrs, names, ours):
    dev = names.get(attrs.get("RTA_OIF"))
    anywhere = "::" if fields["family"] == AF_INET6 else "0.0.0.0"
    return Route(
        f"{attrs.get('RTA_DST', anywhere)}/{fields['dst_len']}",
        dev,
        attrs.get("RTA_GATEWAY"),
        attrs.get("RTA_PRIORITY", 0),
        ROUTE_TYPES[fields["type"]],
        attrs.get("RTA_TABLE", fields["table"]),
        fields["proto"] == ROUTE_PROTOCOL or dev in ours,
        attrs.get("RTAX_MTU"),
    )


def _rule(fields, attrs):
    def prefix(name, length):
        return f"{attrs[name]}/{fields[length]}" if name in attrs else None

    return Rule(
        4 if fields["family"] == AF_INET else 6,
        attrs.get("FRA_PRIORITY", 0),
        RULE_ACTIONS.get(fields["action"], "nop"),
        attrs.get("FRA_TABLE", fields["table"]),
        prefix("FRA_SRC", "src_len"),
        prefix("FRA_DST", "dst_len"),
        tuple(text.format(attrs[name]) for name, text in SELECTORS.items() if attrs.get(name)),
        attrs.get("FRA_SUPPRESS_PREFIXLEN", NO_LENGTH) != NO_LENGTH,
    )


def _listeners(protocol, state):
    """Return the listening sockets of both families (proc(5), /proc/net/tcp)."""
    found = []
    for name in (protocol, f"{protocol}6"):
        for words in files.lines(f"/proc/thread-self/net/{name}"):
            if words[3] == state:
                address, _colon, port = words[1].partition(":")
                found.append(Listener(protocol, int(port, 16), _ip(address)))
    return list(dict.fromkeys(found))


def _ip(text):
    """Return an address of /proc/net, written as 32-bit words in this machine's byte order; None: any."""
    raw = b"".join(int(text[place : place + 8], 16).to_bytes(4, "little") for place in range(0, len(text), 8))
    address = ipaddress.ip_address(raw)
    return None if address.is_unspecified else str(address)
