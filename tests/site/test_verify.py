# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify reports: pairs that answer, pairs that do not, and nodes that could not be asked."""

import json
import shutil

import pytest

DUAL = """
fabric:
  vars:
    fabric_outside: [{name: out4, address: 198.51.100.9}, {name: out6, address: "2001:db8:9::9"}]
  hosts:
    vm1:
      fabric_node_address: 192.168.32.1
      fabric_node_address6: fd01::1
      fabric_node_subnet: 10.1.0.0/24
      fabric_node_subnet6: fd00:1::/64
      fabric_endpoints: [{name: web}, {name: a-rather-long-1}, {name: a-rather-long-2}]
    vm2:
      fabric_node_address: 192.168.32.2
      fabric_node_address6: fd01::2
      fabric_node_subnet: 10.2.0.0/24
      fabric_node_subnet6: fd00:2::/64
      fabric_endpoints: [{name: web, address: 10.2.0.2, address6: "fd00:2::2"}]
"""


def machine(printed):
    """Return the document that a run with JSON printed: the line that begins with a brace."""
    (line,) = [line for line in printed.splitlines() if line.startswith("{")]
    return json.loads(line)


def rows(printed):
    """Return the matrix: source -> cells."""
    lines = printed.split("Show the matrix] ")[1].splitlines()[1:]
    table = lines[: lines.index("")]
    return {line.split()[0]: line.split()[1:] for line in table[1:]}


def publishing(text):
    """Return the inventory of host-gw with a published port of each protocol on vm1."""
    entries = "[{port: 80, endpoint: ns245}, {port: 53, protocol: udp, endpoint: ns245}]"
    return text.replace(
        "      fabric_node_subnet: 172.245", f"      fabric_publish: {entries}\n      fabric_node_subnet: 172.245"
    )


def test_the_matrix_shows_silent_targets_and_with_limit_only_the_nodes_asked(fabric):
    one = fabric("host-gw", publishing)
    # in check mode a node that is not arranged yet is no failure
    assert "not arranged yet: vm1, vm2; no probes sent" in one.play("verify", "--check")
    one.play("site")
    printed = one.play("verify", "--check")
    assert "published ports: 2 of 2 answer" in printed
    assert rows(printed) == {
        "ns245": ["·", "62", "64", "63"],
        "ns246": ["62", "·", "63", "64"],
        "vm1": ["64", "63", "·", "·"],
        "vm2": ["63", "64", "·", "·"],
    }
    # the other node checks the ports, too
    one.on("vm1", "ip route del 172.246.0.0/24; nft flush chain inet nodenet_fabric prerouting")
    printed = one.play("verify", "--limit", "vm2", "--check", fails=True)
    assert "not an endpoint (asked from vm2)" in printed
    assert rows(printed) == {"ns246": ["✗", "·", "63", "64"], "vm2": ["63", "64", "·", "·"]}
    assert "1 of 6 pairs do not answer" in printed
    assert "ns246 -> ns245 (172.245.0.2): no answer" in printed


BOTH = """
- import_playbook: nodenet.fabric.site
- import_playbook: nodenet.fabric.verify
"""
OWN = """
- hosts: fabric
  gather_facts: false
  strategy: free
  tasks:
    - nodenet.fabric.validate:
      register: fabric_checked
    - import_role: {name: nodenet.fabric.verify}
"""


@pytest.mark.parametrize("fatal", [False, True])
def test_an_unreachable_first_node_does_not_stop_the_others(fabric, tmp_path, monkeypatch, fatal):
    one = fabric("host-gw")
    both = tmp_path / "both.yml"
    both.write_text(BOTH, encoding="utf-8")
    one.play("site", "--limit", "vm2")
    folder = one.inventory / "host_vars"
    folder.mkdir()
    (folder / "vm1.yml").write_text("fabric_lab: there-is-none\n", encoding="utf-8")
    if fatal:
        monkeypatch.setenv("ANSIBLE_ANY_ERRORS_FATAL", "1")
    printed = one.play("verify", fails=True)
    after_site = "" if fatal else one.play(str(both), fails=True)
    shutil.rmtree(folder)
    assert printed.count("vm1 could not be asked: unreachable: ") == 1
    assert rows(printed)["ns245"] == ["·", "?", "?", "?"]
    assert rows(printed)["vm2"] == ["✗", "64", "·", "·"]
    if not fatal:
        assert "has no attribute" not in after_site
        assert "not confirmed: vm1 was unreachable in expand" in after_site
        assert "Show the matrix" not in after_site  # the run has ended with that of site


def test_a_strategy_without_barriers_is_refused_unless_the_play_overrides_it(fabric, tmp_path, monkeypatch):
    one = fabric("host-gw")
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    own = tmp_path / "own.yml"
    own.write_text(OWN, encoding="utf-8")
    one.play("site")
    assert "12 of 12 pairs answer" in one.play("verify")
    refused = one.play(str(own), fails=True)
    assert "strategy free: matrix needs what all hosts" in refused and "Ping from every endpoint" not in refused


