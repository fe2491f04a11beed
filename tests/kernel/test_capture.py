# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One marked packet, seen at every interface on its way, and not where it does not come."""

import socket
import struct
import time
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.namespaces import in_netns, in_worker_thread
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability import listener
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.capture import (
    chosen,
    hops,
    open_sockets,
    read,
)
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.frames import Mark
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.icmp import request
from test_overlay import VMS, entries, vteps  # noqa: F401 pylint: disable=unused-import
from test_packets import STEPS, docker_bridge, host_gw  # noqa: F401 pylint: disable=unused-import
from walked import inner, places, run, see

TOKEN = "0011223344556677"


@pytest.fixture
def overlay(vteps):  # noqa: F811
    for vm in VMS:
        for module, options in entries(vm):
            vteps.task(module, **options)
    return vteps


BETWEEN = {"netns": "vm1", "source": "172.245.0.1", "target": "172.246.0.1"}


def test_a_packet_in_vxlan_is_seen_at_the_tunnel_and_below(overlay):
    (sent,), found, _answers = see(VMS, BETWEEN)
    assert sent == {"flow": 0, "sent": 1, "answered": True, "error": ""}
    assert places(found) == ["vm1 vxlan1 out", "vm1 eth0 out", "vm2 eth0 in", "vm2 vxlan1 in"]
    assert places(found, "reverse") == ["vm2 vxlan1 out", "vm2 eth0 out", "vm1 eth0 in", "vm1 vxlan1 in"]
    outer = found[1]["packet"]
    assert [header["type"] for header in outer] == [
        "ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "icmp"
    ]  # fmt: skip
    assert (outer[1]["src"], outer[1]["dst"], outer[1]["size"]) == ("192.168.32.245", "192.168.32.246", 84 + 50)
    assert (outer[3], outer[4]["dst"]) == ({"type": "vxlan", "vni": 1}, VMS["vm2"][1])
    assert inner(found[1]) == {**inner(found[0]), "size": 84}
    # without the forwarding entry it comes to the tunnel, and no further
    overlay.task("vxlan_fdb", **{**entries("vm1")[1][1], "state": "absent"})
    (sent,), found, _answers = see(VMS, BETWEEN)
    assert (places(found), sent["answered"]) == (["vm1 vxlan1 out"], False)


def test_other_packets_are_not_seen(overlay):
    run(step="listen", token=TOKEN, netns=list(VMS))
    assert overlay.ping("vm1", "172.246.0.1") == 64
    assert run(step="collect", token=TOKEN)["hops"] == []


@pytest.mark.parametrize("missing", [None, 1, 5])
def test_a_routed_packet_is_seen_as_far_as_it_comes(host_gw, missing):  # noqa: F811
    for number, (module, options) in enumerate(STEPS):
        if number != missing:
            host_gw.task(module, **options)
    packet = {"netns": "ns245", "source": "172.245.0.2", "target": "172.246.0.2"}
    where = ["ns245", "vm1", "vm2", "ns246"]
    (sent,), found, _answers = see(where, packet)
    way = [
        "ns245 eth0 out", "vm1 veth0 in", "vm1 br0 in", "vm1 eth0 out",
        "vm2 eth0 in", "vm2 br0 out", "vm2 veth0 out", "ns246 eth0 in",
    ]  # fmt: skip
    ends = {None: 8, 1: 8, 5: 5}[missing]  # without the way back it arrives; without forwarding in vm2 it ends there
    assert (places(found), sent["answered"]) == (way[:ends], missing is None)
    assert [inner(one)["ttl"] for one in found if one["direction"] == "forward"] == [64, 64, 64, 63, 63, 62, 62, 62][
        :ends
    ]
    back = [text.replace(" in", " IN").replace(" out", " in").replace(" IN", " out") for text in reversed(way)]
    assert places(found, "reverse") == (back if missing is None else [])


