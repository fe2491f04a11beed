# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A living fabric is changed and nothing is lost: a thousand packets a second both ways, and open connections, over each change.

The twins arrange each node in one go, as its turn comes; there every kind of change loses.
"""

import json

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import hosts_of
from changes import PACKETS, START, SUBNETS, Step, circuit, inventory, others, state, tour, vxlan, walk
from conftest import ROOT, Fabric

AT_ONCE = str(ROOT / "tests" / "at_once.yml")
NODE_BY_NODE = ("-e", "fabric_serial=1")


class Living(Fabric):
    """Nodes with endpoints that talk."""

    def __init__(self, folder):
        super().__init__(folder)
        self.step = None
        self.write(START._replace(nodes=(1, 2, 3)))
        self.begin()
        # as distributions have it: a packet's source must be reached by the way that the packet came
        self.on("node1", "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1")
        self.holders = {host: one.pid for host, one in hosts_of(self.lab).items() if host.startswith("node")}

    def write(self, step):
        (self.inventory / "hosts.yml").write_text(json.dumps(inventory(step)), encoding="utf-8")

    def change(self, step, *words, playbook="site"):
        self.write(step)
        self.play(playbook, *words)
        self.step = step

    def losses(self, steps, *words, playbook="site", nets=(1,), node_by_node=()):
        """Return the names of those steps that lost something, and the whole Result.

        :param node_by_node: names of the steps that one node takes after the other.
        """
        steps = list(steps)

        def change(step):
            self.change(step, *words, *(NODE_BY_NODE if step.name in node_by_node else ()), playbook=playbook)

        result = walk(steps, change, self.holders, nets)
        assert all(result.parts[step.name].sent >= PACKETS * 0.9 for step in steps), result.text()
        assert not any(flow.dropped for flow in result.flows) and not result.broken, result.text()
        return [step.name for step in steps if any(result.parts[step.name][1:3])], result


def each_kind():
    """Return a walk with one change of each kind."""
    return [
        Step("backend", "backend", state("VB")),
        *vxlan(),
        Step("attachment", "attachment", state("VR")),
        Step("both", "both", state("HB")),
    ]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    one = Living(tmp_path_factory.mktemp("living"))
    yield one
    one.end()


@pytest.fixture
def living(lab):
    if lab.step is None or inventory(lab.step) != inventory(START):
        lab.change(START)
    return lab


def test_the_walk_has_every_ordered_pair_of_backend_and_attachment():
    assert len({step.name for step in circuit()}) == 12
    assert {step.kind for step in each_kind()} == {step.kind for step in tour()}


def test_nothing_is_lost_by_a_change_of_backend_attachment_vni_port_or_mtu(living):
    first, *others = circuit()
    back = Step("VNI, port and MTU", "VNI", state("VB", fabric_mtu=1400))
    # each kind of change both ways: all nodes together, and one after the other
    node_by_node = {step.name for step in (*vxlan(), *others[::2])}
    assert {step.kind for step in others[::2]} == {step.kind for step in others[1::2]}
    lossy, result = living.losses([first, *vxlan(), back, *others], node_by_node=node_by_node)
    assert lossy == [], result.text()


@pytest.mark.parametrize("words", [(), NODE_BY_NODE], ids=["together", "node by node"])
def test_nothing_is_lost_by_another_subnet_while_endpoints_have_two_addresses(living, words):
    lossy, result = living.losses(SUBNETS, *words, nets=(1, 2))
    assert lossy == [], result.text()


def test_nothing_is_lost_among_the_others_when_a_node_an_endpoint_or_a_port_comes_or_goes(living):
    lossy, result = living.losses(others())
    assert lossy == [], result.text()
    # and whoever talks to a node that goes is heard no more
    result = walk([Step("the other node", "", state("HB"), nodes=(1,))], living.change, living.holders)
    assert {flow.target for flow in result.flows if flow.lost} >= {"a2, IPv4", "a2, IPv6"}, result.text()
    assert [flow.lost for flow in result.flows if "b1, IPv4" in (flow.source, flow.target)] == [0, 0]


def test_without_phases_each_kind_of_change_loses(living):
    steps = each_kind()
    lossy, result = living.losses(steps, *NODE_BY_NODE, playbook=AT_ONCE)
    assert lossy == [step.name for step in steps], result.text()
    lossy, result = living.losses(SUBNETS, *NODE_BY_NODE, playbook=AT_ONCE, nets=(1, 2))
    assert lossy == [step.name for step in SUBNETS], result.text()
