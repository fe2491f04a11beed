# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes on sending from one port reaches what its NAT rule says now, and nobody else's flow is touched."""

import socket
import struct
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.session import Session
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import conntrack, namespaces, nft

FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
NODE = {"ipv4": "192.168.1.2", "ipv6": "fd01::2"}
BLUE = {"ipv4": "192.168.15.2", "ipv6": "fd15::2"}
# linux/netfilter/nfnetlink_conntrack.h: CTA_PROTO_SRC_PORT
SOURCE_PORT = struct.Struct("=HH2s")
RED = {"ipv4": "192.168.15.1", "ipv6": "fd15::1"}


class Client:
    """Sends UDP from one port of a namespace for the whole of a test."""

    def __init__(self, netns, host, port, family="ipv4", source=4000):
        self.socket = namespaces.in_netns(netns, lambda: socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
        self.socket.settimeout(0.4)
        self.socket.bind(("", source))
        self.socket.connect((host, port))  # only what comes from there is an answer

    def ask(self):
        """Return (our address, the server's own port) as the server says it, None: no answer, or a refusal."""
        try:
            self.socket.send(b"?")
            text = self.socket.recv(99).decode().split()
        except OSError:
            return None
        return text[0], int(text[1])


@pytest.fixture
def client():
    """Return what makes clients; they end with the test."""
    made = []

    def make(*words, **options):
        made.append(Client(*words, **options))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


@pytest.fixture
def unforgotten(monkeypatch):
    """The twin: flows are not removed."""
    monkeypatch.setattr(conntrack, "forget", lambda netns, stale: 0)


def served(node, serve, family="ipv4"):
    """Servers on both endpoints; by the masquerade the node tracks flows, as a fabric's nodes do."""
    source = "fd15::/64" if family == "ipv6" else "192.168.15.0/24"
    node.task("masquerade", netns="vm", source=source, exclude=[source])
    serve("blue", [53], "SOCK_DGRAM", family="AF_INET6" if family == "ipv6" else "AF_INET")
    serve("red", [54], "SOCK_DGRAM", family="AF_INET6" if family == "ipv6" else "AF_INET")
    node.task("route", netns="lan", prefix="::/0", via="fd01::2")


def publish(node, to, to_port, family="ipv4", port="5353", **options):
    target = {"to": to[family], "to_port": str(to_port)} if to else {"family": family, "state": "absent"}
    return node.task("port_forward", netns="vm", protocol="udp", port=port, **{**target, **options})


@pytest.mark.parametrize("family", FAMILIES)
def test_it_reaches_a_port_that_is_published_moved_and_published_no_longer(ways, serve, client, family):
    served(ways, serve, family)
    one = client("lan", NODE[family], 5353, family)
    assert one.ask() is None
    publish(ways, BLUE, 53, family)
    assert one.ask()[1] == 53
    publish(ways, RED, 54, family)
    assert one.ask()[1] == 54
    publish(ways, None, None, family)
    assert one.ask() is None


@pytest.mark.parametrize("family", FAMILIES)
def test_without_that_it_stays_silent_or_where_it_was(ways, serve, client, unforgotten, family):
    served(ways, serve, family)
    early, late = (client("lan", NODE[family], 5353, family, source) for source in (4000, 4001))
    assert early.ask() is None
    publish(ways, BLUE, 53, family)
    assert (early.ask(), late.ask()[1]) == (None, 53)
    publish(ways, RED, 54, family)
    assert (early.ask(), late.ask()[1]) == (None, 53)


def test_a_port_of_one_address_and_of_the_node_itself(ways, serve, client):
    served(ways, serve)
    near, own = client("lan", "192.168.1.2", 5353), client("vm", "192.168.1.2", 5353)
    publish(ways, RED, 54)
    assert [one.ask()[1] for one in (near, own)] == [54, 54]
    publish(ways, BLUE, 53, address="192.168.1.2")
    assert [one.ask()[1] for one in (near, own)] == [53, 53]
    publish(ways, None, None, address="192.168.1.2")
    assert [one.ask()[1] for one in (near, own)] == [54, 54]


def test_a_hairpin_that_comes_later(ways, serve, client):
    served(ways, serve)
    ways.sh("ip netns exec vm sysctl -qw net.bridge.bridge-nf-call-iptables=0")
    publish(ways, RED, 54)
    inside, outside = client("blue", "192.168.15.5", 5353), client("lan", "192.168.1.2", 5353)
    assert outside.ask()[1] == 54
    before = flows(ways, "dport=5353", "src=192.168.1.3")
    assert inside.ask() is None  # the answer does not come back through the node
    publish(ways, RED, 54, hairpin=["192.168.15.0/24"])
    assert inside.ask()[1] == 54
    assert flows(ways, "dport=5353", "src=192.168.1.3") == before != set()


def test_what_leaves_begins_anew_when_masquerade_comes_and_goes(ways, serve, client):
    serve("lan", [53], "SOCK_DGRAM")
    ways.task("route", netns="lan", prefix="default", via="8.8.8.8")  # not the way to red
    publish(ways, BLUE, 53)  # the node tracks flows
    one, near = client("red", "192.168.1.3", 53), client("red", "192.168.15.5", 53, source=4001)
    rule = {"netns": "vm", "source": "192.168.15.0/24"}
    near.ask()
    assert one.ask() is None  # the answer goes into the world
    ways.task("masquerade", exclude=["192.168.15.0/24"], **rule)
    assert one.ask() == ("192.168.1.2", 53)
    ways.task("masquerade", exclude=["192.168.15.0/24", "192.168.1.0/24"], **rule)
    assert one.ask() is None
    ways.task("masquerade", exclude=["192.168.15.0/24"], **rule)
    assert one.ask() == ("192.168.1.2", 53)
    ways.task("masquerade", state="absent", **rule)
    assert one.ask() is None


def test_a_flow_that_no_change_is_about_keeps_its_entry(ways, serve, client, monkeypatch):
    """The same port where the node only forwards, another port, another protocol; a run that changes nothing asks nothing."""
    served(ways, serve)
    serve("blue", [5353], "SOCK_DGRAM")
    publish(ways, BLUE, 53)
    publish(ways, BLUE, 53, port="6000")
    ways.task("route", netns="lan", prefix="192.168.15.0/24", via="192.168.1.2")
    others = [client("lan", "192.168.1.2", 6000), client("lan", "192.168.15.2", 5353, source=4001)]
    changed = client("lan", "192.168.1.2", 5353, source=4002)
    assert [one.ask()[1] for one in [*others, changed]] == [53, 5353, 53]
    removed = []
    delete = conntrack._delete
    monkeypatch.setattr(conntrack, "_delete", lambda *words: removed.extend(words[2]) or delete(*words))
    publish(ways, RED, 54)
    assert [one.ask()[1] for one in [*others, changed]] == [53, 5353, 54]
    assert [
        port for port in (4000, 4001, 4002) for one in removed if SOURCE_PORT.pack(6, 2, port.to_bytes(2, "big")) in one
    ] == [4002]
    assert len(removed) == 1
    monkeypatch.setattr(conntrack, "forget", None)
    assert publish(ways, RED, 54)["changed"] is False


def test_an_established_connection_is_left_to_its_end(ways, serve):
    serve("blue", [80])
    serve("red", [80])
    ways.task("masquerade", netns="vm", source="192.168.15.0/24", exclude=["192.168.15.0/24"])
    ways.task("port_forward", netns="vm", port="80", to="192.168.15.2")
    with namespaces.in_netns("lan", lambda: socket.create_connection(("192.168.1.2", 80), 1)) as one:
        ways.task("port_forward", netns="vm", port="80", to="192.168.15.1")
        assert one.recv(99) == b"192.168.1.3 80"
        assert any("ASSURED" in line for line in lines(ways, "dport=80"))


@pytest.mark.parametrize("forgotten, answers", [(True, 53), (False, 54)])
def test_an_undo_takes_back_what_began_meanwhile(ways, serve, client, monkeypatch, forgotten, answers):
    """While the new rule is there, before the run fails, a flow begins by it."""
    served(ways, serve)
    publish(ways, BLUE, 53)
    one, edit = client("lan", "192.168.1.2", 5353), nft.edit
    met = []

    def failing(netns, edits):
        edit(netns, edits)
        if not met:
            conntrack.forget("vm", lambda flow: flow.port == 5353)
            met.append(one.ask()[1])
            raise KernelError("the power of this moment")

    monkeypatch.setattr(nft, "edit", failing)
    if not forgotten:
        monkeypatch.setattr(Session, "_after_undo", lambda _session, _undo: [])
    with pytest.raises(KernelError, match="the node is as it was before"):
        publish(ways, RED, 54)
    assert (met, one.ask()[1]) == ([54], answers)


def test_a_kernel_without_ctnetlink_is_told_as_a_warning(ways, monkeypatch):
    """Asked for a part of nfnetlink that it has not, this kernel answers as one without the module does."""
    assert "warnings" not in publish(ways, BLUE, 53)
    monkeypatch.setattr(conntrack, "SUBSYSTEM", 30)
    found = publish(ways, RED, 54)
    assert found["changed"] and "nf_conntrack_netlink" in found["warnings"][0]


# a TCP segment from port 4000 to 9 (RFC 9293, 3.1) with SYN and ACK that belongs to no connection
STRAY = """
import socket, struct, sys
def total(data):
    found = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    return ~((found & 0xFFFF) + (found >> 16)) & 0xFFFF
ends = b"".join(map(socket.inet_aton, sys.argv[1:3]))
head = struct.pack("!HHIIBBHHH", 4000, 9, 1, 1, 5 << 4, 0x12, 1024, 0, 0)
check = total(ends + struct.pack("!HH", 6, len(head)) + head)
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)
out.sendto(head[:16] + struct.pack("!H", check) + head[18:], (sys.argv[2], 0))
"""


def strays(node, host):
    """Return the source addresses with which a stray segment of red arrives at the LAN's end of the wire."""
    tcp = namespaces.in_netns("lan", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)))
    with tcp as heard:
        heard.settimeout(0.4)
        node.sh(f"ip netns exec red {sys.executable} -c '{STRAY}' 192.168.15.1 {host}")
        found = set()
        while True:
            try:
                data, where = heard.recvfrom(2000)
            except socket.timeout:
                return found
            if where[0] == "eth0" and where[2] == socket.PACKET_HOST and data[9] == 6 and data[33] & 0x12 == 0x12:
                found.add(socket.inet_ntoa(data[12:16]))


