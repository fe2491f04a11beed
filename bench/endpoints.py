# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of one node: namespace, veth, loopback, address, default route and bridge port for each; made, made again, removed."""

from __future__ import annotations

import json
import os

from . import measure, ours
from .endpoint import BRIDGE, GATEWAY, LENGTH, Contestant, inside, replacing
from .places import CNI, SCRATCH
from .playbooks import Script, Site, Today
from .work import write


class Engine(Contestant):
    """Ours, in one process that has imported everything: all that the bridge role's tasks say, in one session."""

    way = staticmethod(ours.session)

    def tasks(self):
        """Return the tasks of the role bridge, for these endpoints."""
        ends = self.endpoints
        gateway = {"dev": "br0", "address": f"{GATEWAY}/{LENGTH}"}
        return [
            ours.task("netns", ({"name": one.netns, "ipv6": False} for one in ends)),
            ours.task("bridge", [{"name": "br0", "addrgenmode": "none"}]),
            ours.task(
                "veth",
                (
                    {
                        "name": one.host_end,
                        "addrgenmode": "none",
                        "master": "br0",
                        "peer": {"name": "eth0", "netns": one.netns},
                    }
                    for one in ends
                ),
            ),
            ours.task(
                "address", [gateway] + [{"netns": one.netns, "dev": "eth0", "address": one.prefix} for one in ends]
            ),
            ours.task(
                "route",
                ({"netns": one.netns, "prefix": "default", "via": GATEWAY, "dev": "eth0"} for one in ends),
            ),
        ]

    def removal(self):
        return [ours.task("netns", ({"name": one.netns} for one in self.endpoints), state="absent")]

    def work(self, name, tasks):
        return ours.Inline(self.way, tasks)

    def create(self):
        return self.work("create", self.tasks())

    def again(self):
        return self.work("again", self.tasks())

    def delete(self):
        return self.work("delete", self.removal())


class GuardedEngine(Engine):
    """The same with guards: each endpoint has a MAC address of its own, and can use no other."""

    def tasks(self):
        netns, bridge, veth, *rest = super().tasks()
        for one, link in zip(self.endpoints, veth.config):
            link["peer"]["mac"] = one.mac
        ends = [
            {"interface": one.host_end, "mac": one.mac, "addresses": [one.address], "bridge": "br0"}
            for one in self.endpoints
        ]
        subnets = [f"10.0.0.0/{LENGTH}"]
        options = {"endpoints": ends, "bridge": {"name": "br0", "addresses": [GATEWAY], "subnets": subnets}}
        guard = ours.task("guard", [{"name": "guard", "tunnel_ports": [8472], "subnets": subnets, **options}])
        return [guard, netns, bridge, veth, *rest]

    def removal(self):
        return [*super().removal(), ours.task("guard", [{"name": "guard"}], state="absent")]


class EngineWithImport(Engine):
    """The same, from the start of its Python."""

    def work(self, name, tasks):
        return ours.fresh(self.way, tasks, SCRATCH, name)


class Shell(Contestant):
    """A shell of ``ip`` commands, as people write them."""

    def lines(self):
        yield from BRIDGE
        for one in self.endpoints:
            yield f"ip netns add {one.netns}"
            yield f"ip link add {one.host_end} type veth peer name eth0 netns {one.netns}"
            yield f"ip link set {one.host_end} master br0 up"
            yield from (f"ip -n {one.netns} {words}" for words in inside(one))

    def create(self):
        return measure.program("sh", "-e", write("create", self.lines()))

    def again(self):
        """Tolerate what is there, as people do."""
        lines = (_repeated(line) for line in self.lines())
        return measure.program("sh", write("again", lines))

    def delete(self):
        return measure.program("sh", "-e", write("delete", (f"ip netns del {one.netns}" for one in self.endpoints)))


def _repeated(line):
    return line.replace(" address add ", " address replace ").replace(" route add ", " route replace ") + " || true"


