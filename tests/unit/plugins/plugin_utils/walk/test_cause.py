# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a walk is another than the declared one: states that were changed by hand; tests/site/test_lessons.py asks real ones."""

import copy

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.cause import cause
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.drift import drift
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.fabric import Fabric
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import DEFAULT_RULES, Underlay, node_state
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.walker import walk
from rendered import variables_of

PEER = "02:bf:a7:b3:99:5a"


def fabric_of(model, states):
    outside = [entry["address"] for entry in model["fabric"]["fabric_outside"]]
    underlay = Underlay(model["fabric"]["fabric_underlay"], outside)
    return Fabric([node_state(one) for one in states.values()], underlay)


class Case:
    """The declared states of an example, and the same with a change."""

    def __init__(self, example):
        self.model = fabric_model(variables_of(example))
        self.states = declared_states(self.model)
        self.changed = copy.deepcopy(self.states)
        # as on a node
        for state in self.changed.values():
            state["source"] = "observed"

    def space(self, node="vm1", netns=""):
        return self.changed[node]["namespaces"][netns]

    def entry(self, part, netns="", node="vm1", **fields):
        """Return the entry of a part that has these fields."""
        found = [one for one in self.space(node, netns)[part] if fields.items() <= one.items()]
        assert len(found) == 1
        return found[0]

    def rename_underlay(self, name):
        for one in (entry for part in ("links", "addresses", "routes") for entry in self.space()[part]):
            for field in ("name", "dev"):
                if one.get(field) == "underlay0":
                    one[field] = name

    def cause(self, source, target, **question):
        fabrics = [fabric_of(self.model, states) for states in (self.changed, self.states)]
        walks = [walk(one, None, {"from": source, "to": target, **question}) for one in fabrics]
        return cause(*walks, drift(*fabrics))


@pytest.fixture
def vxlan():
    return Case("vxlan")


@pytest.mark.parametrize(
    ("example", "pair"),
    [("vxlan", ("ns245", "ns246")), ("docker-bridge", ("lab-ns0", "8.8.8.8")), ("calico-routed", ("wl1", "wl2"))],
)
def test_a_whole_fabric_has_no_cause(example, pair):
    assert Case(example).cause(*pair) is None


def test_a_device_that_the_inventory_does_not_name_has_any_name():
    case = Case("host-gw")
    case.rename_underlay("ens3")
    assert case.cause("ns245", "ns246") is None


def test_a_tunnel_without_ethernet_has_the_address_that_the_kernel_gives_it():
    case = Case("ipip")
    case.entry("links", name="tun245")["mac"] = "c0:a8:20:f5"
    assert case.cause("ns245", "ns246") is None
    case.entry("links", name="tun245")["local"] = "192.168.32.9"
    assert "local 192.168.32.9" in case.cause("ns245", "ns246")["entry"]["text"]


def test_what_is_missing_is_named(vxlan):
    vxlan.space()["fdb"] = [one for one in vxlan.space()["fdb"] if one["mac"] != PEER]
    found = vxlan.cause("ns245", "ns246")
    assert found["entry"]["text"] == f"{PEER} dev vxlan1 dst 192.168.33.246 self permanent"
    assert found["cause"].endswith("self permanent is missing") and found["where"] == ["vm1", ""]
    assert found["command"] == f"bridge fdb replace {PEER} dev vxlan1 dst 192.168.33.246 self permanent"
    assert found["mend"] == "ansible-playbook -i INVENTORY nodenet.fabric.site"


def test_what_is_altered_is_named_as_it_is(vxlan):
    vxlan.entry("neighbors", address="172.246.0.0")["mac"] = "02:00:00:00:00:99"
    found = vxlan.cause("ns245", "ns246")
    assert "lladdr 02:00:00:00:00:99" in found["entry"]["text"] and "is not as declared" in found["cause"]
    assert f"declared is '172.246.0.0 dev vxlan1 lladdr {PEER} PERMANENT'" in found["what"]


def test_a_narrower_route_of_somebody_else_is_the_cause_and_a_wider_one_is_not(vxlan):
    vxlan.space()["routes"].append({"prefix": "172.246.0.2/32", "type": "blackhole", "protocol": 3})
    found = vxlan.cause("ns245", "ns246")
    assert found["entry"]["text"].startswith("blackhole 172.246.0.2/32") and "is declared nowhere" in found["cause"]
    assert found["mend"] == "ip route del blackhole 172.246.0.2/32 proto boot"
    vxlan.space()["routes"] = [one for one in vxlan.space()["routes"] if not one["prefix"].startswith("172.246.")]
    found = vxlan.cause("ns245", "ns246")  # the default route is as it was
    assert found["entry"]["text"].startswith("172.246.0.0/24 via") and "is missing" in found["cause"]


