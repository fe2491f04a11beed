# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes that change in phases lose no packet and send no segment again; all at once, or without what is only for the way, they do."""

import json
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import SWITCH
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.nft_table import NftTable
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import halves
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.transition import Transition
from fleet import Fleet

HOST_GW, VXLAN = {"fabric_backend": "host_gw"}, {"fabric_backend": "vxlan"}
VNI, PORT = {**VXLAN, "fabric_vxlan_vni": 7}, {**VXLAN, "fabric_vxlan_vni": 7, "fabric_vxlan_port": 4789}
SMALL = {**HOST_GW, "fabric_mtu": 1400}
GUARD = {"fabric_guard": True}
STRICT = ("all", "default", "eth0")


@pytest.fixture
def fleet():
    """Return a function that makes the nodes of an example."""
    made = []

    def make(*arguments, **changed):
        made.append(Fleet(*arguments, **changed))
        time.sleep(0.3)
        return made[-1]

    yield make
    for one in made:
        one.close()


def of_both_families(one):
    return [
        tuple(one.end_of(vm, f"ns{number}", address.format(number)) for vm, number in (("vm1", 245), ("vm2", 246)))
        for address in ("172.{}.0.2", "fd00:{}::2")
    ]


def of_endpoints_and_node(one):
    """One end of the second pair is the node itself."""
    inside, other = one.end_of("vm1", "ns245", "172.245.0.2"), one.end_of("vm2", "ns246", "172.246.0.2")
    return [(inside, other), (inside, one.end_of("vm1", "", "172.245.0.1"))]


def walked(one, pairs, changes, phased=True, **options):
    """Make ``changes`` of the inventory, one after the other, and return what was lost meanwhile."""
    with one.traffic(*pairs, **options) as traffic:
        for changed in changes:
            time.sleep(0.1)
            one.declare(**changed)
            if phased:
                one.in_phases(traffic)
            else:
                traffic.part(str(changed))
                one.phase(None)
        time.sleep(0.1)
        return traffic.stop()


def assert_nothing_lost(result):
    assert not result.lost and not result.retransmissions and not result.broken, result.text()


def test_from_plain_routes_to_vxlan_another_vni_another_port_and_back(fleet):
    one = fleet("dual-stack", **HOST_GW, **GUARD)
    changes = [VXLAN, VNI, PORT, {**PORT, "fabric_cross_subnet": True}, HOST_GW]
    assert_nothing_lost(walked(one, of_both_families(one), [{**changed, **GUARD} for changed in changes]))


def test_all_at_once_each_of_them_loses_packets(fleet):
    one = fleet("dual-stack", **HOST_GW)
    parts = walked(one, of_both_families(one), [VXLAN, VNI, PORT, HOST_GW], phased=False).parts
    assert all(part.lost for name, part in parts.items() if name), parts


def test_with_one_name_for_old_and_new_packets_are_lost_and_the_reason_says_what_to_do(fleet):
    one = fleet(**VXLAN, fabric_vxlan_name="vtep")
    one.declare(**VNI, fabric_vxlan_name="vtep")
    with one.traffic() as traffic:
        reasons = [
            found["reasons"]
            for phase in ("expand", "switch", "contract")
            for found in one.phase(phase).values()
            if "reasons" in found
        ]
        assert traffic.stop().lost
    assert len(reasons) == 2 and all("with another name" in reason for (reason,) in reasons)


MTUS = [SMALL, HOST_GW]


def test_another_mtu_loses_not_even_packets_of_full_size(fleet):
    one = fleet(**HOST_GW)
    assert_nothing_lost(walked(one, of_endpoints_and_node(one), MTUS, size=1472))


def test_without_smaller_packets_on_the_way_it_does(fleet, monkeypatch):
    monkeypatch.setattr(halves, "small_packets", lambda *_words: [])
    one = fleet(**HOST_GW)
    assert walked(one, of_endpoints_and_node(one), MTUS, size=1472).lost


