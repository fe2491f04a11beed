# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own answers, as iproute2 gets them; and what it says where there is no entry."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.namespaces import in_worker_thread
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.lookups import FROM_ALL, answers
from test_overlay import VMS, entries, vteps  # noqa: F401 pylint: disable=unused-import
from test_packets import STEPS, host_gw  # noqa: F401 pylint: disable=unused-import


def ask(**question):
    """Return the answer to one question, without what says which it is."""
    (found,) = in_worker_thread(lambda: answers([question]))
    return {name: value for name, value in found.items() if name not in ("kind", "netns")}


@pytest.fixture
def routers(host_gw):  # noqa: F811
    for module, options in STEPS:
        host_gw.task(module, **options)
    return host_gw


@pytest.mark.parametrize(
    "netns, dst", [("ns245", "172.246.0.2"), ("vm1", "172.246.0.2"), ("vm1", "192.168.32.246"), ("vm1", "172.245.0.1")]
)
def test_the_route_is_the_one_that_ip_route_get_fibmatch_shows(routers, netns, dst):
    shown = routers.sh(f"ip -n {netns} route get fibmatch {dst}").split()
    assert ask(kind="route", netns=netns, dst=dst)["text"].split() == [word for word in shown if word != "main"]


def test_of_a_packet_that_comes_in_the_kernel_says_whether_it_goes_on(routers):
    question = {"kind": "route", "netns": "vm1", "dst": "172.246.0.2", "src": "172.245.0.2", "iif": "br0"}
    found = ask(**question)
    assert (found["prefix"], found["via"], found["dev"]) == ("172.246.0.0/24", "192.168.32.246", "eth0")
    routers.sh("ip netns exec vm1 sysctl -qw net.ipv4.ip_forward=0")
    assert ask(**question) == {"error": "not forwarded", "errno": "EHOSTUNREACH"}
    routers.sh("ip netns exec vm1 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.br0.rp_filter=1")
    assert "error" not in ask(**question)
    wrong = {**question, "src": "10.9.9.9"}
    assert "rp_filter" in ask(**wrong)["error"]
    assert ask(kind="route", netns="vm1", dst="172.245.0.1", src="172.245.0.2", iif="br0")["type"] == "local"


def test_a_route_by_a_mark_is_found_with_it_alone(routers):
    routers.sh("ip -n vm1 rule add fwmark 7 lookup 1000; ip -n vm1 route add blackhole 172.246.0.0/24 table 1000")
    question = {"kind": "route", "netns": "vm1", "dst": "172.246.0.2"}
    assert ask(**question)["dev"] == "eth0"
    assert ask(**question, mark=7)["errno"] == "EINVAL"


def test_without_a_route_the_kernel_says_so(routers):
    assert ask(kind="route", netns="vm1", dst="10.77.0.1") == {"error": "no route", "errno": "ENETUNREACH"}


@pytest.fixture
def overlay(vteps):  # noqa: F811
    for module, options in entries("vm1"):
        vteps.task(module, **options)
    return vteps


def test_neighbors_and_forwarding_entries_are_those_that_are_written_down(overlay):
    mac = VMS["vm2"][1]
    neighbor = {"kind": "neighbor", "netns": "vm1", "dev": "vxlan1", "address": "172.246.0.0"}
    entry = {"kind": "fdb", "netns": "vm1", "dev": "vxlan1", "mac": mac}
    shown = overlay.sh("ip -n vm1 neigh get 172.246.0.0 dev vxlan1").split()
    assert ask(**neighbor)["text"].split() == shown and ask(**neighbor)["mac"] == mac
    assert (ask(**entry)["dst"], ask(**entry)["state"]) == ("192.168.32.246", "permanent")
    overlay.sh("ip -n vm1 neigh del 172.246.0.0 dev vxlan1")
    overlay.sh(f"bridge -n vm1 fdb del {mac} dev vxlan1 dst 192.168.32.246 self")
    assert "no neighbor" in ask(**neighbor)["error"] and "mac" not in ask(**neighbor)
    assert "no forwarding entry" in ask(**entry)["error"] and "dst" not in ask(**entry)


def test_what_a_bridge_has_learned_is_found_at_its_port(routers):
    mac = routers.json("ip -j -n ns245 link show eth0")[0]["address"]
    question = {"kind": "fdb", "netns": "vm1", "dev": "br0", "mac": mac}
    assert routers.ping("ns245", "172.245.0.1") == 64
    assert (ask(**question)["dev"], ask(**question)["state"]) == ("veth0", "learned")
    routers.sh(f"bridge -n vm1 fdb del {mac} dev veth0 master")
    assert "no forwarding entry" in ask(**question)["error"]


def test_a_neighbor_that_does_not_answer_has_no_address(routers):
    routers.sh("ip netns exec ns245 ping -n -c 1 -W 0.2 172.245.0.9", fails=True)
    found = ask(kind="neighbor", netns="ns245", dev="eth0", address="172.245.0.9")
    assert found["mac"] is None and "has not answered" in found["error"]


def test_an_interface_that_is_not_there_is_named(routers):
    found = ask(kind="neighbor", netns="vm1", dev="nope", address="10.0.0.1")
    assert "nope" in found["error"]


def test_where_the_kernel_answers_for_all_entries_only_it_is_found_among_them(routers):
    """A veth has no question for one forwarding entry, as no device had before Linux 5.0."""
    routers.sh("bridge -n vm1 fdb add 02:00:00:00:00:77 dev eth0 self")
    found = ask(kind="fdb", netns="vm1", dev="eth0", mac="02:00:00:00:00:77")
    assert (found["dev"], found["note"]) == ("eth0", FROM_ALL)
    assert "no forwarding entry" in ask(kind="fdb", netns="vm1", dev="eth0", mac="02:00:00:00:00:78")["error"]