GUARD = {"family": "ip", "table": "foo"}
CHAIN = {**GUARD, "name": "guard", "type": "filter", "hook": "forward", "prio": 0}


@pytest.mark.parametrize(
    ("part", "entries", "command"),
    [
        (
            "routes",
            [{"prefix": "172.246.0.2/32", "type": "unreachable", "table": 254}],
            "ip route del unreachable 172.246.0.2",
        ),
        (
            "nftables",
            [{"chain": CHAIN}, {"rule": {**GUARD, "chain": "guard", "handle": 7, "expr": [{"drop": None}]}}],
            "nft delete rule ip foo guard handle 7",
        ),
        ("nftables", [{"chain": {**CHAIN, "policy": "drop"}}], "nft 'chain ip foo guard { policy accept; }'"),
    ],
)
def test_a_foreign_entry_that_decides_has_the_command_that_deletes_it(vxlan, part, entries, command):
    vxlan.space()[part] = [*(vxlan.space().get(part) or []), *entries]
    found = vxlan.cause("ns245", "ns246")
    assert found["mend"].startswith(command) and "is declared nowhere" in found["cause"]


def test_a_rule_that_leads_to_another_table_is_the_cause_and_not_the_route_there(vxlan):
    route = {"prefix": "172.246.0.0/24", "type": "unreachable", "table": "100", "protocol": 3}
    vxlan.space()["routes"].append(route)
    assert vxlan.cause("ns245", "ns246") is None  # nobody looks there
    usual = [rule._asdict() for rule in DEFAULT_RULES]
    vxlan.space()["rules"] = [*usual, {"family": 4, "priority": 99, "table": 100, "text": "99: from all lookup 100"}]
    found = vxlan.cause("ns245", "ns246")
    assert found["cause"] == "the policy rule 99: from all lookup 100 is declared nowhere"
    assert found["mend"] == "ip rule del priority 99" and "is unreachable" in found["what"]


@pytest.mark.parametrize(
    ("name", "who"),
    [("underlay0", "the machine's own network configuration"), ("docker0", "(Docker)"), ("wg7", "a VPN")],
)
def test_of_a_device_that_is_not_of_the_fabric_it_is_said_who_may_have_made_it(name, who):
    case = Case("host-gw")
    case.rename_underlay(name)
    case.entry("links", name=name)["mtu"] = 1300
    found = case.cause("ns245", "ns246", size=1400)
    assert found["cause"] == f"the device {name} type device mtu 1300 is declared nowhere"
    assert f"whoever made {name}, which is not of the fabric" in found["mend"] and who in found["mend"]


def test_whoever_should_have_answered_is_looked_at():
    case = Case("calico-routed")
    case.entry("links", node="calico1", name="veth-wl1")["ipv4"]["proxy_arp"] = 0
    found = case.cause("wl1", "wl2")
    assert found["entry"]["text"] == "net.ipv4.conf.veth-wl1.proxy_arp = 0" and found["where"] == ["calico1", ""]
    assert (found["netns"], found["device"]) == ("wl1", "eth0")


def test_a_setting_of_the_whole_node_is_named_once(vxlan):
    for link in vxlan.space()["links"]:
        link["ipv4"]["forwarding"] = 0
    vxlan.space()["sysctls"]["net.ipv4.ip_forward"] = "0"
    assert vxlan.cause("ns245", "ns246")["entry"]["text"] == "net.ipv4.ip_forward = 0"


def test_a_device_that_was_altered_is_named_though_the_packet_passes(vxlan):
    vxlan.entry("links", name="vxlan1")["learning"] = True
    found = vxlan.cause("ns245", "ns246")
    assert "learning on" in found["entry"]["text"] and found["device"] == "vxlan1"
    assert vxlan.cause("ns245", "vm1") is None  # it does not pass there


def test_strict_rp_filter_of_the_underlay_counts_only_where_it_drops(vxlan):
    vxlan.rename_underlay("ens3")
    vxlan.entry("links", name="ens3")["ipv4"]["rp_filter"] = 1
    assert vxlan.cause("ns246", "ns245") is None


def test_a_way_back_that_is_broken_is_found(vxlan):
    space = vxlan.space("vm2")
    space["routes"] = [one for one in space["routes"] if not one["prefix"].startswith("172.245.")]
    found = vxlan.cause("ns245", "ns246")
    assert found["direction"] == "reverse" and found["where"] == ["vm2", ""]


def test_what_is_broken_elsewhere_is_not_named(vxlan):
    vxlan.space()["neighbors"] = []
    assert vxlan.cause("ns245", "vm1") is None
