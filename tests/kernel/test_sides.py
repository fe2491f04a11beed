# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a link has on its side of the fabric: the node takes nothing from endpoints, and settings of the machine cut nobody."""

from __future__ import annotations

import json
import sys
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import Link
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit
from commits import arrange

# One router advertisement, as root in an endpoint sends it (RFC 4861, 4.2): a default route and an on-link prefix.
ADVERTISE = """
import socket, struct, sys
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:bad::")
raw.sendto(head + prefix, ("ff02::1", 0, 0, socket.if_nametoindex(sys.argv[1])))
"""


def veth(side, **more):
    other = side and "endpoint"
    peer = {"name": "eth0", "netns": "red", "side": other} if other else {"name": "eth0", "netns": "red"}
    return {"name": "v-red", "addrgenmode": "eui64", "peer": peer, **({"side": side} if side else {}), **more}


def attach(node, way, side):
    """Make the endpoint red, attached in a way of the roles; return the node's interface on it."""
    node.task("netns", name="red", ipv6=True)
    given = {"side": side} if side else {}
    if way == "bridge":
        node.task("bridge", name="br0", addrgenmode="eui64", **given)
        node.task("veth", **veth(side, master="br0"))
        return "br0"
    node.task("veth", **veth(side))
    return "v-red"


def advertise(node, dev):
    """Send the advertisement, once both ends have an address to send and to answer from; return what the node took from it."""
    for _attempt in range(60):
        if not node.sh(f"ip -6 -o address show dev {dev} tentative; ip -n red -6 -o address show tentative"):
            break
        time.sleep(0.05)
    node.sh(f"ip netns exec red {sys.executable} -c '{ADVERTISE}' eth0")
    time.sleep(0.3)
    routes = [one for one in json.loads(node.sh("ip -6 -j route")) if one["protocol"] == "ra"]
    return routes, node.sh(f"ip -6 -o address show dev {dev} scope global")


@pytest.mark.parametrize("way", ["bridge", "routed"])
def test_the_node_takes_no_route_and_no_address_from_an_endpoint(node, way):
    routes, addresses = advertise(node, attach(node, way, "node"))
    assert routes == [] and addresses == ""


@pytest.mark.parametrize("way", ["bridge", "routed"])
def test_without_the_setting_it_does(node, way):
    routes, addresses = advertise(node, attach(node, way, None))
    assert any(route["dst"] == "default" for route in routes) and "2001:db8:bad:" in addresses


def sysctls(node, netns, link, names):
    found = node.sh(f"ip netns exec {netns} " * bool(netns) + "sysctl -n " + " ".join(names).replace("LINK", link))
    return dict(zip(names, found.split()))


TAKES_NOTHING = {
    "net.ipv6.conf.LINK.accept_ra": "0",
    "net.ipv6.conf.LINK.accept_redirects": "0",
    "net.ipv6.conf.LINK.accept_source_route": "0",
    "net.ipv4.conf.LINK.accept_redirects": "0",
    "net.ipv4.conf.LINK.accept_source_route": "0",
    "net.ipv4.conf.LINK.forwarding": "1",
    "net.ipv4.conf.LINK.proxy_arp": "0",
}
WORST = [
    f"net.ipv4.conf.default.{name}=1"
    for name in ("accept_redirects", "accept_source_route", "rp_filter", "arp_filter", "proxy_arp")
] + ["net.ipv4.conf.default.forwarding=0", "net.ipv4.conf.default.arp_ignore=2", "net.ipv6.conf.default.accept_ra=2"]
TUNNELS = {
    "vxlan": {"name": "t0", "vni": 1, "local": "192.0.2.1", "addrgenmode": "none"},
    "bridge": {"name": "t0", "addrgenmode": "none"},
}


@pytest.mark.parametrize("module", TUNNELS)
def test_the_machines_defaults_are_not_those_of_our_links(node, module):
    node.sh("sysctl -qw " + " ".join(WORST))
    node.task(module, **TUNNELS[module], side="node")
    assert sysctls(node, "", "t0", TAKES_NOTHING) == TAKES_NOTHING
    strict = sysctls(node, "", "t0", ["net.ipv4.conf.LINK.rp_filter"])
    assert strict["net.ipv4.conf.LINK.rp_filter"] == ("2" if module == "vxlan" else "0")
    assert node.task(module, **TUNNELS[module], side="node")["changed"] is False


@pytest.mark.parametrize("number", ["0", "2"])
def test_an_undo_that_made_a_link_half_at_first_gives_it_its_reverse_path_filter_back(node, monkeypatch, number):
    """0 and 2 are alike to whoever asks for a filter that is not strict, but not beside a strict ``all``."""
    node.task("vxlan", **TUNNELS["vxlan"], side="node")
    node.sh(f"sysctl -qw net.ipv4.conf.t0.rp_filter={number}")
    arrange({"vxlan": []}, "c1")
    assert "t0" not in node.sh("ip -o link show")
    once = iter([True])
    set_link = Link._set
    half = staticmethod(lambda *args, **more: [] if next(once, False) else set_link(*args, **more))
    monkeypatch.setattr(Link, "_set", half)
    done = commit.cancel("c1")
    assert done["left"] == [] and "interface 't0' changed back" in done["undone"]
    assert node.sh("cat /proc/sys/net/ipv4/conf/t0/rp_filter").strip() == number


def test_without_a_side_they_are(node):
    node.sh("sysctl -qw " + " ".join(WORST))
    node.task("bridge", **TUNNELS["bridge"])
    found = sysctls(node, "", "t0", TAKES_NOTHING)
    assert found["net.ipv6.conf.LINK.accept_ra"] == "2" and found["net.ipv4.conf.LINK.forwarding"] == "0"


def test_an_interface_takes_nothing_before_it_is_up(node):
    """Were it up first, an advertisement that comes in between would be taken."""
    node.task("netns", name="red")
    found = node.task("veth", **veth("node"), _check=True)["commands"]
    up = found.index("ip link set dev v-red up")
    assert any("conf.v-red.accept_ra=0" in command for command in found[:up])
    for command in found:
        node.sh(command)
    node.task("veth", **veth("node"), adopt=True)
    assert node.task("veth", **veth("node"))["changed"] is False
