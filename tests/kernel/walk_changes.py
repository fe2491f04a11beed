# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes by chance to a small fabric, each with what takes it back."""

from __future__ import annotations

import random
from typing import List

from walk_change import Change, Maker, device, node
from walk_fabrics import UPLINK, Fabric, mac
from walk_rules import nat, rules


def _subnet(fabric: Fabric, chance: random.Random) -> str:
    number = chance.randrange(1, len(fabric.nodes) + 1)
    host = chance.choice((2, 2, 3))
    return chance.choice(
        (f"10.{number}.0.0/24", f"10.{number}.0.{host}/32", f"10.{number}.0.0/25", "10.0.0.0/8", "192.168.1.0/24")
    )


def route_gone(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, *fabric.endpoints])
    routes = [line.split()[2] for line in fabric.lines[netns] if line.startswith("route replace")]
    prefix = chance.choice(routes)
    version = "-6 " if ":" in prefix else ""
    return Change(netns, [f"ip {version}route del {prefix}"], [])


def route_of_a_type(fabric: Fabric, chance: random.Random) -> Change:
    netns, prefix = chance.choice([*fabric.nodes, *fabric.endpoints]), _subnet(fabric, chance)
    kind = chance.choice(("blackhole", "unreachable", "prohibit", "throw"))
    metric = chance.choice(("", " metric 5", " metric 100"))
    return Change(netns, [f"ip route add {kind} {prefix}{metric}"], [f"ip route del {kind} {prefix}{metric}"])


def route_elsewhere(fabric: Fabric, chance: random.Random) -> Change:
    netns, prefix = node(fabric, chance), _subnet(fabric, chance)
    via = chance.choice(
        ["192.168.1.1", "192.168.1.2", "192.168.1.3", "192.168.1.254", "192.168.2.254", "192.168.1.77", "10.2.0.2"]
    )
    words = chance.choice(("", "", " metric 50", " mtu 1000", " mtu 1400"))
    onlink = f" dev {device(fabric, chance, netns)} onlink" if chance.random() < 0.3 else ""
    return Change(netns, [f"ip route add {prefix} via {via}{onlink}{words}"], [f"ip route del {prefix} via {via}"])


def route_by_a_device(fabric: Fabric, chance: random.Random) -> Change:
    netns, prefix = chance.choice([*fabric.nodes, *fabric.endpoints, UPLINK]), _subnet(fabric, chance)
    dev = device(fabric, chance, netns)
    return Change(netns, [f"ip route add {prefix} dev {dev}"], [f"ip route del {prefix} dev {dev}"])


def routes_of_two_ways(fabric: Fabric, chance: random.Random) -> Change:
    netns, prefix = chance.choice(fabric.nodes), _subnet(fabric, chance)
    ways = " ".join(f"nexthop via 192.168.1.{number}" for number in chance.sample((1, 2, 3, 254), 2))
    return Change(netns, [f"ip route add {prefix} {ways}"], [f"ip route del {prefix}"])


def rule(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.nodes)
    prefix = _subnet(fabric, chance)
    where = chance.choice(("lookup 100", "lookup 100", "lookup main", "from 10.1.0.0/24 lookup 100"))
    what = chance.choice(("blackhole", "unreachable", "throw", f"via 192.168.1.{chance.choice((1, 2, 254))}"))
    kind = what if not what.startswith("via") else ""
    via = what if what.startswith("via") else ""
    priority = chance.choice((100, 33000))
    return Change(
        netns,
        [f"ip route add {kind} {prefix} {via} table 100", f"ip rule add priority {priority} {where}"],
        ["ip route flush table 100", f"ip rule del priority {priority}"],
    )


def neighbor_wrong(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, *fabric.endpoints, UPLINK])
    dev = device(fabric, chance, netns)
    number = chance.randrange(1, len(fabric.nodes) + 1)
    address = chance.choice(
        [
            f"192.168.1.{number}",
            f"10.{number}.0.2",
            f"10.{number}.0.1",
            f"10.{number}.0.0",
            "192.168.1.254",
            "169.254.1.1",
        ]
        + (["fe80::1", f"fd00:{number}::2", f"fd99::{number}"] if fabric.recipe.dual else [])
    )
    right = chance.choice(
        [mac(chance.randrange(1, 40), 1), mac(100 + number, 2), mac(210 + number, 1), mac(220 + number, 1)]
    )
    state = chance.choice(("permanent", "permanent", "reachable", "stale", "noarp"))
    add = f"ip neighbor replace {address} lladdr {right} dev {dev} nud {state}"
    return Change(netns, [add], [f"ip neighbor del {address} dev {dev}"])


def neighbor_gone(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.nodes)
    found = [line.split() for line in fabric.lines[netns] if line.startswith("neighbor")]
    if not found:
        return neighbor_wrong(fabric, chance)
    words = chance.choice(found)
    return Change(netns, [f"ip neighbor del {words[2]} dev {words[6]}"], [])


def fdb(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.nodes)
    found = [line.split() for line in fabric.fdb.get(netns, [])]
    if not found:
        return bridge_fdb(fabric, chance)
    words = chance.choice(found)
    address = mac(220 + chance.randrange(1, 4), 1)
    dst = fabric.underlay(chance.randrange(1, len(fabric.nodes) + 1))
    return chance.choice(
        (
            Change(netns, [f"bridge fdb del {words[2]} dev vx0 dst {words[6]} self"], []),
            Change(
                netns,
                [f"bridge fdb replace {address} dev vx0 dst {dst} self permanent"],
                [f"bridge fdb del {address} dev vx0"],
            ),
            Change(
                netns,
                [f"bridge fdb append 00:00:00:00:00:00 dev vx0 dst {dst} self permanent"],
                [f"bridge fdb del 00:00:00:00:00:00 dev vx0 dst {dst}"],
            ),
        )
    )


