# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of one node: namespace, veth, loopback, address, default route and bridge port for each; made, made again, removed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from . import measure, ours
from .places import ANSIBLE, CNI, PLAYBOOK, SCRATCH
from .work import Phase, shell, write

GATEWAY, LENGTH = "10.0.0.1", 16


@dataclass(frozen=True)
class Endpoint:
    """Number 1, 2, …: all names and addresses come from it."""

    number: int

    @property
    def netns(self):
        return f"ns{self.number}"

    @property
    def host_end(self):
        return f"h{self.number}"

    @property
    def address(self):
        high, low = divmod(self.number + 1, 256)  # after the gateway's
        return f"10.0.{high}.{low}"

    @property
    def prefix(self):
        return f"{self.address}/{LENGTH}"


class Contestant:
    """A way to make endpoints. Each writes its scripts in ``prepare``, which is not measured."""

    def __init__(self, size):
        self.endpoints = [Endpoint(number) for number in range(1, size + 1)]

    def prepare(self):
        """Make what the work needs beforehand."""

    def create(self):
        raise NotImplementedError

    def again(self):
        raise NotImplementedError

    def delete(self):
        raise NotImplementedError

    def phases(self):
        return [
            Phase("create", self.create(), self.check_made),
            Phase("again", self.again(), self.check_made),
            Phase("delete", self.delete(), self.check_gone, lambda: not host_ends()),
        ]

    def check_made(self):
        """See that all is there, and that packets pass between the first, the last and the bridge."""
        names = set(os.listdir("/run/netns"))
        lacking = [one for one in self.endpoints if one.netns not in names]
        if lacking or host_ends() != len(self.endpoints):
            raise measure.Failed(f"lacks namespaces {lacking[:3]} or host ends: {host_ends()}")
        first, last = self.endpoints[0], self.endpoints[-1]
        for one, target in ((first, GATEWAY), (last, GATEWAY), (first, last.address)):
            shell(f"ip netns exec {one.netns} ping -q -n -c 1 -W 2 {target}")

    def check_gone(self):
        left = [one.netns for one in self.endpoints if os.path.exists(f"/run/netns/{one.netns}")]
        if left:
            raise measure.Failed(f"not removed: {left[:3]}")


def host_ends():
    """Return how many host ends of veths the node has: all that begin with h, veth or v-."""
    with open("/proc/self/net/dev", encoding="ascii") as source:
        return sum(line.lstrip().startswith(("h", "v")) for line in source)


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


BRIDGE = ["ip link add br0 type bridge", f"ip address add {GATEWAY}/{LENGTH} dev br0", "ip link set br0 up"]


def inside(one):
    """Return what ``ip`` is told inside of an endpoint."""
    return [
        "link set lo up",
        f"address add {one.prefix} dev eth0",
        "link set eth0 up",
        f"route add default via {GATEWAY}",
    ]


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
        return measure.program("sh", self.script("again", _replacing, "-force"))

    def delete(self):
        return measure.program("ip", "-batch", write("delete", (f"netns del {one.netns}" for one in self.endpoints)))


def _replacing(line):
    return line.replace("address add ", "address replace ").replace("route add ", "route replace ")


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


class Play(Contestant):
    """Something that ``ansible-playbook`` runs on this node."""

    def prepare(self):
        self.inventory = write("hosts.json", [json.dumps({"fabric": {"hosts": {"node": self.variables()}}})])

    def variables(self):
        return {"ansible_connection": "local"}

    def playbook(self, name, tasks, **variables):
        """Return the piece of work that is a playbook of these tasks."""
        play = {"hosts": "fabric", "gather_facts": False, "vars": variables, "tasks": tasks}
        return self.run(write(name + ".json", [json.dumps([play])]))

    def run(self, playbook):
        return measure.program(PLAYBOOK, "-i", self.inventory, playbook, env=ANSIBLE)


