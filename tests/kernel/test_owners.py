# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets beside each other: what one made the other leaves, and a setting lasts as long as one of them holds it."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict
from ansible_collections.nodenet.fabric.plugins.modules import sweep
from test_arrange import ENDPOINT, run
from test_arrange_sets import run_sets

ROLES = ["bridge", "host_gw", "forwarding"]
FORWARD = {"family": "ipv4"}
PROXY = {"interface": "lo"}


def forwards(node):
    return node.sh("sysctl -n net.ipv4.ip_forward").strip() == "1"


def site(sets, **options):
    return run_sets(sets, remove_sets_except=ROLES, remove_sets_among=ROLES, **options)


def test_what_a_user_made_beside_the_roles_stays(node):
    run_sets(
        [("bridge", {"netns": [{"name": "red"}]}), ("host_gw", {"netns": [{"name": "old"}]})], remove_sets_except=None
    )
    node.task("netns", name="mine", owner="mine")
    assert run_sets([("bridge", {"netns": [{"name": "red"}]})], remove_sets_except=["bridge"], remove_sets_among=ROLES)[
        "changed"
    ]
    assert [line.split()[0] for line in sorted(node.sh("ip netns list").splitlines())] == ["mine", "red"]
    assert site([("bridge", {"netns": [{"name": "red"}]})])["changed"] is False
    assert node.task("netns", name="mine", owner="mine")["changed"] is False


def test_without_the_labels_to_choose_among_it_goes(node):
    node.task("netns", name="mine", owner="mine")
    assert run_sets([("bridge", {"netns": []})], remove_sets_except=["bridge"])["commands"] == ["ip netns del mine"]


def test_a_setting_lasts_as_long_as_one_set_holds_it(node):
    """By a setting that is given back: proxy_arp of an interface that is not ours."""
    before = node.sh("sysctl -n net.ipv4.conf.lo.proxy_arp")
    node.task("proxy_arp", **PROXY, owner="fabric")
    assert node.task("proxy_arp", **PROXY, owner="mine")["changed"]
    assert not node.task("proxy_arp", **PROXY, owner="fabric")["changed"]
    assert not node.task("proxy_arp", **PROXY, owner="mine")["changed"]
    released = node.task("proxy_arp", **PROXY, owner="mine", state="absent")
    assert released["changed"] and released["commands"] == []
    assert node.sh("sysctl -n net.ipv4.conf.lo.proxy_arp").strip() == "1"
    assert not node.task("proxy_arp", **PROXY, owner="mine", state="absent")["changed"]
    assert not node.task("proxy_arp", **PROXY, owner="fabric")["changed"]
    node.task("proxy_arp", config=[], owner="fabric", purge=True)
    assert node.sh("sysctl -n net.ipv4.conf.lo.proxy_arp") == before != "1\n"


def test_who_came_first_may_leave_first(node):
    for owner in ("fabric", "mine"):
        node.task("proxy_arp", **PROXY, owner=owner)
    node.task("proxy_arp", config=[], owner="fabric", purge=True)
    assert node.sh("sysctl -n net.ipv4.conf.lo.proxy_arp").strip() == "1"
    assert not node.task("proxy_arp", **PROXY, owner="mine")["changed"]
    sweep.perform({"except_sets": [], "promised": []}, False)
    assert node.sh("sysctl -n net.ipv4.conf.lo.proxy_arp").strip() == "0"


def test_forwarding_stays_on_for_whoever_relies_on_it_and_that_is_said(node):
    site([("forwarding", {"forwarding": [FORWARD]})])
    planned = sweep.perform({"except_sets": [], "promised": []}, True)
    found = sweep.perform({"except_sets": [], "promised": []}, False)
    assert forwards(node) and found["commands"] == [] and found["warnings"] == planned["warnings"]
    assert found["warnings"] == [
        "sysctl 'net.ipv4.ip_forward' is left on: others may rely on it by now (sysctl -w net.ipv4.ip_forward=0 turns it off)"
    ]
    assert "warnings" not in sweep.perform({"except_sets": [], "promised": []}, False)
    # on is what it was before this set: that it ends changes nothing, and nothing is to be said
    site([("forwarding", {"forwarding": [FORWARD]})])
    found = sweep.perform({"except_sets": [], "promised": []}, False)
    assert forwards(node) and found["changed"] and found["commands"] == [] and "warnings" not in found
    node.task("forwarding", **FORWARD, enabled=False)
    assert not forwards(node)


