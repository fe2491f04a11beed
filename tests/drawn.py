# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fabrics for the tests of what is drawn: the states of nodes over VXLAN, and the walks of their pairs, written by hand.

They have the form of :mod:`state` and of a walk's JSON, without a model behind them: what a drawing does with a name or an
address does not depend on whether a packet would arrive.
"""

LOCAL_LINK = {
    "name": "lo",
    "index": 1,
    "type": "loopback",
    "up": True,
    "running": True,
    "arp": True,
    "mac": "",
    "mtu": 65536,
}


def mac(*numbers):
    return ":".join(f"{number:02x}" for number in [2, *numbers, 0, 0, 0, 0, 0][:6])


class Fabric:
    """So many nodes, ``each`` of them in a segment, each node with so many endpoints on a bridge.

    :ivar states: node -> its state.
    :ivar labels: (label, node, namespace, address) of endpoints.
    """

    def __init__(self, nodes, endpoints, name=str, each=10):
        self.name, self.each = name, each
        self.nodes = [name(f"vm{number + 1}") for number in range(nodes)]
        self.labels = [
            (name(f"ns{number + 1}-{end + 1}"), node, name(f"ns{number + 1}-{end + 1}"), f"10.{number + 1}.0.{end + 2}")
            for number, node in enumerate(self.nodes)
            for end in range(endpoints)
        ]
        self.states = {node: self.state(number, node) for number, node in enumerate(self.nodes)}

    def segment(self, number):
        return f"192.168.{32 + number // self.each}.0/24"

    def address(self, number):
        return f"192.168.{32 + number // self.each}.{number % self.each + 11}"

    def underlay(self):
        """Return the nodes on the L2s of the underlay, and a host outside, as the page wants them."""
        return {
            "segments": list(dict.fromkeys(self.segment(number) for number in range(len(self.nodes)))),
            "nodes": {node: [self.segment(number)] for number, node in enumerate(self.nodes)},
            "outside": [{"name": self.name("outside"), "address": "203.0.113.9"}],
        }

    def state(self, number, node):
        ends = [one for one in self.labels if one[1] == node]
        spaces = {"": self._own(number, ends)}
        for count, (_label, _node, netns, address) in enumerate(ends):
            peer = self._link("eth0", "veth", mac(number + 1, count), peer=["", f"veth-{count + 1}"], mtu=1450)
            spaces[netns] = {
                "links": [LOCAL_LINK, peer],
                "addresses": [{"dev": "eth0", "address": f"{address}/24", "scope": "global", "owner": "bridge"}],
                "routes": [self._route("default", f"10.{number + 1}.0.1", "eth0", "bridge")],
            }
        return {"node": node, "source": "observed", "namespaces": spaces}

    def _own(self, number, ends):
        bridge = self._link("cni0", "bridge", mac(number + 1, 200), mtu=1450)
        underlay = {**self._link("eth0", "device", mac(number + 1, 201), mtu=1500), "owner": None}
        tunnel = self._link("v1", "vxlan", mac(number + 1, 202), mtu=1450, vni=1, port=8472, local=self.address(number))
        veths = [
            self._link(f"veth-{count + 1}", "veth", mac(number + 1, 100 + count), peer=[one[2], "eth0"], master="cni0")
            for count, one in enumerate(ends)
        ]
        others = [other for other in range(len(self.nodes)) if other != number]
        return {
            "links": [LOCAL_LINK, underlay, bridge, tunnel, *veths],
            "addresses": [
                {"dev": "eth0", "address": f"{self.address(number)}/24", "scope": "global", "owner": None},
                {"dev": "cni0", "address": f"10.{number + 1}.0.1/24", "scope": "global", "owner": "bridge"},
            ],
            "routes": [self._route(f"10.{one + 1}.0.0/24", f"10.{one + 1}.0.0", "v1", "vxlan") for one in others],
            "neighbors": [
                {
                    "dev": "v1",
                    "address": f"10.{one + 1}.0.0",
                    "mac": mac(one + 1, 202),
                    "state": "permanent",
                    "owner": "vxlan",
                }
                for one in others
            ],
            "fdb": [
                {
                    "dev": "v1",
                    "mac": mac(one + 1, 202),
                    "dst": self.address(one),
                    "state": "permanent",
                    "owner": "vxlan",
                }
                for one in others
            ],
            "sysctls": {"net.ipv4.ip_forward": "1"},
        }

    def _link(self, name, kind, address, **values):
        first = {"name": name, "index": 2, "type": kind, "up": True, "running": True, "arp": True, "mac": address}
        return {**first, "mtu": 1450, "master": "", "peer": None, "owner": "bridge", **values}

    def _route(self, prefix, via, dev, owner):
        return {"table": 254, "prefix": prefix, "type": "unicast", "via": via, "dev": dev, "metric": 0, "owner": owner}

    def walk(self, one, other, verdict="delivered"):
        """Return the walk between two of :attr:`labels`; one that is dropped is so at the first node's route."""
        forward = Way(self, one, other).hops("echo-request", verdict == "dropped")
        reverse = None if verdict == "dropped" else Way(self, other, one).hops("echo-reply", False)
        reason = "no route to the destination" if verdict == "dropped" else ""
        walked = {
            name: hops and {"hops": hops, "verdict": verdict, "reason": reason, "mtu": 1450}
            for name, hops in (("forward", forward), ("reverse", reverse))
        }
        ends = [{"label": end[0], "node": end[1], "netns": end[2], "address": end[3]} for end in (one, other)]
        question = {"from": one[0], "to": other[0], "protocol": "icmp", "port": None, "size": 84, "family": None}
        return {
            "question": question,
            "source": "observed",
            "from": ends[0],
            "to": ends[1],
            **walked,
            "verdict": verdict,
        }

    def walks(self):
        """Return the walk of each pair; of the second endpoint's to the last nothing arrives."""
        return [
            self.walk(one, other, "dropped" if (one, other) == (self.labels[1], self.labels[-1]) else "delivered")
            for one in self.labels
            for other in self.labels
            if one != other
        ]


