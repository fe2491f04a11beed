# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network between a lab's hosts, made with the engine itself; without marks: it is the fabric's world, no part of it."""

from __future__ import annotations

import os
from functools import partial
from itertools import permutations

from ...module_utils.engine.resource import Desired, Resource
from ...module_utils.kernel.messages import RT_TABLE_MAIN
from ...module_utils.kinds.address import Address, address_resource
from ...module_utils.kinds.link import Link, LinkKey
from ...module_utils.kinds.neighbor import Neighbor, NeighborKey
from ...module_utils.kinds.netns import Netns
from ...module_utils.kinds.route import Route, RouteKey
from ...module_utils.kinds.sysctl import Sysctl, SysctlKey
from ...module_utils.ownership import Ledger
from ...module_utils.runner.run import on_node
from ..naming import mac_of

# linux/rtnetlink.h
PROTOCOL_STATIC, METRIC_IPV6 = 4, 1024

# A namespace takes these over from the machine (ip-sysctl, devconf_inherit_init_net): a host starts from the kernel's own.
FRESH = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.proxy_arp": "0",
    "net.ipv4.conf.default.proxy_arp": "0",
}
# Duplicate address detection would make each start of a lab a second longer.
NO_WAITING = {"net.ipv6.conf.all.accept_dad": "0", "net.ipv6.conf.default.accept_dad": "0"}
# All namespaces of a machine share one table of neighbors, of gc_thresh3 = 1024 that were learned (arp(7)): half of it
# is left to the endpoints.
LEARNED_NEIGHBORS = 512


def make(topology, pids):
    """Join the hosts of ``topology`` as it says; the segments' bridges lie in the caller's namespace.

    :param pids: host name -> a process in it.
    :raises FabricError: the kernel refused.
    """
    places = {name: f"/proc/{pid}/ns/net" for name, pid in pids.items()}
    kinds = [Netns(), Sysctl(), Link(), Address(), Neighbor(), Route()]
    on_node(lambda session: _make(session, topology, places), kinds, ledger=partial(Ledger, "/run/nodenet-lab"))


def _make(session, topology, places):
    # IPv6 is configured before a link comes up
    links = [*_segments(topology), *_links(topology, places)]
    for part in (_settings(topology, places), links, _inside(topology, places), _neighbors(topology, places)):
        session.run([Desired(resource) for resource in part], adopt=True)


def _segments(topology):
    values = {"type": "bridge", "mtu": topology["mtu"], "addrgenmode": "none", "up": True}
    for number in range(topology["segments"]):
        yield Resource("link", LinkKey("", f"segment{number}"), values)


def _links(topology, places):
    port = 0
    crowded = _crowded(topology)
    for name, host in topology["hosts"].items():
        both = {"type": "veth", "mtu": host.get("mtu", topology["mtu"]), "up": True}
        for index, link in enumerate(host["links"]):
            here, there = LinkKey("", f"port{port}"), LinkKey(places[name], f"eth{index}")
            on_bridge = {"master": f"segment{link['segment']}", "addrgenmode": "none"}
            yield Resource("link", here, {**both, **on_bridge, "peer": there})
            yield Resource("link", there, {**both, **({"mac": _mac(name, index)} if crowded else {}), "peer": here})
            port += 1


def _settings(topology, places):
    """Return the hosts' sysctls; where the machine has no IPv6, none for it."""
    ipv6 = os.path.isdir("/proc/sys/net/ipv6")
    forward = {"net.ipv4.ip_forward": "1", **({"net.ipv6.conf.all.forwarding": "1"} if ipv6 else {})}
    for name, host in topology["hosts"].items():
        wanted = {**FRESH, **(NO_WAITING if ipv6 else {}), **(forward if host["router"] else {})}
        for sysctl, value in wanted.items():
            yield Resource("sysctl", SysctlKey(places[name], sysctl), {"value": value})


def _inside(topology, places):
    """Return the loopbacks, addresses and routes of the hosts."""
    for name, host in topology["hosts"].items():
        place = places[name]
        yield Resource("link", LinkKey(place, "lo"), {"up": True})
        for index, link in enumerate(host["links"]):
            for address in link["addresses"]:
                yield address_resource(place, f"eth{index}", address, {"nodad": True} if ":" in address else {})
        for gateway in host["gateways"]:
            default, metric = ("::/0", METRIC_IPV6) if ":" in gateway else ("0.0.0.0/0", 0)
            values = {"type": "unicast", "via": gateway, "dev": "eth0", "protocol": PROTOCOL_STATIC}
            yield Resource("route", RouteKey(place, RT_TABLE_MAIN, default, metric), values)


def _neighbors(topology, places):
    """Return what the hosts of a segment know of each other without asking, where the machine's table has no room to ask."""
    for there in _by_segment(topology) if _crowded(topology) else ():
        for (name, index, _own), (other, others_index, addresses) in permutations(there, 2):
            values = {"mac": _mac(other, others_index)}
            for address in addresses:
                key = NeighborKey(places[name], f"eth{index}", address.partition("/")[0])
                yield Resource("neighbor", key, values)


def _crowded(topology):
    return sum(len(there) * (len(there) - 1) for there in _by_segment(topology)) > LEARNED_NEIGHBORS


def _by_segment(topology):
    """Return for each segment the (host, number of its link, addresses) on it."""
    segments = {}
    for name, host in topology["hosts"].items():
        for index, link in enumerate(host["links"]):
            segments.setdefault(link["segment"], []).append((name, index, link["addresses"]))
    return list(segments.values())


def _mac(name, index):
    return mac_of("lab", name, str(index))