def test_an_object_of_another_set_is_refused_with_both_owners(node):
    run_sets([("bridge", {"bridge": ENDPOINT["bridge"]})], remove_sets_except=None)
    before = node.snapshot()
    message = r"'br0' belongs to the set 'bridge', not to 'mine': it was left unchanged \(adopt: true takes it over\)"
    for state in ("present", "absent"):
        with pytest.raises(Conflict, match=message):
            node.task("bridge", name="br0", mtu=1400, owner="mine", state=state)
    with pytest.raises(Conflict, match=message):
        run({"bridge": [{"name": "br0", "mtu": 1400}]}, owner="mine")
    assert node.snapshot() == before
    assert node.task("bridge", name="br0", mtu=1400, owner="mine", adopt=True)["changed"]
    # and the other way round: the roles meet a user's
    with pytest.raises(Conflict, match="belongs to the set 'mine', not to 'bridge'"):
        site([("bridge", {"bridge": ENDPOINT["bridge"]})])


def test_a_lost_peer_is_reported(node):
    node.sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up")
    node.sh("ip address add 192.0.2.1/24 dev up0")

    def peers(*numbers):
        mac = "02:00:00:00:00:0{}"
        return {
            "vxlan": [{"name": "vx0", "vni": 1, "local": "192.0.2.1", "mac": mac.format(1)}],
            "neighbor": [{"dev": "vx0", "address": f"10.{n}.0.0", "mac": mac.format(n)} for n in numbers],
            "vxlan_fdb": [{"dev": "vx0", "mac": mac.format(n), "dst": f"192.0.2.{n}"} for n in numbers],
            "route": [
                {"prefix": f"10.{n}.0.0/24", "via": f"10.{n}.0.0", "dev": "vx0", "onlink": True} for n in numbers
            ],
        }

    def changed(sets, peer_sets=("host_gw", "vxlan")):
        return run_sets(sets, peer_sets=list(peer_sets))

    assert "warnings" not in changed([("vxlan", peers(2, 3, 4))])
    assert "warnings" not in changed([("vxlan", peers(2, 3))], ["host_gw"])  # nobody says that these lead to peers
    (warning,) = changed([("vxlan", peers(2))])["warnings"]
    assert warning.startswith("10.3.0.0/24 by way of 192.0.2.3 belongs to no peer any more.") and "--limit" in warning
    # another way to the same peer is no loss, and neither is a second run
    assert "warnings" not in changed([("vxlan", peers(2))])
    assert "warnings" not in changed([("host_gw", {"route": [{"prefix": "10.2.0.0/24", "via": "192.0.2.2"}]})])
    (warning,) = changed([("host_gw", {"route": []})])["warnings"]
    assert warning.startswith("10.2.0.0/24 by way of 192.0.2.2 ")


def test_ports_of_others_that_lose_their_bridge_are_named(node):
    """As libvirt, LXC and systemd-nspawn put them there."""
    run_sets([("bridge", {"bridge": ENDPOINT["bridge"]})], remove_sets_except=None)
    node.sh("ip link add vnet0 type veth peer name guest && ip link set vnet0 master br0")
    assert "warnings" not in run_sets([("bridge", {"bridge": ENDPOINT["bridge"]})], remove_sets_except=None)
    planned = sweep.perform({"except_sets": [], "promised": []}, True)["warnings"]
    (warning,) = sweep.perform({"except_sets": [], "promised": []}, False)["warnings"]
    assert planned == [warning] and "cut off: vnet0. When" in warning
    made = run_sets([("bridge", {"bridge": ENDPOINT["bridge"]})], remove_sets_except=None)
    assert "warnings" not in made and "master br0" not in node.sh("ip link show vnet0")
    node.sh(warning.partition("type: ")[2])
    assert "master br0" in node.sh("ip link show vnet0")
    assert run_sets([("bridge", {"bridge": []})], remove_sets_except=None)["warnings"] == [warning]
    # its own port is nobody else's
    run_sets([("bridge", {name: ENDPOINT[name] for name in ("bridge", "netns", "veth")})], remove_sets_except=None)
    assert "warnings" not in sweep.perform({"except_sets": [], "promised": []}, False)