def test_what_belongs_to_no_connection_does_not_leave_with_the_endpoints_own_address(ways):
    rule = {"netns": "vm", "source": "192.168.15.0/24", "exclude": ["192.168.15.0/24", "8.8.8.0/24"]}
    assert strays(ways, "192.168.1.3") == {"192.168.15.1"}
    ways.task("masquerade", **rule)
    assert not ways.task("masquerade", **rule)["changed"]
    assert strays(ways, "192.168.1.3") == set()
    assert strays(ways, "8.8.8.8") == {"192.168.15.1"}  # nothing is translated on the way there
    ways.task("masquerade", **{**rule, "out_interface": "v-net-0"})
    assert strays(ways, "192.168.1.3") == {"192.168.15.1"}
    ways.task("masquerade", **rule)
    ways.sh("ip netns exec vm nft flush chain inet nodenet_fabric invalid")
    assert strays(ways, "192.168.1.3") == {"192.168.15.1"}
    assert ways.task("masquerade", **rule)["changed"]
    assert strays(ways, "192.168.1.3") == set()


def lines(node, *words):
    """Return the lines of the flows of vm with all of ``words``."""
    found = node.sh("ip netns exec vm cat /proc/net/nf_conntrack").splitlines()
    return [line for line in found if set(words) <= set(line.split())]


def flows(node, *words):
    """Return their tuples."""
    return {" ".join(part for part in line.split() if "=" in part) for line in lines(node, *words)}
