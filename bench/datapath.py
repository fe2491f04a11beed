# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast packets go from endpoint to endpoint over two nodes of a lab: our fabric, and the same made by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from . import controller, measure
from .lab import Lab
from .places import ANSIBLE, PLAYBOOK, ROOT
from .work import Phase

PORT = 5201


class Fabric(Lab):
    """Ours: lab_up and site."""

    backend = "host_gw"

    def __init__(self, size):
        super().__init__(size, self.backend)
        for number, node in enumerate(self.whole["fabric"]["hosts"].values()):  # as by hand
            node["fabric_endpoints"][0]["address"] = re.sub(r"0/24$", "2", controller.subnet(number))

    def prepare(self):
        super().prepare()
        output = self.playbook("lab_up", "-v")
        result = output[output.index("=> {", output.index("Bring the lab to the state")) + 3 :]
        self.enter = {name: words.split() for name, words in json.JSONDecoder().raw_decode(result)[0]["enter"].items()}
        self.arrange()

    def arrange(self):
        self.playbook("site")

    def playbook(self, name, *words):
        words = [PLAYBOOK, "-i", self.path, f"nodenet.fabric.{name}", *words]
        environment = {**os.environ, **ANSIBLE, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        found = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if found.returncode != 0:
            raise measure.Failed(found.stdout[-3000:] + found.stderr[-1000:])
        return found.stdout

    def inside(self, number, *words):
        """Return a command in the endpoint of node ``number``."""
        return [*self.enter[f"node{number}"], "ip", "netns", "exec", f"ns{number}", *words]

    def phases(self):
        return [Phase("tcp", self.stream, lambda: self.playbook("lab_down"))]

    def stream(self):
        """Send from the first endpoint to the second, and return the rate and the time of a round trip."""
        target = re.sub(r"0/24$", "2", controller.subnet(1))
        program = [sys.executable, str(ROOT / "bench" / "stream.py")]
        with subprocess.Popen(self.inside(1, *program, "serve", str(PORT)), stdout=subprocess.PIPE) as server:
            try:
                server.stdout.readline()
                found = subprocess.run(
                    self.inside(0, *program, "send", target, str(PORT)), capture_output=True, text=True, check=False
                )
            finally:
                server.terminate()
        if found.returncode != 0:
            raise measure.Failed(found.stdout + found.stderr)
        return json.loads(found.stdout)


class ByHand(Fabric):
    """The same with ``ip`` and ``nft``, in the same lab."""

    mtu = 1500

    def arrange(self):
        for number in (0, 1):
            script = "set -e\n" + "\n".join([*self.node(number, 1 - number), *self.way(number, 1 - number)])
            found = subprocess.run(
                [*self.enter[f"node{number}"], "sh"], input=script, capture_output=True, text=True, check=False
            )
            if found.returncode != 0:
                raise measure.Failed(found.stderr)

    def node(self, number, _other):
        prefix = controller.subnet(number)
        gateway, own = (re.sub(r"0/24$", str(last), prefix) for last in (1, 2))
        yield f"ip netns add ns{number}"
        yield f"ip link add fabric0 mtu {self.mtu} type bridge"
        yield f"ip link add veth0 mtu {self.mtu} type veth peer name eth0 mtu {self.mtu} netns ns{number}"
        yield "ip link set veth0 master fabric0 up"
        yield "ip link set fabric0 up"
        yield f"ip address add {gateway}/24 dev fabric0"
        yield f"ip -n ns{number} link set lo up"
        yield f"ip -n ns{number} address add {own}/24 dev eth0"
        yield f"ip -n ns{number} link set eth0 up"
        yield f"ip -n ns{number} route add default via {gateway}"
        yield "sysctl -qw net.ipv4.ip_forward=1"
        inside = ", ".join(controller.subnet(one) for one in (0, 1))
        yield "nft add table inet byhand"
        yield "nft add chain inet byhand post '{ type nat hook postrouting priority srcnat; }'"
        yield f"nft add rule inet byhand post ip saddr {prefix} ip daddr != {{ {inside} }} masquerade"

    def way(self, _number, other):
        yield f"ip route add {controller.subnet(other)} via {controller.address(other)}"


class VxlanFabric(Fabric):
    backend = "vxlan"


class GuardedFabric(Fabric):
    """Ours with guards, which look at each packet of an endpoint."""

    variables = {**Fabric.variables, "fabric_guard": True}


class GuardedVxlan(GuardedFabric):
    backend = "vxlan"


class VxlanByHand(ByHand):
    backend = "vxlan"
    mtu = 1450

    def way(self, number, other):
        mac, gateway = f"02:00:00:00:00:0{other}", re.sub(r"0/24$", "0", controller.subnet(other))
        yield (
            f"ip link add fabric.1 address 02:00:00:00:00:0{number} mtu {self.mtu}"
            f" type vxlan id 1 dstport 8472 local {controller.address(number)} nolearning"
        )
        yield f"ip address add {re.sub('0/24$', '0', controller.subnet(number))}/32 dev fabric.1"
        yield "ip link set fabric.1 up"
        yield f"ip neigh add {gateway} lladdr {mac} dev fabric.1 nud permanent"
        yield f"bridge fdb add {mac} dev fabric.1 dst {controller.address(other)} self permanent"
        yield f"ip route add {controller.subnet(other)} via {gateway} dev fabric.1 onlink"


class IpipFabric(Fabric):
    backend = "ipip"


class IpipByHand(ByHand):
    backend = "ipip"
    mtu = 1480

    def way(self, number, other):
        yield f"ip link add tunnel mtu {self.mtu} type ipip local {controller.address(number)}"
        yield f"ip address add {re.sub('0/24$', '0', controller.subnet(number))}/32 dev tunnel"
        yield "ip link set tunnel up"
        yield f"ip route add {controller.subnet(other)} via {controller.address(other)} dev tunnel onlink"


class WireguardFabric(Fabric):
    backend = "wireguard"
    variables = {
        **Fabric.variables,
        "fabric_wireguard_secret": "of the benchmark alone, and known to all who read this",
    }


class WireguardByHand(ByHand):
    backend, variables = WireguardFabric.backend, WireguardFabric.variables
    mtu = 1440

    def way(self, number, other):
        # RFC 7748, 6.1
        private = ["dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=", "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os="]
        public = ["hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=", "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="]
        peer = f"peer {public[other]} endpoint {controller.address(other)}:51820 allowed-ips {controller.subnet(other)}"
        yield f"ip link add tunnel mtu {self.mtu} type wireguard"
        yield f"echo {private[number]} | wg set tunnel listen-port 51820 private-key /dev/stdin {peer}"
        yield f"ip address add {re.sub('0/24$', '0', controller.subnet(number))}/32 dev tunnel"
        yield "ip link set tunnel up"
        yield f"ip route add {controller.subnet(other)} dev tunnel"


def has(kind, *words):
    """Say whether this kernel has tunnels of a kind."""
    command = ["unshare", "--net", "ip", "link", "add", "probe0", "type", kind, *words]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


CONTESTANTS = {
    "host_gw, fabric": Fabric,
    "host_gw, with guards": GuardedFabric,
    "host_gw, by hand": ByHand,
    "vxlan, fabric": VxlanFabric,
    "vxlan, with guards": GuardedVxlan,
    "vxlan, by hand": VxlanByHand,
    **({"ipip, fabric": IpipFabric, "ipip, by hand": IpipByHand} if has("ipip", "local", "192.0.2.1") else {}),
    **({"wireguard, fabric": WireguardFabric, "wireguard, by hand": WireguardByHand} if has("wireguard") else {}),
}