def bridge_fdb(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, UPLINK])
    ports = [line.split()[3] for line in fabric.lines[netns] if " master br0" in line]
    if not ports:
        return sysctl(fabric, chance)
    port = chance.choice(ports)
    number = chance.randrange(1, 4)
    address = chance.choice((mac(100 + number, 2), mac(number * 10 + 1, 2), mac(210 + number, 1)))
    state = chance.choice(("static", "static", "local", "dynamic"))
    return Change(
        netns,
        [f"bridge fdb replace {address} dev {port} master {state}"],
        [f"bridge fdb del {address} dev {port} master"],
    )


def port(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, UPLINK])
    ports = [line.split()[3] for line in fabric.lines[netns] if " master br0" in line]
    if not ports:
        return sysctl(fabric, chance)
    name, base = chance.choice(
        [
            ("isolated on", "isolated off"),
            ("flood off", "flood on"),
            ("learning off", "learning on"),
            ("state 0", "state 3"),
        ]
        + [("hairpin on", "hairpin off"), ("bcast_flood off", "bcast_flood on"), ("mcast_flood off", "mcast_flood on")]
    )
    some = ports if chance.random() < 0.5 else [chance.choice(ports)]
    return Change(
        netns,
        [f"ip link set dev {one} type bridge_slave {name}" for one in some],
        [f"ip link set dev {one} type bridge_slave {base}" for one in some],
    )


def sysctl(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, *fabric.nodes, *fabric.endpoints, UPLINK])
    dev = chance.choice([device(fabric, chance, netns), device(fabric, chance, netns), "all"])
    name, values, base = chance.choice(
        [
            ("forwarding", "01", "0"),
            ("forwarding", "0", "0"),
            ("rp_filter", "12", "0"),
            ("rp_filter", "12", "0"),
            ("proxy_arp", "01", "0"),
            ("accept_local", "1", "0"),
            ("arp_ignore", "128", "0"),
            ("arp_announce", "12", "0"),
            ("arp_filter", "1", "0"),
        ]
    )
    setting = f"net.ipv4.conf.{dev}.{name}"
    back = "1" if name == "forwarding" and netns not in fabric.endpoints else base
    return Change(netns, [f"sysctl {setting}={chance.choice(values)}"], [f"sysctl {setting}={back}"])


def sysctl6(fabric: Fabric, chance: random.Random) -> Change:
    if not fabric.recipe.dual:
        return sysctl(fabric, chance)
    netns = chance.choice([*fabric.nodes, *fabric.endpoints])
    name = chance.choice(("all.forwarding", "all.proxy_ndp", f"{device(fabric, chance, netns)}.proxy_ndp"))
    back = "1" if "forwarding" in name and netns in fabric.nodes else "0"
    return Change(
        netns, [f"sysctl net.ipv6.conf.{name}={chance.choice('01')}"], [f"sysctl net.ipv6.conf.{name}={back}"]
    )


def proxy(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice([*fabric.nodes, UPLINK])
    dev = device(fabric, chance, netns)
    number = chance.randrange(1, len(fabric.nodes) + 1)
    choices = [f"10.{number}.0.2", f"10.{number}.0.3", f"192.168.1.{number}"]
    address = chance.choice([*choices, *([f"fd00:{number}::2"] if fabric.recipe.dual else [])])
    return Change(netns, [f"ip neighbor add proxy {address} dev {dev}"], [f"ip neighbor del proxy {address} dev {dev}"])


def link_down(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.names)
    dev = chance.choice([device(fabric, chance, netns), device(fabric, chance, netns), "lo"])
    return Change(netns, [f"ip link set dev {dev} down"], [f"ip link set dev {dev} up"])


def mtu(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.names)
    return Change(
        netns,
        [f"ip link set dev {device(fabric, chance, netns)} mtu {chance.choice((1280, 1300, 1400, 1446, 1496, 9000))}"],
        [],
    )


def mac_changed(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.names)
    return Change(
        netns, [f"ip link set dev {device(fabric, chance, netns)} address {mac(chance.randrange(1, 250), 3)}"], []
    )


def address_gone(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.names)
    found = [line.split() for line in fabric.lines[netns] if line.startswith("address")]
    words = chance.choice(found) if found else None
    return Change(netns, [f"ip address del {words[2]} dev {words[4]}"], []) if words else sysctl(fabric, chance)


def address_more(fabric: Fabric, chance: random.Random) -> Change:
    netns = chance.choice(fabric.names)
    dev = device(fabric, chance, netns)
    number = chance.randrange(1, 4)
    text = chance.choice(
        (f"10.{number}.0.2/32", f"10.{number}.0.200/24", "10.9.9.9/32", f"192.168.1.{number}/24", "192.168.1.200/24")
    )
    return Change(netns, [f"ip address add {text} dev {dev}"], [f"ip address del {text} dev {dev}"])


MAKERS: List[Maker] = [
    route_gone,
    route_gone,
    route_of_a_type,
    route_elsewhere,
    route_elsewhere,
    route_by_a_device,
    routes_of_two_ways,
    rule,
    neighbor_wrong,
    neighbor_wrong,
    neighbor_gone,
    fdb,
    fdb,
    bridge_fdb,
    port,
    sysctl,
    sysctl,
    sysctl,
    sysctl6,
    proxy,
    link_down,
    mtu,
    mac_changed,
    address_gone,
    address_more,
    rules,
    rules,
    rules,
    nat,
    nat,
]


def changes(fabric: Fabric, chance: random.Random) -> List[Change]:
    """Return a few changes by chance."""
    return [chance.choice(MAKERS)(fabric, chance) for _number in range(chance.choice((0, 1, 1, 1, 2, 2, 3)))]
