# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Red and blue on a bridge, a LAN behind their host: step by step to the LAN and the world, and published ports."""

import subprocess
import sys

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.modules import probe
from test_packets import captured

CLIENT = """
import socket, sys
family, sort = (getattr(socket, word) for word in sys.argv[1:3])
one = socket.socket(family, sort)
one.settimeout(0.7)
try:
    one.connect((sys.argv[3], int(sys.argv[4])))
    if sort == socket.SOCK_DGRAM:
        one.send(b"?")
    print(one.recv(99).decode())
except OSError:
    print("silent")
"""


def ask(netns, host, port, sort="SOCK_STREAM", family="AF_INET"):
    """Return the server's reply: (the client's address, its own port); None: no reply."""
    words = ["ip", "netns", "exec", netns, sys.executable, "-c", CLIENT, family, sort, host, str(port)]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return (found[0], int(found[1])) if len(found) == 2 else None


def test_to_the_lan_and_then_to_the_world_step_by_step(red_blue):
    node = red_blue
    assert node.ping("blue", "192.168.15.1") == 64
    assert node.ping("blue", "192.168.1.3") is None
    node.task("route", netns="blue", prefix="192.168.1.0/24", via="192.168.15.5")
    # the LAN gets the request and has no route for the reply
    assert node.ping("blue", "192.168.1.3") is None
    assert captured(node, "lan", "blue", "192.168.1.3") == {"192.168.15.2"}
    node.task("masquerade", netns="vm", source="192.168.15.0/24", exclude=["192.168.15.0/24"])
    assert node.ping("blue", "192.168.1.3") == 63
    assert node.ping("blue", "8.8.8.8") is None  # a route to the LAN alone
    node.task("route", netns="blue", prefix="default", via="192.168.15.5")
    assert node.ping("blue", "8.8.8.8") == 62


def test_a_published_port_is_reached_from_everywhere_and_sees_the_client(ways, serve):
    serve("blue", [80])
    assert ask("lan", "192.168.1.2", 80) is None
    entry = {"netns": "vm", "port": "80", "to": "192.168.15.2", "hairpin": ["192.168.15.0/24"]}
    assert ways.task("port_forward", **entry)["changed"]
    assert not ways.task("port_forward", **entry)["changed"]
    assert ask("lan", "192.168.1.2", 80) == ("192.168.1.3", 80)
    assert ask("vm", "192.168.1.2", 80) == ("192.168.1.2", 80)
    assert ask("vm", "192.168.15.5", 80) == ("192.168.15.5", 80)
    # by the host's address from the same bridge: the answer must come back through the host
    assert ask("red", "192.168.1.2", 80) == ("192.168.15.5", 80)
    # to itself, it must leave by the port that it came in where netfilter sees what is bridged (br_netfilter)
    port = {"netns": "vm", "name": "v-blue", "master": "v-net-0", "peer": {"name": "eth0", "netns": "blue"}}
    assert "hairpin on" in ways.task("veth", hairpin=True, **port)["commands"][0]
    assert not ways.task("veth", hairpin=True, **port)["changed"]
    assert ask("blue", "192.168.1.2", 80) == ("192.168.15.5", 80)
    assert ask("red", "192.168.15.2", 80) == ("192.168.15.1", 80)
    assert ask("lan", "192.168.1.2", 81) is None
    assert ask("vm", "127.0.0.1", 80) is None
    ways.sh("ip netns exec vm sysctl -qw net.bridge.bridge-nf-call-iptables=0")
    assert ask("red", "192.168.1.2", 80) == ask("blue", "192.168.1.2", 80) == ("192.168.15.5", 80)
    ways.task("port_forward", **{**entry, "hairpin": []})
    assert ask("red", "192.168.1.2", 80) is None
    ways.task("port_forward", netns="vm", port="80", state="absent")
    assert ask("lan", "192.168.1.2", 80) is None
    assert "nodenet" not in ways.sh("ip netns exec vm nft list ruleset")


def test_forwarded_packets_to_the_same_port_are_not_redirected(ways, serve):
    ways.task("masquerade", netns="vm", source="192.168.15.0/24")
    serve("blue", [80])
    serve("lan", [80])
    ways.task("port_forward", netns="vm", port="80", to="192.168.15.2", hairpin=["192.168.15.0/24"])
    assert ask("red", "192.168.1.3", 80) == ("192.168.1.2", 80)  # the LAN's own, not the published one
    assert ask("red", "192.168.1.2", 80) == ("192.168.15.5", 80)


