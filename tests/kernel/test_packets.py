# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The procedures step by step: before the step that makes it work the packet does not arrive, after it it does.

Nodes are namespaces here, and the modules act in them by ``netns``.
"""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError


def link(one, other, master=None):
    """A veth between two (namespace, name) pairs."""
    return {
        "netns": one[0],
        "name": one[1],
        "peer": {"netns": other[0], "name": other[1]},
        **({"master": master} if master else {}),
    }


@pytest.fixture
def host_gw(node):
    """Two nodes on one L2, each with a bridge and an endpoint; nothing leads anywhere yet."""
    node.task("netns", config=[{"name": name} for name in ("vm1", "vm2", "ns245", "ns246")])
    node.task("veth", config=[link(("vm1", "eth0"), ("vm2", "eth0"))])
    node.task("bridge", config=[{"netns": vm, "name": "br0"} for vm in ("vm1", "vm2")])
    node.task(
        "veth",
        config=[link(("vm1", "veth0"), ("ns245", "eth0"), "br0"), link(("vm2", "veth0"), ("ns246", "eth0"), "br0")],
    )
    node.task(
        "address",
        config=[
            {"netns": "vm1", "dev": "eth0", "address": "192.168.32.245/24"},
            {"netns": "vm2", "dev": "eth0", "address": "192.168.32.246/24"},
            {"netns": "vm1", "dev": "br0", "address": "172.245.0.1/24"},
            {"netns": "vm2", "dev": "br0", "address": "172.246.0.1/24"},
            {"netns": "ns245", "dev": "eth0", "address": "172.245.0.2/24"},
            {"netns": "ns246", "dev": "eth0", "address": "172.246.0.2/24"},
        ],
    )
    node.task("forwarding", config=[{"family": "ipv4", "netns": vm, "enabled": False} for vm in ("vm1", "vm2")])
    return node


STEPS = [
    ("route", {"config": [{"netns": "ns245", "prefix": "default", "via": "172.245.0.1"}]}),
    ("route", {"config": [{"netns": "ns246", "prefix": "default", "via": "172.246.0.1"}]}),
    ("route", {"config": [{"netns": "vm1", "prefix": "172.246.0.0/24", "via": "192.168.32.246"}]}),
    ("route", {"config": [{"netns": "vm2", "prefix": "172.245.0.0/24", "via": "192.168.32.245"}]}),
    ("forwarding", {"config": [{"family": "ipv4", "netns": "vm1"}]}),
    ("forwarding", {"config": [{"family": "ipv4", "netns": "vm2"}]}),
]


@pytest.mark.parametrize("missing", [None, *range(len(STEPS))])
def test_host_gw_needs_each_of_its_steps(host_gw, missing):
    assert host_gw.ping("ns245", "172.245.0.1") == 64
    assert host_gw.ping("ns245", "172.246.0.2") is None
    for number, (module, options) in enumerate(STEPS):
        if number != missing:
            host_gw.task(module, **options)
    assert host_gw.ping("ns245", "172.246.0.2") == (62 if missing is None else None)
    if missing is not None:
        module, options = STEPS[missing]
        host_gw.task(module, **options)
        assert host_gw.ping("ns245", "172.246.0.2") == 62


@pytest.fixture
def docker_bridge(node):
    """A node with two endpoints on a bridge, and a host beyond it that knows nothing of them."""
    node.task("netns", config=[{"name": name} for name in ("vm", "outside", "lab-ns0", "lab-ns1")])
    node.task("bridge", netns="vm", name="lab-br0")
    node.task(
        "veth",
        config=[
            link(("vm", "eth0"), ("outside", "eth0")),
            link(("vm", "veth0"), ("lab-ns0", "eth0"), "lab-br0"),
            link(("vm", "veth1"), ("lab-ns1", "eth0"), "lab-br0"),
        ],
    )
    addresses = {
        ("vm", "eth0"): "192.168.32.245/24",
        ("outside", "eth0"): "192.168.32.1/24",
        ("vm", "lab-br0"): "10.15.10.1/24",
        ("lab-ns0", "eth0"): "10.15.10.2/24",
        ("lab-ns1", "eth0"): "10.15.10.3/24",
    }
    node.task(
        "address", config=[{"netns": netns, "dev": dev, "address": text} for (netns, dev), text in addresses.items()]
    )
    node.task("forwarding", config=[{"family": "ipv4", "netns": "vm"}])
    node.task("route", config=[{"netns": f"lab-ns{n}", "prefix": "default", "via": "10.15.10.1"} for n in (0, 1)])
    return node


def captured(node, netns, ping_from, target):
    """Return the source addresses of the echo requests that arrive in ``netns`` while ``ping_from`` asks ``target``."""
    found = node.sh(
        f"ip netns exec {netns} timeout 5 tcpdump -n -l -i eth0 -c 1 'icmp[0] == 8' 2>/dev/null & sleep 0.5;"
        f" ip netns exec {ping_from} ping -n -c 2 -i 0.2 -W 1 {target} >/dev/null; wait"
    )
    return {line.split(" IP ")[1].split(" > ")[0] for line in found.splitlines()}


def test_without_masquerade_the_outside_does_not_answer_and_with_it_sees_the_node(docker_bridge):
    node = docker_bridge
    assert node.ping("lab-ns0", "192.168.32.1") is None
    assert captured(node, "outside", "lab-ns0", "192.168.32.1") == {"10.15.10.2"}
    node.task("masquerade", netns="vm", source="10.15.10.0/24", exclude=["10.15.10.0/24"])
    assert node.ping("lab-ns0", "192.168.32.1") == 63
    assert captured(node, "outside", "lab-ns0", "192.168.32.1") == {"192.168.32.245"}


def test_traffic_between_endpoints_keeps_its_source(docker_bridge):
    node = docker_bridge
    node.task("masquerade", netns="vm", source="10.15.10.0/24", exclude=["10.15.10.0/24"])
    assert node.ping("lab-ns0", "10.15.10.3") == 64
    assert captured(node, "lab-ns1", "lab-ns0", "10.15.10.3") == {"10.15.10.2"}
    # what is on one bridge can be sent through netfilter: then only the exclusion keeps the source
    node.sh("ip netns exec vm sysctl -qw net.bridge.bridge-nf-call-iptables=1")
    assert captured(node, "lab-ns1", "lab-ns0", "10.15.10.3") == {"10.15.10.2"}
    node.task("masquerade", netns="vm", source="10.15.10.0/24", exclude=[])
    assert captured(node, "lab-ns1", "lab-ns0", "10.15.10.3") == {"10.15.10.1"}


@pytest.mark.parametrize("keep", [False, True])
def test_a_source_is_kept_where_another_program_masquerades(host_gw, keep):
    """As netavark before 1.14 does with all that leaves a network."""
    node = host_gw
    for module, options in STEPS:
        node.task(module, **options)
    node.sh(
        "ip netns exec vm1 nft 'table ip other { chain c { type nat hook postrouting priority srcnat; ip saddr 172.245.0.0/24"
        " ip daddr != 172.245.0.0/24 masquerade; }; }'"
    )
    rule = {"netns": "vm1", "source": "172.245.0.0/24", "exclude": ["172.245.0.0/24", "172.246.0.0/24"], "keep": keep}
    node.task("masquerade", **rule)
    assert captured(node, "ns246", "ns245", "172.246.0.2") == {"172.245.0.2" if keep else "192.168.32.245"}
    assert not node.task("masquerade", **rule)["changed"]
    # without masquerade nothing is excluded: what leaves the fabric keeps its source as well
    rule["exclude"] = []
    if keep:
        node.task("masquerade", **rule)
        assert captured(node, "ns246", "ns245", "172.246.0.2") == {"192.168.32.245"}
        assert node.task("masquerade", **rule, masquerade=False)["changed"]
        assert captured(node, "ns246", "ns245", "172.246.0.2") == {"172.245.0.2"}
        assert not node.task("masquerade", **rule, masquerade=False)["changed"]
    else:
        with pytest.raises(InputError, match="masquerade: false leaves nothing to make without keep: true"):
            node.task("masquerade", **rule, masquerade=False)


def test_ipv6_alike(node):
    node.task("netns", config=[{"name": name, "ipv6": True} for name in ("vm", "outside", "a")])
    node.task("veth", config=[link(("vm", "eth0"), ("outside", "eth0")), link(("vm", "veth0"), ("a", "eth0"))])
    node.task(
        "address",
        config=[
            {"netns": "vm", "dev": "eth0", "address": "fd32::1/64", "nodad": True},
            {"netns": "outside", "dev": "eth0", "address": "fd32::2/64", "nodad": True},
            {"netns": "vm", "dev": "veth0", "address": "fd15::1/64", "nodad": True},
            {"netns": "a", "dev": "eth0", "address": "fd15::2/64", "nodad": True},
        ],
    )
    assert node.ping("a", "fd15::1") == 64
    node.task("route", netns="a", prefix="default", via="fd15::1")
    assert node.ping("a", "fd32::2") is None
    node.task("forwarding", netns="vm", family="ipv6")
    assert node.ping("a", "fd32::2") is None
    node.task("masquerade", netns="vm", source="fd15::/64", exclude=["fd15::/64"])
    assert node.ping("a", "fd32::2") == 63


def test_isolated_ports_do_not_meet(node):
    node.task("netns", config=[{"name": "a"}, {"name": "b"}])
    node.task("bridge", name="br0")
    node.task("veth", config=[link(("", "v-a"), ("a", "eth0"), "br0"), link(("", "v-b"), ("b", "eth0"), "br0")])
    node.task(
        "address", config=[{"netns": ns, "dev": "eth0", "address": f"10.0.0.{n}/24"} for n, ns in ((2, "a"), (3, "b"))]
    )
    assert node.ping("a", "10.0.0.3") == 64
    node.task("bridge_port", config=[{"name": "v-a", "isolated": True}, {"name": "v-b", "isolated": True}])
    assert node.ping("a", "10.0.0.3") is None


def test_a_broadcast_address_is_heard_by_who_has_it(node):
    """One within the network: its last address is one whatever is asked for (fib_add_ifaddr, net/ipv4/fib_frontend.c)."""
    node.task("netns", config=[{"name": name, "ipv6": False} for name in ("red", "blue")])
    node.task("veth", config=[link(("red", "eth0"), ("blue", "eth0"))])
    node.sh("ip netns exec blue sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0")
    way = {"netns": "blue", "prefix": "10.8.0.0/24", "via": "10.9.0.1"}

    def have(netns, **broadcast):
        (address,) = (f"10.9.0.{number}/24" for name, number in (("red", 1), ("blue", 2)) if name == netns)
        return node.task("address", netns=netns, dev="eth0", address=address, **broadcast)

    have("red", broadcast="10.9.0.127")
    have("blue")
    node.task("route", **way)
    assert node.ping("red", "-b 10.9.0.127") is None
    made = have("blue", broadcast="10.9.0.127")
    assert made["reasons"] and "broadcast" in made["reasons"][0]
    assert node.ping("red", "-b 10.9.0.127") == 64
    assert not node.task("route", **way)["changed"]  # what fell with the address is there again
    assert not have("blue", broadcast="10.9.0.127")["changed"]
    assert not have("blue")["changed"]  # unset, it is left as it is
    assert have("blue", broadcast="")["changed"]
    assert node.ping("red", "-b 10.9.0.127") is None
    assert not have("blue", broadcast="")["changed"]