def strict(one):
    for node in one.nodes.values():
        node.sh("sysctl -qw " + " ".join(f"net.ipv4.conf.{name}.rp_filter=1" for name in STRICT))
    return settings(one)


def settings(one):
    return [node.sh("grep . /proc/sys/net/ipv4/conf/*/rp_filter") for node in one.nodes.values()]


def test_a_strict_rp_filter_loses_nothing_and_ends_as_it_was(fleet):
    one = fleet(**HOST_GW)
    before = strict(one)
    assert_nothing_lost(walked(one, (), [VXLAN, HOST_GW]))
    assert settings(one) == before


def test_a_strict_rp_filter_that_is_left_alone_loses_half_way(fleet, monkeypatch):
    monkeypatch.setattr(Transition, "_loose_filters", staticmethod(lambda *_words: []))
    one = fleet(**HOST_GW)
    strict(one)
    assert walked(one, (), [VXLAN]).lost


def renumbered(hosts):
    """Another subnet for vm2, and another address for its endpoint."""
    for name, value in list(hosts["vm2"].items()):
        if name.startswith("fabric_node_subnet"):
            hosts["vm2"][name] = value.replace("246", "250")
    text = json.dumps(hosts["vm2"]["fabric_endpoints"])
    hosts["vm2"]["fabric_endpoints"] = json.loads(
        text.replace("172.246.", "172.250.").replace("fd00:246:", "fd00:250:")
    )


def moved(one, phased=True, **variables):
    """Give vm2 another subnet; return what was lost on the way to both of its endpoint's addresses, and back."""
    here, there = one.end_of("vm1", "ns245", "172.245.0.2"), one.end_of("vm2", "ns246", "172.246.0.2", "172.250.0.2")
    here6, there6 = one.end_of("vm1", "ns245", "fd00:245::2"), one.end_of("vm2", "ns246", "fd00:246::2", "fd00:250::2")
    one.declare(renumbered, **variables)
    with one.traffic((here, there), (here6, there6), tcp=False) as traffic:
        time.sleep(0.1)
        if phased:
            one.in_phases(traffic)
        else:
            one.phase(None)
        time.sleep(0.1)
        return traffic.stop()


@pytest.mark.parametrize("attachment", ["bridge", "routed"])
def test_another_subnet_loses_nothing(fleet, attachment):
    one = fleet("dual-stack", fabric_attachment=attachment, **GUARD)
    assert_nothing_lost(moved(one, fabric_attachment=attachment, **GUARD))


def test_a_guard_that_exchanges_an_address_for_another_loses_half_way(fleet, monkeypatch):
    monkeypatch.setattr(NftTable, "changes_in", lambda *_words: SWITCH)
    assert moved(fleet("dual-stack", **GUARD), **GUARD).lost


def test_another_subnet_all_at_once_loses_packets(fleet):
    assert moved(fleet("dual-stack"), phased=False).lost


def source(one, target):
    """Return the address from which vm2's endpoint sends to ``target``."""
    return json.loads(one.nodes["vm2"].sh(f"ip -n ns246 -j route get {target}"))[0]["prefsrc"]


@pytest.mark.parametrize("decided", [True, False])
def test_an_endpoint_sends_from_the_new_address_when_all_have_a_route_to_it(fleet, monkeypatch, decided):
    if not decided:
        monkeypatch.setattr(halves, "sources", lambda *_words: [])
    one = fleet("dual-stack", fabric_attachment="routed")
    one.declare(renumbered, fabric_attachment="routed")
    found = []
    for phase in ("expand", "switch", "contract"):
        one.phase(phase, 0)
        found.append((source(one, "172.245.0.2"), source(one, "fd00:245::2")))
    old, new = ("172.246.0.2", "fd00:246::2"), ("172.250.0.2", "fd00:250::2")
    assert found == [old, new if decided else old, new]