class Way:
    """One direction of a walk, hop by hop."""

    def __init__(self, fabric, one, other):
        self.fabric, self.one, self.other = fabric, one, other
        self.numbers = [fabric.nodes.index(end[1]) for end in (one, other)]
        self.counts = [int(end[3].split(".")[-1]) - 2 for end in (one, other)]
        self.ttl, self.macs, self.outer, self.found = 64, (), [], []

    def hops(self, icmp, drop):
        self.icmp = icmp
        (_label, node, netns, _address), (mine, theirs) = self.one, self.numbers
        self.hop(node, netns, None, "send", None)
        self.hop(
            node, netns, None, "route", self.entry(netns, "route", f"default via 10.{mine + 1}.0.1 dev eth0", "bridge")
        )
        if mine == theirs:
            return self._beside(node, netns)
        self.macs = mac(mine + 1, self.counts[0]), mac(mine + 1, 200)
        self._out(node, netns)
        if drop:
            self.hop(node, "", None, "drop", None, reason="no route to the destination")
            return self.found
        self._encapsulate(node, mine, theirs)
        self._decapsulate(self.other[1], theirs)
        return self.found

    def _beside(self, node, netns):
        """Both endpoints are on one bridge."""
        self.macs = tuple(mac(self.numbers[0] + 1, count) for count in self.counts)
        self._out(node, netns)
        self._in(node)
        return self.found

    def _out(self, node, netns):
        veth = f"veth-{self.counts[0] + 1}"
        self.hop(node, netns, "eth0", "out", None)
        self.hop(node, "", veth, "in", None)
        self.hop(
            node, "", "cni0", "bridge", self.entry("", "fdb", f"{self.macs[1]} dev cni0 master cni0 permanent", None)
        )

    def _in(self, node):
        self.hop(node, "", f"veth-{self.counts[1] + 1}", "out", None)
        self.hop(node, self.other[2], "eth0", "in", None)
        self.hop(node, self.other[2], "eth0", "deliver", None)

    def _encapsulate(self, node, mine, theirs):
        gateway, peer = f"10.{theirs + 1}.0.0", mac(theirs + 1, 202)
        self.hop(node, "", "cni0", "in", None)
        self.hop(
            node,
            "",
            None,
            "route",
            self.entry("", "route", f"10.{theirs + 1}.0.0/24 via {gateway} dev v1 onlink", "vxlan"),
        )
        self.ttl -= 1
        self.hop(
            node, "", "v1", "neighbor", self.entry("", "neighbor", f"{gateway} dev v1 lladdr {peer} PERMANENT", "vxlan")
        )
        self.macs = mac(mine + 1, 202), peer
        self.hop(node, "", "v1", "out", None)
        remote = self.fabric.address(theirs)
        self.hop(node, "", "v1", "fdb", self.entry("", "fdb", f"{peer} dev v1 dst {remote} self permanent", "vxlan"))
        self.outer = [
            {"type": "ethernet", "src": mac(mine + 1, 201), "dst": mac(theirs + 1, 201)},
            {
                "type": "ipv4",
                "src": self.fabric.address(mine),
                "dst": remote,
                "ttl": 64,
                "protocol": "udp",
                "size": 134,
            },
            {"type": "udp", "sport": 45678, "dport": 8472},
            {"type": "vxlan", "vni": 1},
        ]
        self.hop(node, "", "v1", "encapsulate", None)
        self.hop(node, "", "eth0", "out", None)
        self.hop(
            node,
            "",
            "eth0",
            "underlay",
            None,
            reason="" if self.fabric.segment(mine) == self.fabric.segment(theirs) else "through a router",
        )

    def _decapsulate(self, node, theirs):
        self.hop(node, "", "eth0", "in", None)
        self.outer = []
        self.hop(node, "", "v1", "decapsulate", None)
        self.hop(node, "", "v1", "in", None)
        self.hop(
            node, "", None, "route", self.entry("", "route", f"10.{theirs + 1}.0.0/24 dev cni0 scope link", "bridge")
        )
        self.ttl -= 1
        self.macs = mac(theirs + 1, 200), mac(theirs + 1, self.counts[1])
        self.hop(node, "", "cni0", "out", None)
        self._in(node)

    def hop(self, node, netns, device, action, entry, **more):
        one = {
            "node": node,
            "netns": netns,
            "device": device,
            "action": action,
            "entry": entry,
            "packet": self.packet(),
        }
        self.found.append({**one, "reason": "", **more})

    def packet(self):
        inner = [{"type": "ethernet", "src": self.macs[0], "dst": self.macs[1]}] if self.macs else []
        ip = {"type": "ipv4", "src": self.one[3], "dst": self.other[3], "ttl": self.ttl, "protocol": "icmp", "size": 84}
        return [*self.outer, *inner, ip, {"type": "icmp", "message": self.icmp}]

    def entry(self, netns, kind, text, owner):
        module = {"route": "route", "neighbor": "neighbor", "fdb": "vxlan_fdb"}[kind]
        command = {
            "route": f"ip route add {text}",
            "neighbor": f"ip neighbor add {text}",
            "fdb": f"bridge fdb append {text}",
        }
        made = (
            {"module": f"nodenet.fabric.{module}", "command": command[kind]}
            if owner
            else {"module": None, "command": None}
        )
        return {"kind": kind, "netns": netns, "text": text, "owner": owner, **made, "assumed": False}
