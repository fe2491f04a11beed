# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a real node, and the faults and warnings that the checks find in them."""

import os
import socket
import subprocess
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.causes import likely_causes
from ansible_collections.nodenet.fabric.plugins.module_utils.node.examination.checks import Unfit, examine, examined
from ansible_collections.nodenet.fabric.plugins.module_utils.node.expected import Expected
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts import files, reading
from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts.model import Route, Rule, Setting

EXPECTED = {
    "machine": False,
    "backend": "vxlan",
    "vxlan_vni": 1,
    "port_variable": "fabric_vxlan_port",
    "encapsulation": "udp:8472",
    "node_addresses": ["10.0.0.1"],
    "underlay_mtu": 1500,
    "prefixes": [
        {"prefix": "10.244.0.0/24", "name": "fabric_node_subnet"},
        {"prefix": "10.244.1.0/24", "name": "fabric_node_subnet of vm2"},
        {"prefix": "fd00:1::/64", "name": "fabric_node_subnet6 of vm2"},
    ],
    "peers": [{"name": "vm2", "address": "10.0.0.2", "direct": False}],
    "published": [{"name": "fabric_publish[0]", "protocol": "tcp", "port": "80-90", "address": None}],
    "interfaces": ["fabric0", "vxlan1"],
}


@pytest.fixture
def machine(node):
    """A node with an uplink and the fabric's objects."""
    node.sh("ip link add eth0 type veth peer name wire && ip link set eth0 up && ip link set wire up")
    node.sh("ip address add 10.0.0.1/24 dev eth0 && ip route add default via 10.0.0.254")
    node.task("bridge", name="fabric0")
    node.task("address", dev="fabric0", address="10.244.0.1/24")
    node.task("vxlan", name="vxlan1", vni=1, port=8472, local="10.0.0.1")
    node.task("address", dev="vxlan1", address="10.244.0.0/32")
    node.task("neighbor", dev="vxlan1", address="10.244.1.0", mac="02:00:00:00:00:02")
    node.task("route", prefix="10.244.1.0/24", via="10.244.1.0", dev="vxlan1", onlink=True)
    return node


def expected(**values):
    return Expected(**{**EXPECTED, **values})


def refused(**values):
    with pytest.raises(Unfit) as found:
        examined(expected(**values))
    return found.value.faults


def test_a_node_with_its_fabric_has_no_fault_and_no_warning(machine):
    facts, findings = examined(expected())
    assert findings == []
    assert facts.uplinks(expected()) == ["eth0"]
    assert {link.name for link in facts.links if link.ours} == {"fabric0", "vxlan1"}
    assert Route("10.244.1.0/24", "vxlan1", "10.244.1.0", ours=True) in facts.routes
    assert facts.ssh_client is None


def test_networks_and_gateways_in_the_way_are_refused(machine):
    machine.sh("ip link add docker0 type bridge && ip address add 10.244.1.1/16 dev docker0")
    faults = refused(underlay_mtu=9000)
    assert [fault for fault in faults if "10.244.0.0/16" in fault and "the bridge docker0" in fault] == faults[:2]
    assert "fabric_underlay_mtu is 9000, and eth0" in faults[2] and len(faults) == 3
    machine.sh("ip link del docker0")
    assert "10.0.0.254, the default gateway" in str(refused(prefixes=[{"prefix": "10.0.0.254/31", "name": "x"}]))
    assert "on no interface of this node, which has 10.0.0.1 (eth0)" in refused(node_addresses=["10.0.0.9"])[0]


@pytest.mark.parametrize("where", ["lo", "bridge", "a cloud"])
def test_the_nodes_address_may_be_anywhere(machine, where):
    machine.sh("ip address flush dev eth0")
    if where == "lo":
        machine.sh(
            "ip address add 192.0.2.1/24 dev eth0; ip address add 10.0.0.1/32 dev lo; ip route add default via 192.0.2.2"
        )
    elif where == "bridge":
        machine.sh("ip link add br0 up type bridge; ip link set eth0 master br0; ip address add 10.0.0.1/24 dev br0")
    else:
        machine.sh("ip address add 10.0.0.1/32 dev eth0; ip route add 172.31.1.1 dev eth0")
        machine.sh("ip route add default via 172.31.1.1 dev eth0 onlink")
    assert examined(expected())[1] == []


def test_a_peer_of_a_plain_route_is_on_the_link(machine):
    peers = [{"name": "vm2", "address": "10.0.0.2", "direct": True}]
    assert examined(expected(peers=peers, backend="host_gw"))[1] == []
    machine.sh(
        "ip address flush dev eth0; ip address add 10.0.0.1/32 dev eth0; ip route add default dev eth0 via 172.31.1.1 onlink"
    )
    assert (
        "through the gateway 172.31.1.1 (eth0): choose a fabric_backend with tunnels"
        in refused(peers=peers, backend="host_gw")[0]
    )