class Today(Play):
    """Ansible as people write it today: a loop for each step, each of an endpoint a task of its own."""

    def steps(self, again=False):
        yield {"community.general.ip_netns": {"name": "{{ item.netns }}"}}
        for line in (
            "ip link add {{ item.host_end }} type veth peer name eth0 netns {{ item.netns }}",
            "ip link set {{ item.host_end }} master br0 up",
            *(f"ip -n {{{{ item.netns }}}} {words}" for words in inside(_Templated)),
        ):
            creates = {"creates": "/proc/sys/net/ipv4/conf/{{ item.host_end }}"} if "link add" in line else {}
            yield {"ansible.builtin.command": {"cmd": _replacing(line) if again else line, **creates}}

    def loops(self, steps):
        ends = [{"netns": one.netns, "host_end": one.host_end, "prefix": one.prefix} for one in self.endpoints]
        return [{**step, "loop": ends, "loop_control": {"label": "{{ item.netns }}"}} for step in steps]

    def create(self):
        bridge = [{"ansible.builtin.command": {"cmd": line}} for line in BRIDGE]
        return self.playbook("create", bridge + self.loops(self.steps()))

    def again(self):
        return self.playbook("again", self.loops(self.steps(again=True)))

    def delete(self):
        step = {"community.general.ip_netns": {"name": "{{ item.netns }}", "state": "absent"}}
        return self.playbook("delete", self.loops([step]))


class _Templated:
    prefix = "{{ item.prefix }}"


class Script(Play):
    """The strongest that a clever user writes: one task with a templated script of the best of ``ip -batch``."""

    template = """\
set -e
ip {force} -batch - <<END
{bridge}
{{% for item in ends %}}
netns add {{{{ item.netns }}}}
link add {{{{ item.host_end }}}} master br0 type veth peer name eth0 netns {{{{ item.netns }}}}
link set {{{{ item.host_end }}}} addrgenmode none
link set {{{{ item.host_end }}}} up
{{% endfor %}}
END
{{% for item in ends %}}
nsenter --net=/run/netns/{{{{ item.netns }}}} ip {force} -batch - <<END
link set eth0 addrgenmode none
{inside}
END
{{% endfor %}}
"""

    def task(self, name, force="", change=lambda line: line):
        text = self.template.format(
            force=force,
            bridge="\n".join(change(line[3:]) for line in BRIDGE),
            inside="\n".join(change(line) for line in inside(_Templated)),
        )
        if force:
            text = text.replace("set -e\n", "").replace("<<END", "<<END || true")
        path = write(name + ".j2", [text])
        tell = {"cmd": "sh", "stdin": f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}"}
        ends = [{"netns": one.netns, "host_end": one.host_end, "prefix": one.prefix} for one in self.endpoints]
        return self.playbook(name, [{"ansible.builtin.command": tell}], ends=ends)

    def create(self):
        return self.task("create")

    def again(self):
        return self.task("again", "-force", _replacing)

    def delete(self):
        path = write("delete.j2", ["{% for item in ends %}", "netns del {{ item }}", "{% endfor %}"])
        tell = {"cmd": "ip -batch -", "stdin": f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}"}
        return self.playbook("delete", [{"ansible.builtin.command": tell}], ends=[one.netns for one in self.endpoints])


class Site(Play):
    """Ours, whole: the playbooks site and teardown."""

    UNDERLAY = "192.168.0.1"

    def prepare(self):
        # the node's own address, which site looks for
        shell(
            "ip link add uplink type veth peer name wire && ip link set uplink up && ip link set wire up"
            f" && ip address add {self.UNDERLAY}/24 dev uplink"
        )
        super().prepare()

    def variables(self):
        return {
            **super().variables(),
            "ansible_become": False,
            "fabric_persist": False,  # a sandbox boots nothing
            "fabric_node_address": self.UNDERLAY,
            "fabric_node_subnet": f"10.0.0.0/{LENGTH}",
            "fabric_endpoints": [{"name": one.netns, "address": one.address} for one in self.endpoints],
        }

    def create(self):
        return self.run("nodenet.fabric.site")

    again = create

    def delete(self):
        return self.run("nodenet.fabric.teardown")


CONTESTANTS = {
    "engine": Engine,
    "engine, with its import": EngineWithImport,
    "site": Site,
    "ip -batch": Batch,
    "ip -batch, tuned": TunedBatch,
    "shell of ip": Shell,
    "CNI bridge": Cni,
    "Ansible script": Script,
    "Ansible loops": Today,
}