def test_a_source_that_is_translated_is_seen_before_and_after(docker_bridge):  # noqa: F811
    packet = {"netns": "lab-ns0", "source": "10.15.10.2", "target": "192.168.32.1"}
    where = ["lab-ns0", "vm", "outside"]
    (sent,), found, _answers = see(where, packet)
    assert {inner(one)["src"] for one in found if one["direction"] == "forward"} == {"10.15.10.2"}
    assert (places(found)[-1], sent["answered"]) == ("outside eth0 in", False)
    docker_bridge.task("masquerade", netns="vm", source="10.15.10.0/24", exclude=["10.15.10.0/24"])
    (sent,), found, _answers = see(where, packet)
    sources = [inner(one)["src"] for one in found if one["direction"] == "forward"]
    assert (sources[0], sources[-1], sent["answered"]) == ("10.15.10.2", "192.168.32.245", True)
    assert [inner(one)["dst"] for one in found if one["direction"] == "reverse"][-1] == "10.15.10.2"


@pytest.mark.parametrize("protocol, back", [("tcp", "rst-ack"), ("udp", None), ("icmp", "echo-reply")])
def test_each_protocol_is_known_on_its_way_and_back(overlay, protocol, back):
    (sent,), found, _answers = see(VMS, {**BETWEEN, "protocol": protocol, "port": 99})
    assert (len(places(found)), sent["answered"]) == (4, True)
    ends = [one["packet"][-1] for one in found if one["direction"] == "forward"]
    assert all(end["type"] == protocol for end in ends)
    assert [end.get("dport") for end in ends] == [None if protocol == "icmp" else 99] * 4
    direction = "reverse" if back else "error"  # nobody listens there, which the node says
    ends = [one["packet"][-1] for one in found if one["direction"] == direction]
    assert [end["message"] for end in ends] == [back or "unreachable"] * 4


def test_an_open_port_answers_and_nothing_is_left_of_the_connection(overlay):
    def serve():
        server = socket.socket()
        server.bind(("172.246.0.1", 99))
        server.listen()
        return server

    with in_netns("vm2", serve):
        _sent, found, _answers = see(VMS, {**BETWEEN, "protocol": "tcp", "port": 99})
        assert {one["packet"][-1]["message"] for one in found if one["direction"] == "reverse"} == {"syn-ack"}
        for _attempt in range(100):
            half_open = overlay.sh("ip netns exec vm2 ss -Htn state syn-recv")
            if not half_open:
                break
            time.sleep(0.01)
        assert half_open == ""


def test_a_packet_that_is_too_large_is_refused_and_who_refuses_it_is_seen(host_gw):  # noqa: F811
    for module, options in STEPS:
        host_gw.task(module, **options)
    packet = {"netns": "ns245", "source": "172.245.0.2", "target": "172.246.0.2", "size": 1400}
    where = ["ns245", "vm1", "vm2", "ns246"]
    (sent,), found, _answers = see(where, packet)
    assert (sent["answered"], inner(found[-1])["size"]) == (True, 1400)
    host_gw.sh("ip -n vm1 link set eth0 mtu 1300")
    (sent,), found, _answers = see(where, packet)
    assert places(found) == ["ns245 eth0 out", "vm1 veth0 in", "vm1 br0 in"]
    said = [one for one in found if one["direction"] == "error"]
    assert places(said, "error") == ["vm1 br0 out", "vm1 veth0 out", "ns245 eth0 in"]
    assert (said[0]["packet"][-1]["message"], said[0]["packet"][-1]["code"]) == ("unreachable", 4)
    (sent,), found, _answers = see(where, {**packet, "size": 1501})
    assert (sent["error"], found) == ("larger than the MTU", [])


