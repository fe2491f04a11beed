# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook walk: predicted, the kernels' answers and captured are alike for every pair, and where they are not it says where and why.

test_scenarios walks all pairs of the other examples, in labs that it has.
"""

import json
import re

import pytest
from conftest import PLAYER, ROOT, arranged, recap
from walks import SIGHTINGS, alike, walks


@pytest.fixture(scope="module")
def vxlan(tmp_path_factory):
    """A fabric that each test leaves as it was."""
    with arranged(tmp_path_factory.mktemp("walk") / "vxlan") as one:
        yield one


FROM_TO = ("-e", "walk_from=ns245", "-e", "walk_to=ns246")


def test_a_walk_is_drawn_and_leaves_nothing(vxlan):
    printed = vxlan.play("walk", *FROM_TO)
    for text in (
        "172.246.0.0/24 via 172.246.0.0 dev vxlan1 proto 178 onlink",
        "dst 192.168.33.246 self",
        "vxlan VNI 1",
        "captured (20 times, the answer back after",
        "): alike",
    ):
        assert text in printed
    assert all(counts["changed"] == 0 for counts in recap(printed).values())
    assert "nodenet-capture" not in vxlan.on("vm1", "cat /proc/net/unix") + vxlan.on("vm2", "cat /proc/net/unix")
    file = vxlan.inventory / "walk.mmd"
    mermaid = vxlan.play("walk", *FROM_TO, "-e", "walk_format=mermaid", "-e", f"walk_file={file}")
    assert f"the walk is in {file}" in mermaid and "sequenceDiagram" not in mermaid
    assert file.read_text(encoding="utf-8").startswith("sequenceDiagram")


def test_every_pair_by_tcp_and_udp(vxlan):
    everybody = len(alike(walks(vxlan)))
    assert everybody == 12
    for protocol in ("tcp", "udp"):
        found = walks(vxlan, "-e", f"walk_protocol={protocol}", "-e", "walk_port=7")
        ends = [one["captured"][-1]["packet"][-1] for one in found]
        assert {end["type"] for end in ends} == {"tcp" if protocol == "tcp" else "icmp"}  # nobody listens there
        assert all(one["verdict"] == "delivered" and one["ok"] for one in found) and len(found) == everybody


# a command on vm1 -> (what is named, which ways differ or how it ends)
FAULTS = {
    "bridge fdb del $(bridge fdb show dev vxlan1 | cut -d' ' -f1 | tail -1) dev vxlan1 self": "forwarding entry",
    "ip route del 172.246.0.0/24": "route 172.246.0.0/24 via 172.246.0.0 dev vxlan1",
    "ip neigh del 172.246.0.0 dev vxlan1": "neighbor 172.246.0.0 dev vxlan1",
    "sysctl -qw net.ipv4.ip_forward=0": "forward",
}


@pytest.mark.parametrize("command", FAULTS)
def test_a_fault_is_named_with_its_entry(vxlan, command):
    vxlan.on("vm1", command)
    (one,) = walks(vxlan, *FROM_TO, fails=True)
    assert (one["verdict"], one["differences"], one["cause"]["node"]) == ("dropped", [], "vm1")
    assert FAULTS[command] in one["cause"]["cause"]
    assert not [hop for hop in one["captured"] if hop["node"] == "vm2"]
    vxlan.play("site")
    assert walks(vxlan, *FROM_TO)[0]["ok"]


def test_the_cause_is_printed_once_with_the_command_that_mends_it(vxlan):
    vxlan.on("vm1", "ip route del 172.246.0.0/24")
    printed = vxlan.play("walk", *FROM_TO, fails=True)
    assert FAULTS["ip route del 172.246.0.0/24"] in printed.replace("\n", " ")
    assert (
        len(re.findall(rf"-i \S*{vxlan.inventory.name} nodenet.fabric.site", printed)) == printed.count("cause: ") == 1
    )
    vxlan.play("site")


def test_what_the_model_does_not_know_is_said(vxlan):
    """A queue of tc drops the packet, of which the record says no more than that it is there."""
    vxlan.on("vm1", "tc qdisc add dev vxlan1 root blackhole")
    printed = vxlan.play("walk", *FROM_TO, fails=True)
    assert "unknown: tc: the blackhole queue of vxlan1 may drop or delay packets" in printed
    assert "is missing" not in printed
    (one,) = walks(vxlan, *FROM_TO, fails=True)
    assert one["verdict"] == "unknown" and not [hop for hop in one["captured"] if hop["node"] == "vm2"]
    vxlan.on("vm1", "tc qdisc del dev vxlan1 root")
    assert walks(vxlan, *FROM_TO)[0]["ok"]


REGISTERS = """
- hosts: fabric[0]
  gather_facts: false
  tasks:
    - nodenet.fabric.walk: {step: show, source: declared, from: ns245, to: ns246}
      register: way
    - vars: {one: "{{ way.walks[0] }}"}
      ansible.builtin.debug:
        msg: "{{ one.from.label }} {{ one.verdict }} {{ one.forward.hops | selectattr('action', 'in', ['in', 'out']) | length }}"
