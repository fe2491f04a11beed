# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What endpoints and strangers of the underlay try: each works without the guards, and none with them; who may talk still does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces
from attacked import (
    ASIDE,
    BRIDGE,
    EAPOL,
    EAPOL_GROUP,
    ENDS,
    GATEWAY,
    HOST_END,
    IP4,
    IP6,
    LINK_LOCAL,
    LLDP,
    LLDP_GROUP,
    MAC,
    METADATA,
    ON_LINK,
    OTHER,
    PORT,
    UNDERLAY,
    VNI,
    VTEP,
    fabric,
    guards,
    tunnels_only,
)
from attackers import (
    BROADCAST,
    IPIP,
    IPV4,
    IPV6,
    MARK,
    Seen,
    advertisement,
    arp_reply,
    ether,
    packet,
    router,
    send,
    udp,
    vxlan,
)
from red_blue import serve  # noqa: F401 pylint: disable=unused-import

TRIES = 3


def delivered(frame, start=("a", "eth0"), end=("d", "eth0")):
    """Return an attack that works if what it sends arrives."""

    def attack(_node):
        with Seen(*end) as seen:
            send(*start, frame)
        return seen.has(MARK)

    return attack


def poisons(frame, address, by="a"):
    """Return an attack that works if b, which knows ``address``, then takes the MAC address of a, or of who else does it, for it."""

    def attack(node):
        assert node.ping("b", f"{address}%eth0" if address == ON_LINK else address)
        for _try in range(TRIES):
            send(by, "eth0", frame)
            found = [one["lladdr"] for one in node.json("ip -n b -j neigh") if one["dst"] == address]
            assert found
            if found == [MAC[by]]:
                break
            time.sleep(0.1)
        node.sh("ip -n b neigh flush all")
        return found == [MAC[by]]

    return attack


def moves(frame, by="a"):
    """Return an attack that works if the bridge then sends to a, or to who else does it, what is for e."""

    def attack(node):
        assert node.ping("e", GATEWAY["vm1"][0])
        for _try in range(TRIES):  # e may speak meanwhile
            send(by, "eth0", frame)
            found = [one["ifname"] for one in node.json("bridge -n vm1 -j fdb show") if one["mac"] == MAC["e"]]
            if found[0] == f"veth-{by}":
                break
        assert node.ping("e", GATEWAY["vm1"][0])
        return found[0] == f"veth-{by}"

    return attack


def becomes_router(by):
    """Return an attack that works if b then takes it for its router."""

    def attack(node):
        assert not [one for one in node.json("ip -n b -6 -j route") if one.get("protocol") == "ra"]
        send(by, "eth0", router(MAC[by], LINK_LOCAL[by]))
        found = [one for one in node.json("ip -n b -6 -j route") if one.get("protocol") == "ra"]
        node.sh("ip -n b -6 route flush proto ra")
        return bool(found)

    return attack


def received_ipip(start, source):
    """Return an attack that works if vm2 gets its packet of protocol 4, as a tunnel there would."""

    def attack(_node):
        raw = namespaces.in_netns("vm2", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, IPIP))
        raw.settimeout(0.3)
        inner = udp(IP4["b"], IP4["d"], 5, 5, MARK)
        target = UNDERLAY["vm2"][0]
        with raw:
            send(start, "eth0", ether(*source(_node), IPV4, packet(source(_node, True), target, IPIP, inner)))
            try:
                return MARK in raw.recv(4096)
            except socket.timeout:
                return False

    return attack


def of_a(_node, address=False):
    return IP4["a"] if address else (MAC["a"], BRIDGE["vm1"])


def of_stranger(node, address=False):
    if address:
        return UNDERLAY["stranger"][0]
    return tuple(node.json(f"ip -n {one} -j link show eth0")[0]["address"] for one in ("stranger", "vm2"))


def injected(inner_source, target=UNDERLAY["vm2"][0], vni=VNI, end=("d", "eth0")):
    """Return an attack by the stranger that works if what is in its VXLAN packet arrives."""

    def attack(node):
        inner = ether(VTEP["vm1"], VTEP["vm2"], IPV4, udp(inner_source, IP4["d"], 5, 5, MARK))
        outer = udp(UNDERLAY["stranger"][0], target, 5, PORT, vxlan(inner, vni))
        return delivered(ether(*of_stranger(node), IPV4, outer), ("stranger", "eth0"), end)(node)

    return attack


def inside(text):
    inner = ether(VTEP["vm1"], VTEP["vm2"], IPV4, udp(text, IP4["d"], 5, 5, MARK))
    return vxlan(inner, VNI)


def pings(start, target, count=1):
    """Return an attack that works if one of the pings is answered."""
    return lambda node: node.ping(start, target, count) is not None


def connects(start, target, port, sort="SOCK_STREAM"):
    code = (
        "import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, "
        # what gets no answer in a second, TCP sends again
        f"socket.{sort}); s.settimeout(1.5); s.connect((sys.argv[1], int(sys.argv[2]))); "
        + ("s.send(b'x'); s.send(b'x'); " if sort == "SOCK_DGRAM" else "")
        + "print(s.recv(99))"
    )
    words = ["ip", "netns", "exec", start, sys.executable, "-c", code, target, str(port)]
    return lambda _node: subprocess.run(words, capture_output=True, check=False).returncode == 0