def test_ipv6_alike(overlay):
    overlay.sh("ip netns exec vm1 sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0")
    overlay.sh("ip netns exec vm2 sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0")
    packets = [
        {"netns": "vm1", "source": "fd00::1", "target": "fd00::2", "protocol": protocol, "port": 99}
        for protocol in ("icmp", "udp", "tcp")
    ]
    sent, found, _answers = see(VMS, *packets)
    assert (found, [one["sent"] for one in sent]) == ([], [0, 0, 0])
    for number, vm in enumerate(VMS, 1):
        overlay.sh(f"ip -n {vm} address add fd00::{number}/64 dev eth0 nodad")
    sent, found, _answers = see(VMS, *packets)
    assert [one["answered"] for one in sent] == [True] * 3
    for flow in range(3):
        assert places([one for one in found if one["flow"] == flow]) == ["vm1 eth0 out", "vm2 eth0 in"]


def test_many_packets_of_one_capture_are_told_apart(overlay):
    several = [{**BETWEEN, "target": f"172.246.0.{number}"} for number in (1, 9, 1)]
    sent, found, _answers = see(VMS, *several, tries=2)
    assert [(one["sent"], one["answered"]) for one in sent] == [(1, True), (2, False), (1, True)]
    for flow, target in enumerate(("172.246.0.1", "172.246.0.9", "172.246.0.1")):
        mine = [one for one in found if (one["flow"], one["direction"]) == (flow, "forward")]
        assert {inner(one)["dst"] for one in mine} == {target}
        assert {one["sequence"] for one in mine} == set(range(sent[flow]["sent"]))
        assert {one["sequence"] for one in chosen(mine)} == {0}


def test_a_packet_in_an_ip_tunnel_is_found_whoever_made_it(overlay):
    """Also where the kernel has no such tunnel: the packet comes from a socket."""
    mark = Mark(bytes.fromhex(TOKEN))

    def send(outer_protocol, payload):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, outer_protocol) as sender:
            sender.sendto(payload, ("192.168.32.246", 0))

    echo = request(4, mark.of(7), 3, 84)
    within = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(echo), 0, 0, 9, 1, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    )
    watched = open_sockets(["vm2"], mark)["vm2"]
    with watched:
        in_worker_thread(lambda: in_netns("vm1", lambda: send(4, within + echo)))
        time.sleep(0.05)
        found, refused = hops(read("vm2", watched), mark)
        assert (found["direction"], refused["direction"]) == ("forward", "error")
        assert [header["type"] for header in found["packet"]] == ["ethernet", "ipv4", "ipv4", "icmp"]
        assert (found["packet"][1]["protocol"], inner(found)["ttl"], found["flow"], found["sequence"]) == (
            "ipip",
            9,
            7,
            3,
        )
        in_worker_thread(lambda: in_netns("vm1", lambda: send(47, within + echo)))  # no tunnel that is known
        time.sleep(0.05)
        assert hops(read("vm2", watched), mark) == []


def listeners():
    """Return the names of the abstract sockets of listeners in this process's namespace."""
    return [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "nodenet-capture" in line]


def test_a_listener_ends_when_it_is_asked_and_by_itself(overlay):
    run(step="listen", token=TOKEN, netns=list(VMS), seconds=30)
    assert listeners() == [f"@nodenet-capture-{TOKEN}"]
    run(step="collect", token=TOKEN)
    assert listeners() == []
    with pytest.raises(FabricError, match="nothing listens"):
        run(step="collect", token=TOKEN)
    mark = Mark(bytes.fromhex(TOKEN))
    assert in_worker_thread(lambda: listener.start(["vm1"], mark, 0.2)) == ["vm1"]
    assert listeners() != []
    time.sleep(0.4)
    assert listeners() == []


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="16 hexadecimal"):
        run(step="collect", token="abc")
    packet = {"source": "10.0.0.1", "target": "10.0.0.2"}
    with pytest.raises(InputError, match=r"packets\[0\].flow"):
        run(step="send", token=TOKEN, packets=[{**packet, "flow": 4095}])
    with pytest.raises(InputError, match="needs a port"):
        run(step="send", token=TOKEN, packets=[{**packet, "protocol": "udp"}])