def test_another_vxlan_device_is_named_with_the_variables(machine):
    machine.sh("ip link del vxlan1; ip link add flannel.1 type vxlan id 1 dstport 8472 local 10.0.0.1 nolearning")
    assert refused() == [
        "the VXLAN device flannel.1 already has VNI 1 and UDP port 8472 (flannel and Docker make such devices):"
        " choose another fabric_vxlan_vni or fabric_vxlan_port"
    ]
    # with another VNI the port is shared
    machine.sh("ip link set flannel.1 up")
    assert examined(expected(vxlan_vni=2))[1] == []
    machine.task("vxlan", name="vxlan1", vni=2, port=8472, local="10.0.0.1")


def test_ports_on_which_a_program_listens_are_named(machine):
    machine.sh("ip link del vxlan1")
    with socket.socket(type=socket.SOCK_DGRAM) as tunnel, socket.socket(socket.AF_INET6) as web, socket.socket() as own:
        tunnel.bind(("10.0.0.1", 8472))
        web.bind(("::", 81))
        own.bind(("127.0.0.1", 82))
        assert examined(expected(encapsulation=None))[1] == []
        web.listen()
        own.listen()
        assert "UDP port 8472 of this node is in use by another program" in refused()[0]
        findings = examined(expected(encapsulation=None))[1]
        assert ["tcp port 81, on which a program of this node listens (any address)" in one for one in findings] == [
            True
        ]


def test_firewalls_that_drop_are_named_until_they_accept_the_fabric(machine):
    machine.sh(
        "nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'"
    )
    machine.sh(
        "nft add table inet own; nft 'add chain inet own in { type filter hook input priority 0; policy drop; }'"
    )
    machine.sh("nft 'add chain inet own out { type filter hook output priority 0; policy drop; }'")
    findings = examined(expected())[1]
    assert len(findings) == 2
    assert "the chain ip filter FORWARD of this node's firewall drops forwarded packets" in findings[0]
    assert "the chain inet own in" in findings[1] and "accept UDP port 8472 from the peers in it" in findings[1]
    machine.sh(
        "nft add rule ip filter FORWARD ip saddr 10.244.0.0/24 accept; nft add rule inet own in udp dport 8472 accept"
    )
    assert examined(expected())[1] == []
    machine.sh("nft flush ruleset; nft add table ip filter; nft add chain ip filter DOCKER-USER")
    machine.sh("nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'")
    assert "ip filter FORWARD (docker)" in examined(expected())[1][0]
    assert examined(expected(handled=["docker"]))[1] == []


def test_foreign_routes_and_rules_that_win_are_named(machine):
    machine.sh("ip route add blackhole 10.244.1.5; ip route add 10.244.1.128/25 via 10.0.0.3")
    machine.sh("ip -6 route add blackhole fd00:1::/64 metric 10")
    machine.sh("ip rule add from 10.244.0.0/24 priority 100 lookup 7; ip route add default via 10.0.0.9 table 7")
    findings = "\n".join(examined(expected())[1])
    assert "'blackhole 10.244.1.5/32', '10.244.1.128/25 via 10.0.0.3 dev eth0' to the fabric's routes" in findings
    assert "'blackhole fd00:1::/64" in findings
    assert "the policy rule '100: from 10.244.0.0/24 lookup 7' precedes the table main" in findings
    # and the kernel does so
    assert "blackhole" in machine.sh("ip route get 10.244.1.5 2>&1 || echo blackhole")
    assert "via 10.0.0.9" in machine.sh("ip route get 10.244.1.1 from 10.244.0.1")
    machine.sh(
        "ip rule add from all fwmark 0x10 priority 90 lookup 8 suppress_prefixlength 0; ip rule add to 10.9.0.0/16 prohibit"
    )
    rules = reading.read(expected()).rules
    assert Rule(4, 90, "lookup", 8, selects=("fwmark 0x10",), suppresses=True) in rules
    assert any(one.action == "prohibit" and one.destination == "10.9.0.0/16" for one in rules)


def test_settings_of_the_uplink_are_named(machine):
    machine.sh("sysctl -qw net.ipv4.ip_forward=1")
    assert examined(expected())[1] == []
    machine.sh("sysctl -qw net.ipv4.conf.eth0.forwarding=0 net.ipv4.conf.all.arp_ignore=2")
    findings = examined(expected())[1]
    assert "eth0 does not forward" in findings[0] and "net.ipv4.conf.eth0.forwarding=0" in findings[0]
    assert "arp_ignore is 2" in findings[1]


