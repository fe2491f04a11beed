# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of one node as playbooks make them: ours, a loop for each step, one templated script."""

from __future__ import annotations

import json

from . import measure
from .endpoint import BRIDGE, LENGTH, Contestant, inside, replacing
from .places import ANSIBLE, PLAYBOOK
from .work import shell, write


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
            yield {"ansible.builtin.command": {"cmd": replacing(line) if again else line, **creates}}

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
        command = {"cmd": "sh", "stdin": f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}"}
        ends = [{"netns": one.netns, "host_end": one.host_end, "prefix": one.prefix} for one in self.endpoints]
        return self.playbook(name, [{"ansible.builtin.command": command}], ends=ends)

    def create(self):
        return self.task("create")

    def again(self):
        return self.task("again", "-force", replacing)

    def delete(self):
        path = write("delete.j2", ["{% for item in ends %}", "netns del {{ item }}", "{% endfor %}"])
        command = {"cmd": "ip -batch -", "stdin": f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}"}
        return self.playbook(
            "delete", [{"ansible.builtin.command": command}], ends=[one.netns for one in self.endpoints]
        )


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