class Batch(Contestant):
    """``ip -batch``: one for the node, and one in each namespace by ``ip -n``."""

    enter = "ip -n {}"
    ipv6 = True

    def outer(self):
        yield from (line[3:] for line in BRIDGE)
        yield from (f"netns add {one.netns}" for one in self.endpoints)
        for one in self.endpoints:
            up = "up" if self.ipv6 else ""
            yield f"link add {one.host_end} master br0 {up} type veth peer name eth0 netns {one.netns}"
            if not self.ipv6:
                yield f"link set {one.host_end} addrgenmode none"
                yield f"link set {one.host_end} up"

    def inner(self, one):
        return ([] if self.ipv6 else ["link set eth0 addrgenmode none"]) + inside(one)

    def script(self, name, change=lambda line: line, force=""):
        lines = [f"ip {force} -batch {write(name + '-outer', map(change, self.outer()))}"]
        for one in self.endpoints:
            batch = write(f"{name}-{one.netns}", map(change, self.inner(one)))
            lines.append(f"{self.enter.format(one.netns)} {force} -batch {batch}")
        return write(name, lines)

    def create(self):
        return measure.program("sh", "-e", self.script("create"))

    def again(self):
        return measure.program("sh", self.script("again", replacing, "-force"))

    def delete(self):
        return measure.program("ip", "-batch", write("delete", (f"netns del {one.netns}" for one in self.endpoints)))


class TunedBatch(Batch):
    """The best that ``ip -batch`` can: no IPv6 where it is not needed, and into namespaces without copies of all mounts."""

    enter = "nsenter --net=/run/netns/{} ip"
    ipv6 = False


class Cni(Contestant):
    """The CNI plugin bridge with host-local, called as a container runtime calls it. Again: its CHECK."""

    def configuration(self, result=None):
        found = {
            "cniVersion": "0.4.0",
            "name": "bench",
            "type": "bridge",
            "bridge": "br0",
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": f"10.0.0.0/{LENGTH}", "gateway": GATEWAY}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": f"{SCRATCH}/cni",
            },
        }
        return json.dumps({**found, "prevResult": result} if result else found)

    def prepare(self):
        os.environ.update(CNI_PATH=CNI, CNI_IFNAME="eth0")
        write("conf", [self.configuration()])

    def calls(self, command, conf="conf", to="/dev/null"):
        for one in self.endpoints:
            names = {"netns": one.netns}
            yield (
                f"CNI_COMMAND={command} CNI_CONTAINERID={one.netns} CNI_NETNS=/run/netns/{one.netns} {CNI}/bridge"
                f" <{SCRATCH}/{conf.format(**names)} >{to.format(**names)}"
            )

    def create(self):
        add = self.calls("ADD", to=SCRATCH + "/{netns}.added")
        lines = [line for one, call in zip(self.endpoints, add) for line in (f"ip netns add {one.netns}", call)]
        return measure.program("sh", "-e", write("create", lines))

    def again(self):
        return measure.program("sh", "-e", write("again", self.calls("CHECK", conf="{netns}.conf")))

    def delete(self):
        lines = [*self.calls("DEL"), *(f"ip netns del {one.netns}" for one in self.endpoints)]
        return measure.program("sh", "-e", write("delete", lines))

    def check_made(self):
        super().check_made()
        for one in self.endpoints:
            with open(f"{SCRATCH}/{one.netns}.added", encoding="utf-8") as source:
                write(f"{one.netns}.conf", [self.configuration(json.load(source))])


CONTESTANTS = {
    "engine": Engine,
    "engine, with guards": GuardedEngine,
    "engine, with its import": EngineWithImport,
    "site": Site,
    "ip -batch": Batch,
    "ip -batch, tuned": TunedBatch,
    "shell of ip": Shell,
    "CNI bridge": Cni,
    "Ansible script": Script,
    "Ansible loops": Today,
}