def test_files_are_read_in_the_order_of_their_names(tmp_path):
    for folder, name, text in (
        (
            "etc",
            "99-own.conf",
            "# net.ipv4.ip_forward = 1\nnet/ipv4/ip_forward=0\n\n-net.ipv4.conf.all.rp_filter = 1\n",
        ),
        ("etc", "10-a.conf", "net.ipv4.ip_forward = 1"),
        ("lib", "10-a.conf", "net.ipv4.ip_forward = 7"),
        ("lib", "50-b.conf", "kernel.x = a  b\n; no\nnonsense\n"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
    found = files.sysctl_settings([f"{tmp_path}/{folder}" for folder in ("etc", "run", "lib")], f"{tmp_path}/none")
    etc, lib = f"{tmp_path}/etc", f"{tmp_path}/lib"
    assert found == [
        Setting(f"{etc}/10-a.conf", "net.ipv4.ip_forward", "1"),
        Setting(f"{lib}/50-b.conf", "kernel.x", "a b"),
        Setting(f"{etc}/99-own.conf", "net/ipv4/ip_forward", "0"),
        Setting(f"{etc}/99-own.conf", "-net.ipv4.conf.all.rp_filter", "1"),
    ]


SSH_CLIENT = (
    "from ansible_collections.nodenet.fabric.plugins.module_utils.node.facts import files; print(files.ssh_ends())"
)


def test_the_address_of_the_controller_is_found_though_sudo_removes_it():
    """A shell with the variable, and below it a process without, like sshd, sudo and Python."""
    clean = f"env -i PYTHONPATH={':'.join(path for path in sys.path if path)} {sys.executable} -c '{SSH_CLIENT}'; true"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
    # the second is sshd's value for a stream that is no socket, behind a ProxyCommand
    for text, expected_client in (
        ("198.51.100.7 50000 10.0.0.1 2222", "('198.51.100.7', '10.0.0.1', 2222)"),
        ("UNKNOWN 65535 UNKNOWN 65535", "None"),
    ):
        command = ["setsid", "sh", "-c", clean]
        variables = {**environment, "SSH_CONNECTION": text}
        found = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == expected_client


def test_a_prefix_may_not_cover_the_controller_unless_it_is_reached_over_the_fabric(machine):
    facts = reading.read(expected())
    facts.ssh_client = ("10.1.2.3", 84)
    with pytest.raises(Unfit) as found:
        examine(facts, expected(prefixes=[{"prefix": "10.1.0.0/16", "name": "fabric_node_subnet"}]))
    assert "covers 10.1.2.3" in found.value.faults[0]
    assert "tcp port 84, the port of Ansible's SSH connection" in found.value.faults[1]
    machine.task("route", prefix="10.1.0.0/16", via="10.0.0.2")
    facts = reading.read(expected(published=[]))
    facts.ssh_client = ("10.1.2.3", 22)
    assert (
        examine(facts, expected(published=[], prefixes=[{"prefix": "10.1.0.0/16", "name": "fabric_node_subnet"}])) == []
    )


def test_likely_causes_of_loss_are_named(machine):
    fabric = {"tunnels": ["vxlan1"], "prefixes": EXPECTED["prefixes"][:2], "published": []}
    machine.sh("sysctl -qw net.ipv4.ip_forward=1")
    assert likely_causes(expected(**fabric)) == []
    machine.sh(
        "nft add table ip mine; nft 'add chain ip mine f { type filter hook forward priority 0; policy accept; }'"
    )
    machine.sh(
        "nft add rule ip mine f ip daddr 10.244.1.0/24 counter drop; nft add rule ip mine f ip daddr 203.0.113.1 drop"
    )
    assert likely_causes(expected(**fabric)) == [
        "the chain ip mine f of this node's firewall has the rule 'ip daddr 10.244.1.0/24 drop': remove it"
    ]
    # a chain that ends with a drop counts like one with that policy
    machine.sh(
        "nft flush chain ip mine f; nft add rule ip mine f ct state established accept; nft add rule ip mine f counter drop"
    )
    (cause,) = likely_causes(expected(**fabric))
    assert cause.startswith("the chain ip mine f of this node's firewall drops forwarded packets")
    machine.sh("nft delete table ip mine; ip route replace blackhole 10.244.1.0/24; sysctl -qw net.ipv4.ip_forward=0")
    forwarding, route = likely_causes(expected(**fabric))
    assert forwarding == "net.ipv4.ip_forward is 0: this node forwards no IPv4; run site"
    assert "is 'blackhole 10.244.1.0/24', which is not the fabric's: remove it and run site" in route