"""


def test_over_the_inventory_alone_no_node_is_needed(fabric):
    one = fabric("vxlan", up=False)
    (found,) = walks(one, *FROM_TO, "-e", "walk_state=declared")
    assert (found["source"], found["verdict"], found["captured"]) == ("declared", "delivered", None)
    assert len([hop for hop in found["forward"]["hops"] if hop["action"] in SIGHTINGS]) == 10
    with_register = one.inventory / "way.yml"
    with_register.write_text(REGISTERS, encoding="utf-8")
    assert "ns245 delivered 10" in one.play(str(with_register))
    one = fabric("vxlan", lambda text: text.replace("fabric_vxlan_vni: 1", "fabric_vxlan_vni: 77"), up=False)
    assert '"vni": 77' in json.dumps(walks(one, *FROM_TO, "-e", "walk_state=declared"))


def test_over_what_a_plan_will_leave(fabric):
    one = fabric("vxlan")
    words = one.command("site", "nodenet.fabric.walk", "--check", *FROM_TO, "-e", "walk_format=json")
    found = PLAYER.run(words[1:], ROOT)
    assert found.returncode == 0, found.stdout + found.stderr
    walk = json.loads(next(line for line in found.stdout.splitlines() if line.startswith('{"')))
    assert (walk["source"], walk["verdict"], walk["captured"]) == ("planned", "delivered", None)
    # nothing of it is there
    assert one.inside("vm1", "ip link show vxlan1").returncode != 0
    assert "ns245" in one.play("walk", *FROM_TO, fails=True)


@pytest.mark.parametrize(
    "options, said",
    [
        (("-e", "walk_from=nobody", "-e", "walk_to=ns246"), "there is no 'nobody' in the fabric"),
        (("-e", "walk_from=ns245", "-e", "walk_to=ns245"), "the two ends are the same"),
        ((*FROM_TO, "-e", "walk_protocol=udp"), "needs walk_port"),
        ((*FROM_TO, "-e", "walk_protocol=sctp"), "value of walk_protocol must be one of: icmp, tcp, udp, got: sctp"),
        (("-e", "walk_from=ns245", "-e", "walk_to=ns246", "-e", "walk_family=6"), "no addresses of one family"),
    ],
)
def test_what_cannot_be_walked_is_refused_before_a_node_is_asked(fabric, options, said):
    one = fabric("vxlan", up=False)
    assert said in " ".join(one.play("walk", *options, fails=True).split())


def test_the_packet_may_be_as_large_as_the_way_and_no_larger(vxlan):
    assert walks(vxlan, *FROM_TO, "-e", "walk_size=1450")[0]["ok"]
    (one,) = walks(vxlan, *FROM_TO, "-e", "walk_size=1451", fails=True)
    assert (one["verdict"], one["differences"], one["captured"]) == ("dropped", [], [])


def test_an_end_may_be_an_address_or_be_named_with_its_node(vxlan):
    for start, end in (("vm1/ns245", "172.246.0.2"), ("172.245.0.2", "vm2/ns246"), ("vm1", "192.168.33.246")):
        (one,) = alike(walks(vxlan, "-e", f"walk_from={start}", "-e", f"walk_to={end}"))
        assert one == (start, end)