def test_udp_and_another_port_and_one_address_alone(ways, serve):
    serve("blue", [53], "SOCK_DGRAM")
    assert ask("lan", "192.168.1.2", 5353, "SOCK_DGRAM") is None
    ways.task(
        "port_forward", netns="vm", protocol="udp", port="5353", to="192.168.15.2", to_port="53", address="192.168.1.2"
    )
    assert ask("lan", "192.168.1.2", 5353, "SOCK_DGRAM") == ("192.168.1.3", 53)
    assert ask("vm", "192.168.15.5", 5353, "SOCK_DGRAM") is None
    assert ask("vm", "192.168.1.2", 5353, "SOCK_DGRAM") == ("192.168.1.2", 53)


@pytest.mark.parametrize("order", [1, -1])
def test_one_address_alone_wins_over_all_whatever_came_first(ways, serve, order):
    serve("blue", [80])
    serve("red", [8080])
    entries = [
        {"port": "80", "to": "192.168.15.1", "to_port": "8080"},
        {"port": "80", "to": "192.168.15.2", "address": "192.168.1.2"},
    ]
    for entry in entries[::order]:
        ways.task("port_forward", netns="vm", **entry)
    assert ask("lan", "192.168.1.2", 80) == ("192.168.1.3", 80)
    ways.task("port_forward", netns="vm", **{**entries[0], "to_port": "81"})
    ways.task("port_forward", netns="vm", **entries[0])
    assert ask("lan", "192.168.1.2", 80) == ("192.168.1.3", 80)
    assert ask("vm", "192.168.15.5", 80) == ("192.168.15.5", 8080)


def test_ranges_keep_their_order(ways, serve):
    serve("blue", [8000, 8001, 8002, 9001])
    config = [
        {"port": "8000-8002", "to": "192.168.15.2"},
        {"port": "7000-7001", "to": "192.168.15.2", "to_port": "9000-9001"},
    ]
    found = ways.task("port_forward", netns="vm", config=config)
    assert not ways.task("port_forward", netns="vm", config=config)["changed"]
    assert [ask("lan", "192.168.1.2", port) for port in (8000, 8001, 8002, 8003)] == [
        ("192.168.1.3", 8000),
        ("192.168.1.3", 8001),
        ("192.168.1.3", 8002),
        None,
    ]
    assert ask("lan", "192.168.1.2", 7000) is None  # nobody listens at 9000
    assert ask("lan", "192.168.1.2", 7001) == ("192.168.1.3", 9001)
    # by hand they give the same rules
    made = ways.snapshot()["vm"]
    assert ways.task("port_forward", netns="vm", config=[], purge=True)["changed"]
    for command in found["commands"]:
        ways.sh(command)
    assert ways.snapshot()["vm"]["nft"] == made["nft"]


def test_ipv6_alike(ways, serve):
    serve("blue", [80], family="AF_INET6")
    assert ask("lan", "fd01::2", 80, family="AF_INET6") is None
    ways.task("route", netns="lan", prefix="::/0", via="fd01::2")
    entry = {"netns": "vm", "port": "8080", "to": "fd15::2", "to_port": "80", "hairpin": ["fd15::/64"]}
    ways.task("port_forward", **entry)
    assert not ways.task("port_forward", **entry)["changed"]
    assert ask("lan", "fd01::2", 8080, family="AF_INET6") == ("fd01::3", 80)
    assert ask("vm", "fd01::2", 8080, family="AF_INET6") == ("fd01::2", 80)
    assert ask("red", "fd01::2", 8080, family="AF_INET6") == ("fd15::5", 80)
    # the same port of the other family is another one
    assert not ways.task("port_forward", netns="vm", port="8080", state="absent")["changed"]
    assert ways.task("port_forward", netns="vm", port="8080", family="ipv6", state="absent")["changed"]


