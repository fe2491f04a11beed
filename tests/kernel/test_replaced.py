# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link of ours that another of the same name takes the place of: it is made anew, with a reason."""

import itertools

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError

LINKS = {
    "veth here": ("veth", {"peer": {"name": "b"}}),
    "veth into a namespace": ("veth", {"peer": {"name": "b", "netns": "red"}}),
    "bridge": ("bridge", {}),
    "vxlan": ("vxlan", {"vni": 7, "local": "192.0.2.1", "port": 8472}),
}


def kinds(node):
    """Return name -> kind of each link of the node but lo."""
    listed = node.json("ip -d -j link")
    return {one["ifname"]: one["linkinfo"]["info_kind"] for one in listed if one["ifname"] != "lo"}


def test_each_takes_the_place_of_each(node):
    """With its address, which stays; the other end of a veth goes with it."""
    node.task("netns", name="red")
    for one, other in itertools.permutations(LINKS, 2):
        node.task(LINKS[one][0], name="a", **LINKS[one][1])
        node.task("address", dev="a", address="192.0.2.1/24")
        module, options = LINKS[other]
        found = node.task(module, name="a", **options)
        assert any("'a' is made anew" in reason for reason in found["reasons"]), (one, other)
        assert not node.task(module, name="a", **options)["changed"]
        assert kinds(node) == {"a": module, **({"b": "veth"} if other == "veth here" else {})}
        assert "192.0.2.1/24" in node.sh("ip address show dev a")


BR = ("bridge", {"name": "br"})
VETH = ("veth", {"name": "a", "peer": {"name": "b"}})
OTHERS = {
    "its other end": ([VETH], ("bridge", {"name": "b"}), {"b": "bridge"}),
    "both ends": (
        [VETH],
        ("bridge", {"config": [{"name": "a"}, {"name": "b"}]}),
        {"a": "bridge", "b": "bridge"},
    ),
    "one end, which is renamed": ([VETH], ("veth", {"name": "c", "peer": {"name": "b"}}), {"c": "veth", "b": "veth"}),
    "ends of two pairs": (
        [VETH, ("veth", {"name": "c", "peer": {"name": "d"}})],
        ("veth", {"config": [{"name": "a", "peer": {"name": "c"}}, {"name": "b", "peer": {"name": "d"}}]}),
        dict.fromkeys("abcd", "veth"),
    ),
    "a bridge with a port, by what has none": (
        [BR, ("veth", {"name": "p", "peer": {"name": "q"}, "master": "br"})],
        ("vxlan", {"name": "br", **LINKS["vxlan"][1]}),
        {"br": "vxlan", "p": "veth", "q": "veth"},
    ),
    "a port, by what can be one": (
        [BR, ("veth", {**VETH[1], "master": "br"})],
        ("vxlan", {"name": "a", **LINKS["vxlan"][1]}),
        {"br": "bridge", "a": "vxlan"},
    ),
    "a port, by a bridge, which can be none": (
        [BR, ("veth", {**VETH[1], "master": "br"})],
        ("bridge", {"name": "a"}),
        {"br": "bridge", "a": "bridge"},
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_stood_on_it_stays_if_it_can(node, what):
    before, (module, options), after = OTHERS[what]
    for name, given in before:
        node.task(name, **given)
    found = node.task(module, **options)
    assert "renamed" in what or found["reasons"]
    assert not node.task(module, **options)["changed"]
    assert kinds(node) == after
    if "can be one" in what:
        assert "master br" in node.sh("ip link show dev a")


def test_a_port_of_what_is_no_bridge_is_refused_by_name(node):
    node.task("veth", name="a", peer={"name": "b"})
    node.task("bridge", config=[{"name": "br"}, {"name": "other"}])
    with pytest.raises(InputError, match="^bridge: 'b' is a veth and no bridge"):
        node.task("bridge_port", name="a", bridge="b")
    with pytest.raises(InputError, match="^name: 'other' is a bridge, and no bridge can be a port"):
        node.task("bridge_port", name="other", bridge="br")
    assert node.task("bridge_port", name="a", bridge="br")["changed"]


def test_a_route_that_moves_to_a_device_of_no_gateway_loses_its_own(node):
    """As from VXLAN to WireGuard; the kernel takes no onlink without a gateway."""
    for name, address in {"a": "192.0.2.1/24", "c": "198.51.100.1/24"}.items():
        node.task("veth", name=name, peer={"name": f"{name}-peer"})
        node.task("address", dev=name, address=address)
    for prefix, via in {"10.9.0.0/24": "10.9.0.0", "fd09::/64": "fd09::"}.items():
        node.task("route", prefix=prefix, via=via, dev="a", onlink=True)
        show = f"ip -{6 if ':' in prefix else 4} route show {prefix}"
        assert f"{prefix} via {via} dev a" in node.sh(show)
        node.task("route", prefix=prefix, dev="c")
        shown = node.sh(show)
        assert shown.startswith(f"{prefix} dev c proto 178") and "onlink" not in shown
        assert not node.task("route", prefix=prefix, dev="c")["changed"]