def test_json_on_one_line_and_in_a_file_and_published_ports_without_rules(fabric, tmp_path):
    one = fabric("red-blue-bridge")
    one.play("site")
    path = tmp_path / "verified.json"
    arguments = ["-e", "fabric_verify_format=json", "-e", f"fabric_verify_output={path}"]
    found = machine(one.play("verify", *arguments))
    assert found == json.loads(path.read_text(encoding="utf-8"))
    assert found["asked"] == found["answered"] == len(found["pairs"])
    assert [(port["protocol"], port["port"], port["ok"]) for port in found["ports"]] == [
        ("tcp", 80, True),
        ("udp", 5353, True),
        ("tcp", 8000, True),
        ("tcp", 8003, True),
    ]
    one.on("host1", "nft flush chain inet nodenet_fabric prerouting")
    printed = one.play("verify", fails=True)
    assert "published ports: 0 of 4 answer" in printed
    assert "all pairs answer, 4 published ports do not answer" in printed
    assert "published tcp port 80 of host1 (192.168.1.2) -> blue: Connection refused (asked from blue, red)" in printed
    one.on("host1", "nft delete table inet nodenet_fabric")
    found = machine(one.play("verify", *arguments, fails=True))
    assert {pair["target"] for pair in found["pairs"] if not pair["ok"]} == {"lan", "world"}


def test_two_families_and_an_endpoint_without_a_neighbor_entry(fabric):
    one = fabric("host-gw", lambda _text: DUAL)
    one.play("site")
    printed = one.play("verify")
    assert rows(printed)["vm2/web"][:3] == ["62", "62", "62"]
    # with empty tables the node must solicit its endpoint for a packet that it forwards
    one.on("vm2", "ip -n web -6 neigh flush dev eth0; ip -6 neigh flush dev fabric0")
    assert one.ping("vm1", "web", "fd00:2::2") == 62
    one.on("vm2", "ip -n web -6 address del fd00:2::2/64 dev eth0")
    assert rows(one.play("verify", "--limit", "vm1", fails=True))["vm1/web"][3] == "✗6"


def test_faults_of_a_path_are_named(fabric):
    # jumbo frames on one side: the route has the other's MTU, and senders of larger packets get an ICMP error
    large = "fabric_underlay_mtu: 9000\n      fabric_node_address: 192.168.32.245"
    one = fabric("dual-stack", lambda text: text.replace("fabric_node_address: 192.168.32.245", large))
    vxlan = ["-e", "fabric_backend=vxlan"]
    one.play("site", *vxlan)
    printed = one.play("verify", *vxlan)
    assert "2 paths between nodes: udp:8472 on the wire, 1450 bytes pass unfragmented, 8950 do not" in printed
    assert "2 paths between nodes: udp:8472 on the wire, 1450 bytes pass unfragmented, 1451 do not" in printed
    one.on("vm1", "ip route replace 172.246.0.0/24 via 172.246.0.0 dev vxlan1 onlink proto 178")
    printed = one.play("verify", *vxlan, fails=True)
    assert "all pairs answer, 1 fault of the paths" in printed
    assert "ns245 -> ns246 (172.246.0.2): a packet of 8950 bytes is lost without an ICMP error" in printed
    assert "1 route" in one.play("site", *vxlan)
    # all pairs still answer with the expected TTL, but one direction is not encapsulated
    one.on("vm1", "ip route replace 172.246.0.0/24 via 192.168.32.246")
    printed = one.play("verify", *vxlan, fails=True)
    assert "all pairs answer, 3 faults of the paths" in printed
    assert "ns245 -> ns246 (172.246.0.2): the wire carries plain and udp:8472, not udp:8472" in printed
    one.on("vm1", "ip -n ns245 link set eth0 mtu 1400")
    printed = one.play("verify", *vxlan, fails=True)
    assert "a packet of 1450 bytes does not pass unfragmented: larger than the MTU" in printed
    one.play("site", *vxlan)
    one.play("verify", *vxlan)


def test_an_answer_that_took_another_path_is_a_failure(fabric):
    one = fabric("vxlan")
    one.play("site")
    one.on("vm2", "ip netns exec ns246 sysctl -qw net.ipv4.ip_default_ttl=63")
    assert "the answer has TTL 61, not 62: it took another path" in one.play("verify", fails=True)
    # the node's own probes have its VTEP's address, which no endpoint needs
    one.on("vm2", "ip netns exec ns246 sysctl -qw net.ipv4.ip_default_ttl=64; ip route add blackhole 172.245.0.0/32")
    printed = one.play("verify", fails=True)
    assert "1 of 12 pairs do not answer" in printed and "vm1 -> ns246 (172.246.0.2): no answer" in printed
    cause = (
        "fabric_node_subnet of vm1 172.245.0.0/24: the node prefers 'blackhole 172.245.0.0/32' to the fabric's routes"
    )
    assert f"likely cause on vm2: {cause}" in printed
    assert "likely cause on vm1" not in printed