def test_a_rule_edited_by_hand_is_put_right_and_a_thousand_take_one_task(ways, serve):
    many = [{"port": str(port), "to": "192.168.15.2"} for port in range(10000, 10500)]
    found = ways.task("port_forward", netns="vm", config=many)
    assert len(found["commands"]) > 1000
    assert not ways.task("port_forward", netns="vm", config=many)["changed"]
    one = ways.task("port_forward", netns="vm", config=many[1:], purge=True)
    assert [command for command in one["commands"] if "delete" not in command] == []
    chain = "inet nodenet_fabric prerouting"
    handle = ways.sh(f"ip netns exec vm nft -a list chain {chain} | grep 'dport 10001 ' | sed 's/.*handle //'").strip()
    ways.sh(f"ip netns exec vm nft delete rule {chain} handle {handle}")
    ways.sh(f"ip netns exec vm nft 'add rule {chain} tcp dport 10001 accept comment \"publish tcp/10001/ipv4\"'")
    again = ways.task("port_forward", netns="vm", config=many[1:], _check=True)
    assert again["changed"] and any("dport 10001" in command for command in again["commands"])
    ways.task("port_forward", netns="vm", config=many[1:])
    assert not ways.task("port_forward", netns="vm", config=many[1:])["changed"]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"port": "0"}, "port: '0' is neither a port"),
        ({"port": "90-80"}, "port: '90-80' is neither a port"),
        ({"port": "80"}, "to: required: the address to which port 80 is forwarded"),
        ({"port": "80", "to": "10.0.0.1/24"}, "to: '10.0.0.1/24' is not an IPv4 or IPv6 address"),
        ({"port": "80-81", "to": "10.0.0.1", "to_port": "90-92"}, "to_port: 90-92 has 3 ports, and port 80-81 has 2"),
        ({"port": "80", "to": "10.0.0.1", "address": "fd00::1"}, "address: fd00::1 and to 10.0.0.1"),
        ({"port": "80", "to": "10.0.0.1", "hairpin": ["fd00::/64"]}, "hairpin: fd00::/64 and to 10.0.0.1"),
        ({"port": "80", "to": "10.0.0.1", "family": "ipv6"}, "family: ipv6 is not the family of 10.0.0.1"),
    ],
)
def test_bad_input_is_refused_with_the_options_name(node, options, expected):
    with pytest.raises(InputError, match=expected):
        node.task("port_forward", **options)


OWN = [
    (ns, protocol, port, to)
    for protocol, port, to in (("tcp", 80, 8080), ("udp", 53, 53))
    for ns in ("vm", "red", "blue")
]


def probed(entries, far=(), timeout=1.0):
    """Return the module probe's results for ports that vm publishes for blue: ok, and who listened."""
    asked = [
        {"netns": ns, "protocol": protocol, "address": address, "port": port}
        | ({"listener": {"netns": "blue", "address": to_address, "port": to}} if to else {})
        for address, to_address in (("192.168.1.2", "192.168.15.2"), ("fd01::2", "fd15::2"))
        for ns, protocol, port, to in [*entries, *far]
    ]
    found = ArgumentSpecValidator(probe.SPEC).validate({"probes": [], "ports": asked, "timeout": timeout})
    assert not found.error_messages, found.error_messages
    return [(one["ok"], one["served"], one["reason"]) for one in probe.perform(found.validated_parameters)["ports"]]


def test_probe_listens_if_nothing_does_and_another_node_recognises_the_endpoint_by_its_ttl(ways, serve):
    far = [("lan", "tcp", 80, None), ("lan", "udp", 53, None)]
    # the LAN's route back for IPv6, which is not masqueraded
    ways.sh("ip -n lan -6 route add fd15::/64 via fd01::2")
    before = probed(OWN, far)
    assert not any(ok for ok, _served, _reason in before)
    assert before[len(OWN)][2] == "the node itself answers, not an endpoint"
    for family, to, hairpin in (("ipv4", "192.168.15.2", "192.168.15.0/24"), ("ipv6", "fd15::2", "fd15::/64")):
        common = {"netns": "vm", "to": to, "family": family, "hairpin": [hairpin]}
        ways.task("port_forward", port="80", to_port="8080", **common)
        ways.task("port_forward", port="53", protocol="udp", **common)
    port = {"netns": "vm", "name": "v-blue", "master": "v-net-0", "peer": {"name": "eth0", "netns": "blue"}}
    ways.task("veth", hairpin=True, **port)
    own, others = [(True, "probe", "")] * len(OWN), [(True, None, "")] * len(far)
    assert probed(OWN, far) == (own + others) * 2
    assert not ways.sh("ip netns exec blue ss -Hltun")  # the check has stopped listening
    # a service is checked and left as it is; a UDP service's protocol is unknown
    serve("blue", [8080], family="AF_INET6")
    serve("blue", [53], "SOCK_DGRAM", "AF_INET6")
    results = {(ok, served) for ok, served, _reason in probed(OWN)}
    assert results == {(True, "service"), (False, "service")}
    assert probed([], far[:1]) == [(True, None, "")] * 2
    ways.sh("ip netns exec vm nft flush chain inet nodenet_fabric prerouting")
    found = [ok for ok, _served, _reason in probed(OWN[:3], far[:1])]
    assert found == [True, False, False, False] * 2  # the node's own packets pass the chain output
