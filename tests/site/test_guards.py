# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards and policy by the playbook site: attacks that work without them and not with them, and who may talk still does.

More attacks are in tests/kernel/test_attacks.py; of these each is one command in a lab.
"""

import json
import sys

import yaml
from conftest import recap
from snapshot import differences
from walks import alike, walks

GUARDS = {
    "fabric_guard": True,
    "fabric_groups": {"web": ["ns245"], "db": ["ns246"]},
    "fabric_policy": [{"from": "web", "to": "db", "protocol": "tcp", "port": 5432}],
    "fabric_policy_bridge": False,  # a kernel may have no nf_conntrack_bridge
}
ON = ("-e", json.dumps(GUARDS))
OFF = ("-e", json.dumps({"fabric_guard_tunnels": False}))
OWN, LIE = "172.245.0.2", "172.245.0.77"
# RFC 7348: VNI 1; within a broadcast frame of local experimental ethertype
VXLAN = "0800000000000100" + "ffffffffffff" + "020000000001" + "88b5" + "00" * 46


def python(text):
    return f"{sys.executable} -c 'import socket; {text}'"


def datagram(source):
    """Return the command that sends a VXLAN packet to vm2."""
    one = "one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
    return python(f'{one}; one.bind(("{source}", 0)); one.sendto(bytes.fromhex("{VXLAN}"), ("192.168.33.246", 8472))')


# succeeds if vm2 itself answers a host that is no peer: nobody listens there, and it says so
SSH = python(
    'one = socket.socket(); one.settimeout(1); one.bind(("192.168.32.99", 0));'
    ' raise SystemExit(one.connect_ex(("192.168.33.246", 22)) != 111)'
)


def connects(port):
    """Return the command that succeeds if ns246 answers; it refuses the connection."""
    one = "one = socket.socket(); one.settimeout(1)"
    return (
        f'ip netns exec ns245 {python(f"""{one}; raise SystemExit(one.connect_ex(("172.246.0.2", {port})) != 111)""")}'
    )


def received(one):
    """Return how many packets vm2 has taken out of its tunnel."""
    (link,) = json.loads(one.on("vm2", "ip -j -s link show dev vxlan1"))
    return link["stats64"]["rx"]["packets"]


def done(one, command):
    return one.inside("vm1", command).returncode == 0


def injected(one, command):
    before = received(one)
    one.on("vm1", command)
    one.ping("vm1", "", "192.168.33.246")  # behind it on the same way
    return received(one) > before


def spoofed(one):
    one.on("vm1", f"ip -n ns245 address add {LIE}/24 dev eth0")
    try:
        return done(one, f"ip netns exec ns245 ping -n -c 1 -W 1 -I {LIE} 172.245.0.1")
    finally:
        one.on("vm1", f"ip -n ns245 address del {LIE}/24 dev eth0")


def other_mac(one):
    mac = json.loads(one.on("vm1", "ip -n ns245 -j link show dev eth0"))[0]["address"]
    one.on("vm1", "ip -n ns245 link set dev eth0 address 02:00:00:00:00:99")
    try:
        return one.ping("vm1", "ns245", "172.245.0.1") is not None
    finally:
        one.on("vm1", f"ip -n ns245 link set dev eth0 address {mac}; ip neigh flush dev fabric0")


def stranger(one):
    one.on("vm1", "ip address add 192.168.32.99/24 dev eth0")
    try:
        return injected(one, datagram("192.168.32.99"))
    finally:
        one.on("vm1", "ip address del 192.168.32.99/24 dev eth0")


def metadata(one):
    one.on("vm1", "ip address add 169.254.169.254/32 dev lo")
    try:
        return one.ping("vm1", "ns245", "169.254.169.254") is not None
    finally:
        one.on("vm1", "ip address del 169.254.169.254/32 dev lo")


ATTACKS = {
    "an address of somebody else": spoofed,
    "a MAC address of somebody else": other_mac,
    "VXLAN sent by an endpoint": lambda one: injected(one, f"ip netns exec ns245 {datagram(OWN)}"),
    "VXLAN sent by a host that is no peer": stranger,
    "the metadata of a cloud": metadata,
    "a port that the policy does not list": lambda one: done(one, connects(5433)),
    "a ping that the policy does not list": lambda one: one.ping("vm1", "ns245", "172.246.0.2") is not None,
}


def working(one):
    return [name for name, attack in ATTACKS.items() if attack(one)]


def test_attacks_that_work_do_not_with_guards_and_policy(fabric):
    one = fabric("vxlan")
    before = one.snapshots(one.nodes())
    one.play("site", *OFF)
    assert working(one) == list(ATTACKS) and done(one, connects(5432))
    one.play("site")
    printed = one.play("site", "--check", *ON)
    assert "fabric_policy cuts 2 pairs that answer now: ns245 -> ns246 (172.246.0.2), ns246 -> ns245" in printed
    # by default tunnels are guarded, and nothing else is
    assert working(one) == [name for name in ATTACKS if not name.startswith("VXLAN")] and done(one, connects(5432))
    one.play("site", *ON)
    assert {counts["changed"] for counts in recap(one.play("site", *ON)).values()} == {0}
    assert working(one) == [] and done(one, connects(5432))
    assert "10 of 10 pairs answer; 2 of 2 that fabric_policy cuts do not" in one.play("verify", *ON)
    assert len(alike(walks(one, *ON))) == 10

    hosts = one.inventory / "hosts.yml"
    text = hosts.read_text(encoding="utf-8")
    hosts.write_text(text.replace("name: ns245", f"name: ns245, allowed_addresses: [{LIE}]"), encoding="utf-8")
    one.play("site", *ON)
    assert working(one) == ["an address of somebody else"]
    hosts.write_text(text, encoding="utf-8")
    one.play("site", *ON)

    one.on("vm1", "nft flush set bridge nodenet_guard ipv4")
    (found,) = walks(one, *ON, "-e", "walk_from=ns245", "-e", "walk_to=vm1", fails=True)
    assert f"{OWN} is missing, in vm1" in found["cause"]["cause"] + f", in {found['cause']['where'][0]}"

    # SSH is the node's own affair, whoever asks; a rule that would drop it is seen here
    one.on("vm1", "ip address add 192.168.32.99/24 dev eth0")
    assert done(one, SSH)
    one.on("vm2", "nft insert rule inet nodenet_guard input tcp dport 22 drop")
    assert not done(one, SSH)
    one.on("vm1", "ip address del 192.168.32.99/24 dev eth0")
    one.play("teardown")
    assert differences(before, one.snapshots(one.nodes())) == []


def dual(text):
    """Two nodes on one L2 and one on another, with both families and guards."""
    group = yaml.safe_load(text)["fabric"]
    del group["hosts"]["vm4"]
    for number, host in enumerate(group["hosts"].values(), 1):
        segment = host["fabric_node_address"].split(".")[2]
        host.update(fabric_node_address6=f"fd{segment}::{number}", fabric_node_subnet6=f"fd00:{number}::/64")
        host["fabric_endpoints"][0]["address6"] = f"fd00:{number}::2"
    group["vars"]["fabric_guard"] = True
    return yaml.safe_dump({"fabric": group})


# a host of the first L2 -> where it wants to go, over the node that is beside it
STRANGERS = {"192.168.32.99": "10.244.2.2", "fd32::99": "fd00:2::2"}


def entering(one):
    return [source for source, to in STRANGERS.items() if done(one, f"ping -n -c 2 -W 1 -I {source} {to}")]


def test_both_families_answer_by_tunnel_and_by_plain_routes_and_who_is_no_peer_enters_if_exposed(fabric):
    one = fabric("cross-subnet", dual)
    one.play("site")
    printed = one.play("verify")
    assert "54 of 54 pairs answer" in printed
    assert "udp:8472 on the wire" in printed and "plain packets on the wire" in printed
    one.on("vm1", "ip address add 192.168.32.99/24 dev eth0; ip address add fd32::99/64 dev eth0 nodad")
    assert entering(one) == []
    one.play(
        "site",
        "-e",
        json.dumps({"fabric_expose": [f"{source}/{128 if ':' in source else 32}" for source in STRANGERS]}),
    )
    assert entering(one) == list(STRANGERS)