TO_ROUTER = MAC["a"], BRIDGE["vm1"]
FROM_G, OF_G = ("g", "eth0"), (MAC["g"], BRIDGE["vm1"])
ATTACKS = {
    "spoofed IP": delivered(ether(*TO_ROUTER, IPV4, udp("10.1.0.99", IP4["d"], 5, 5, MARK))),
    "spoofed IP of a neighbor": delivered(ether(*TO_ROUTER, IPV4, udp(IP4["b"], IP4["d"], 5, 5, MARK))),
    "spoofed IP on the bridge": delivered(
        ether(MAC["a"], MAC["b"], IPV4, udp(IP4["e"], IP4["b"], 5, 5, MARK)), end=("b", "eth0")
    ),
    "spoofed IPv6": delivered(ether(*TO_ROUTER, IPV6, udp(IP6["b"], IP6["d"], 5, 5, MARK))),
    "spoofed IP, routed": delivered(
        ether(MAC["c"], HOST_END, IPV4, udp(IP4["b"], IP4["d"], 5, 5, MARK)), ("c", "eth0")
    ),
    "spoofed IPv6, routed": delivered(
        ether(MAC["c"], HOST_END, IPV6, udp(IP6["b"], IP6["d"], 5, 5, MARK)), ("c", "eth0")
    ),
    "spoofed MAC": moves(ether(MAC["e"], BROADCAST, 0x88B5, MARK)),
    "spoofed MAC by a frame of IEEE 802.1X": moves(ether(MAC["e"], EAPOL_GROUP, EAPOL, MARK)),
    "spoofed MAC by a frame of LLDP": moves(ether(MAC["e"], LLDP_GROUP, LLDP, MARK)),
    "ARP poisoning of a neighbor": poisons(arp_reply(MAC["a"], IP4["e"], MAC["b"], IP4["b"]), IP4["e"]),
    "ARP poisoning of the gateway": poisons(
        arp_reply(MAC["a"], GATEWAY["vm1"][0], MAC["b"], IP4["b"]), GATEWAY["vm1"][0]
    ),
    "ND poisoning of a neighbor": poisons(advertisement(MAC["a"], IP6["a"], IP6["e"], MAC["b"], IP6["b"]), IP6["e"]),
    "ND poisoning of the gateway": poisons(
        advertisement(MAC["a"], IP6["a"], GATEWAY["vm1"][1], MAC["b"], IP6["b"]), GATEWAY["vm1"][1]
    ),
    "rogue DHCP": delivered(
        ether(MAC["a"], BROADCAST, IPV4, udp(IP4["a"], "255.255.255.255", 67, 68, MARK)), end=("b", "eth0")
    ),
    "rogue DHCPv6": delivered(
        ether(MAC["a"], MAC["b"], IPV6, udp(IP6["a"], IP6["b"], 547, 546, MARK)), end=("b", "eth0")
    ),
    "rogue RA": becomes_router("a"),
    "a tag": delivered(
        ether(MAC["a"], MAC["b"], 0x8100, b"\0\1\x08\0" + udp(IP4["e"], IP4["b"], 5, 5, MARK)), end=("b", "eth0")
    ),
    "spoofed IP by a container": delivered(ether(*OF_G, IPV4, udp("203.0.113.7", IP4["d"], 5, 5, MARK)), FROM_G),
    "spoofed IP of a neighbor by a container": delivered(
        ether(*OF_G, IPV4, udp(IP4["b"], IP4["d"], 5, 5, MARK)), FROM_G
    ),
    "spoofed IP on the bridge by a container": delivered(
        ether(MAC["g"], MAC["b"], IPV4, udp(IP4["d"], IP4["b"], 5, 5, MARK)), FROM_G, ("b", "eth0")
    ),
    "spoofed IPv6 by a container": delivered(ether(*OF_G, IPV6, udp("fd09::7", IP6["d"], 5, 5, MARK)), FROM_G),
    "spoofed IPv6 of a neighbor by a container": delivered(
        ether(*OF_G, IPV6, udp(IP6["b"], IP6["d"], 5, 5, MARK)), FROM_G
    ),
    "spoofed MAC by a container": moves(ether(MAC["e"], BROADCAST, 0x88B5, MARK), "g"),
    "spoofed MAC by a container's frame of IEEE 802.1X": moves(ether(MAC["e"], EAPOL_GROUP, EAPOL, MARK), "g"),
    "spoofed MAC by a container's frame of LLDP": moves(ether(MAC["e"], LLDP_GROUP, LLDP, MARK), "g"),
    "ARP poisoning of a neighbor by a container": poisons(
        arp_reply(MAC["g"], IP4["e"], MAC["b"], IP4["b"]), IP4["e"], "g"
    ),
    "ARP poisoning of the gateway by a container": poisons(
        arp_reply(MAC["g"], GATEWAY["vm1"][0], MAC["b"], IP4["b"]), GATEWAY["vm1"][0], "g"
    ),
    "ND poisoning of a neighbor by a container": poisons(
        advertisement(MAC["g"], IP6["g"], IP6["e"], MAC["b"], IP6["b"]), IP6["e"], "g"
    ),
    "ND poisoning of the gateway by a container": poisons(
        advertisement(MAC["g"], IP6["g"], GATEWAY["vm1"][1], MAC["b"], IP6["b"]), GATEWAY["vm1"][1], "g"
    ),
    "ND poisoning of the gateway's link-local address by a container": poisons(
        advertisement(MAC["g"], LINK_LOCAL["g"], ON_LINK, MAC["b"], LINK_LOCAL["b"]), ON_LINK, "g"
    ),
    "rogue DHCP by a container": delivered(
        ether(MAC["g"], BROADCAST, IPV4, udp(IP4["g"], "255.255.255.255", 67, 68, MARK)), FROM_G, ("b", "eth0")
    ),
    "rogue RA by a container": becomes_router("g"),
    "VXLAN sent by a container": delivered(
        ether(*OF_G, IPV4, udp(IP4["g"], UNDERLAY["vm2"][0], 5, PORT, inside(IP4["b"]))), FROM_G
    ),
    "VXLAN sent by an endpoint": delivered(
        ether(*TO_ROUTER, IPV4, udp(IP4["a"], UNDERLAY["vm2"][0], 5, PORT, inside(IP4["b"])))
    ),
    "IPIP sent by an endpoint": received_ipip("a", of_a),
    "VXLAN injected by a stranger": injected("203.0.113.7"),
    "VXLAN injected with a spoofed inner source": injected(IP4["a"]),
    "VXLAN injected by another address of the node": injected("203.0.113.7", ASIDE),
    "VXLAN sent by an endpoint to another address of the node": delivered(
        ether(*TO_ROUTER, IPV4, udp(IP4["a"], ASIDE, 5, PORT, inside(IP4["b"])))
    ),
    "IPIP injected by a stranger": received_ipip("stranger", of_stranger),
    "the underlay routes into the fabric": pings("stranger", IP4["d"], 2),
    "the underlay routes into the fabric, IPv6": pings("stranger", IP6["d"], 2),
    "the metadata address": pings("a", METADATA, 2),
    "a group to another on a bridge": connects("a", IP4["b"], 81),
    "a group to another on a bridge, IPv6": connects("a", IP6["b"], 81),
    "a group to another on a bridge, UDP": connects("a", IP4["b"], 81, "SOCK_DGRAM"),
    "a group to another, other way": connects("b", IP4["a"], 80),
    "a group to another across nodes": connects("a", IP4["d"], 81),
    "a group to another across nodes, IPv6": connects("c", IP6["d"], 81),
}
LEGITIMATE = {
    **{
        f"{one} pings {other} at {family[other]}": pings(one, family[other])
        for family in (IP4, IP6)
        for one in ENDS
        for other in ENDS
        # c in the bridge's subnet has no proxy for ND here
        if one != other and not (family is IP6 and "c" in (one, other) and ENDS[one][0] == ENDS[other][0])
    },
    "a to b, TCP": connects("a", IP4["b"], 80),
    "a to b, UDP": connects("a", IP4["b"], 80, "SOCK_DGRAM"),
    "a to d, TCP": connects("a", IP4["d"], 80),
    "c to d, IPv6": connects("c", IP6["d"], 80),
    "in one group": connects("a", IP4["c"], 81),
    "published": connects("stranger", UNDERLAY["vm2"][0], 8080),
    "VXLAN of another program": injected("203.0.113.7", vni=VNI + 1, end=("vm2", OTHER)),
    "outside": pings("a", UNDERLAY["stranger"][0]),
    "the node": pings("a", GATEWAY["vm1"][0]),
}


def silent(node):
    """Return who may talk and does not, at the first try; on a busy machine one ping of the many may be late."""
    found = [name for name, talks in LEGITIMATE.items() if not talks(node)]
    return [] if len(found) == 1 and " pings " in found[0] and LEGITIMATE[found[0]](node) else found


# what tunnels_only keeps out
OF_TUNNELS = [name for name in ATTACKS if name.startswith(("VXLAN", "IPIP"))]
STOPPED = {"nothing": [], "tunnels only": OF_TUNNELS, "all": list(ATTACKS)}


@pytest.mark.parametrize("guarded", STOPPED)
def test_attacks_work_without_the_guards_and_not_with_them(node, serve, guarded):  # noqa: F811
    fabric(node)
    for name in "abcd":
        for sort in ("SOCK_STREAM", "SOCK_DGRAM"):
            serve(name, [80, 81], sort, "AF_INET6")
    {"nothing": lambda _node: None, "tunnels only": tunnels_only, "all": guards}[guarded](node)
    assert silent(node) == []
    done = {name: attack(node) for name, attack in ATTACKS.items()}
    assert [name for name, works in done.items() if not works] == STOPPED[guarded]
    assert silent(node) == []
