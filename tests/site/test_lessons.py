# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lessons: each fault has the effect that the list says, the walk names it, it is undone wholly; and the playbooks.

One lab for each example: a fault goes in, a packet asks, the walk is computed from what the nodes have then and compared with
the declared one, the fault is undone, the packet asks again, the next. A fault is tried
once with each attachment; NODENET_LESSONS=all tries it on each node of each example.
"""

import json
import os
import re
import socket
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults import FAULTS, every
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults.fault import ANSWERED, BY, LEARNED, Question
from ansible_collections.nodenet.fabric.plugins.plugin_utils.faults.layout import Layout
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import Entrance, hosts_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.cause import cause
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.drift import drift
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.fabric import Fabric
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.hop import DELIVERED, Place
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import Underlay, node_state
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.walker import walk
from observer import Observer
from rendered import variables_of
from snapshot import differences
from witness import Witness, in_netns

# ipip takes more than this kernel may have
EXAMPLES = [
    "vxlan",
    "red-blue-bridge",
    "calico-routed",
    "host-veth",
    "cross-subnet",
    "dual-stack",
    "red-blue",
    "docker-bridge",
    "host-gw",
    "containers",
]
# as its lab.yml says: a lab's node has no daemons
OF_A_LAB = {"containers": {"fabric_engines": ["systemd"]}}
ALL = bool(os.environ.get("NODENET_LESSONS"))
# seconds: a packet that is answered is answered within a few milliseconds, after ARP too
LONG, SHORT = 2.0, 0.25
# the forwarding entry of vm2 for vm1, in the example vxlan
ENTRY = "02:a9:68:ec:da:2d dev vxlan1 dst 192.168.32.245 self"
STRANGER = "02:00:00:00:00:77"


class Class:
    """A lab whose fabric is whole, and who breaks and asks."""

    def __init__(self, fabric, example):
        self.layout = Layout(fabric_model(variables_of(example, **OF_A_LAB.get(example, {}))))
        self.witness = Witness(fabric.lab, self.layout, ports=[80])
        self._entrances = {node: Entrance(hosts_of(fabric.lab)[node]) for node in self.layout.nodes}
        self.whole = {node: self.witness.state(node) for node in self.layout.nodes}
        self._observer = Observer(self._entrances)
        wide = self.layout.model["fabric"]
        self._underlay = Underlay(wide["fabric_underlay"], [entry["address"] for entry in wide["fabric_outside"]])
        self._declared = self._fabric(declared_states(self.layout.model))

    def run(self, node, commands):
        """Run commands on a node; each must succeed."""
        for command in commands:
            words = [*self._entrances[node].words(), "--", *command]
            found = subprocess.run(words, capture_output=True, text=True, check=False)
            assert found.returncode == 0, f"{node}: {' '.join(command)}: {found.stderr}"

    def ask(self, questions, seconds):
        """Return what is seen of the packet of each question; they are sent at the same time."""
        with ThreadPoolExecutor(len(questions)) as pool:
            return list(pool.map(lambda question: self.witness.ask(question, seconds), questions))

    def learns(self, node):
        """Say whether the node learns from a peer's VXLAN packet where a stranger's MAC address is; of others it takes none."""
        port = self.layout.part(node)["vxlan"]["port"]
        vni = self.layout.part(node)["vxlan"]["vni"]
        # RFC 7348, 5; inside is a frame to a MAC address that nobody has
        frame = bytes.fromhex(f"0200000000aa {STRANGER.replace(':', '')} 88b5") + bytes(46)
        packet = struct.pack("!II", 0x08000000, vni << 8) + frame
        address = self.witness.addresses[node, 4]

        def send():
            with socket.socket(type=socket.SOCK_DGRAM) as one:
                one.sendto(packet, (address, port))

        peer = next(one for one in self.layout.nodes if one != node)
        in_netns(self.witness.netns(peer), send)
        words = [*self._entrances[node].words(), "--", "bridge", "-j", "fdb", "show"]
        asked = Question(self.layout.nodes[0], node)  # a ping takes as long as the packet
        assert node in (asked.source, asked.target) and self.ask([asked], LONG)
        found = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        return any(entry["mac"] == STRANGER for entry in found)

    def walked(self, question):
        """Return (the walk of a question's packet over what the nodes have now, why it is another than the declared one)."""
        fabric = self._fabric(self._observer.read(self.layout.nodes))
        asked = {**question._asdict(), "from": question.source, "to": question.target}
        del asked["source"], asked["target"]
        places = self._places(question.family)
        walks = [walk(one, None, asked, places) for one in (fabric, self._declared)]
        return walks[0], cause(*walks, drift(fabric, self._declared))

    def _fabric(self, states):
        return Fabric([node_state(state) for state in states.values()], self._underlay)

    def _places(self, family):
        """Return label -> the end of a walk."""
        found = {}
        for node in self.layout.nodes:
            ends = [*self.layout.ends(node), *(end for link in self.layout.links(node) for end in link)]
            for label, netns in [(node, ""), *((end.label, end.netns) for end in ends)]:
                found[label] = Place(label, node, netns, self.witness.addresses.get((label, family)) or "")
        for entry in self.layout.model["fabric"]["fabric_outside"]:
            found[entry["name"]] = Place(entry["name"], None, "", entry["address"])
        return found

    def close(self):
        self._observer.close()
        self.witness.close()
        for entrance in self._entrances.values():
            entrance.close()


@pytest.fixture
def school(fabric):
    """Return a function that makes the lab of an example with its fabric, and who asks in it."""
    made = []

    def make(example):
        one = fabric(example)
        one.play("site")
        made.append(Class(one, example))
        return made[-1]

    yield make
    for one in made:
        one.close()


def lesson(pupils, broken):
    """Yield what is wrong with the lesson of one fault, a line each."""
    fault, case = broken.fault, broken.case
    small = case.question._replace(protocol="icmp", port=None, size=None)
    questions = [case.question] if small == case.question else [case.question, small]
    whole = pupils.ask(questions, LONG)
    if not all(seen["answered"] for seen in whole):
        yield f"before it: {whole}"
    if fault.effect == LEARNED and pupils.learns(broken.node):
        yield "it learns before it"
    yield from whole_walk(pupils, case.question)
    pupils.run(broken.node, case.commands)
    seen = pupils.ask(questions, SHORT)
    if seen[-1]["answered"] != fault.ping:
        yield f"a ping: {seen[-1]}"
    if fault.effect == LEARNED:
        if not pupils.learns(broken.node):
            yield "it learns nothing"
        pupils.run(
            broken.node, [["bridge", "fdb", "del", STRANGER, "dev", pupils.layout.part(broken.node)["vxlan"]["name"]]]
        )
    elif fault.effect == ANSWERED:
        if seen[0]["answered"]:
            yield f"{case.question} is answered: {seen}"
    elif seen[0].get(fault.effect) in (None, whole[0][fault.effect]):
        yield f"{fault.effect} is the same: {seen}"
    yield from misnamed(broken, *pupils.walked(case.question))
    pupils.run(broken.node, case.undo)
    if pupils.ask(questions, LONG) != whole:
        yield "its undo does not repair it"
    yield from differences(pupils.whole[broken.node], pupils.witness.state(broken.node))


def whole_walk(pupils, question):
    """Yield what is wrong with the walk before a fault. (A packet that is larger than the MTU does not pass whole.)"""
    found, why = pupils.walked(question)
    mtu = pupils.layout.part(pupils.layout.nodes[0])["mtu"]
    if found.verdict != DELIVERED and (question.size or 0) <= mtu:
        yield f"the walk before it: {found.verdict}, {found.forward.reason or found.reverse.reason}"
    if why is not None:
        yield f"named before it: {why['cause']}"


def misnamed(broken, found, why):
    """Yield what is wrong with the cause that a walk names."""
    entry = broken.case.entry
    if why is None:
        yield f"the walk names nothing: {found.verdict}"
        return
    there = why["entry"] or {"kind": None, "text": ""}
    if (why["direction"], why["where"]) != (entry.direction, [entry.node, entry.netns]) or there["kind"] != entry.kind:
        yield f"the walk names {why['cause']}, in {why['where']}, not {entry}"
    elif not all(word in there["text"] for word in entry.names):
        yield f"the walk names {there['text']}, not {entry.names}"
    # whether a program listens where a connection ends up, no table says
    passes = broken.fault.effect not in (ANSWERED, BY) or broken.case.question.protocol == "tcp"
    if (found.verdict == DELIVERED) != passes:
        yield f"the walk's verdict is {found.verdict}"


def plan():
    """Return example -> the faults that are tried there."""
    seen, found = set(), {}
    for example in EXAMPLES:
        model = fabric_model(variables_of(example, **OF_A_LAB.get(example, {})))
        layout = Layout(model)
        attached = {end.label: end.attachment for node in layout.nodes for end in layout.ends(node)}
        for broken in every(model):
            key = broken.fault.name, attached.get(broken.case.question.source, "bridge")
            if ALL or key not in seen:
                seen.add(key)
                found.setdefault(example, []).append(broken)
    return found


PLAN = plan()


@pytest.mark.parametrize("example", PLAN)
def test_each_fault_has_its_effect_and_is_undone_wholly(school, example):
    pupils = school(example)
    wrong = [
        f"{broken.fault.name} on {broken.node}: {line}" for broken in PLAN[example] for line in lesson(pupils, broken)
    ]
    assert wrong == []


def test_every_fault_is_tried():
    assert {broken.fault.name for tried in PLAN.values() for broken in tried} == set(FAULTS)


# --- the playbooks ---


def test_break_says_nothing_verify_fails_the_walk_names_it_and_mend_repairs(fabric):
    one = fabric("vxlan")
    refused = one.play("break", "-e", "break_fault=blackhole", fails=True)
    assert "has no endpoints yet, and nothing to break: run nodenet.fabric.site" in refused
    one.play("site")
    before = one.snapshots(one.nodes())
    planned = one.play("break", "-e", "break_fault=no-fdb-entry", "-e", "break_node=vm2", "--check")
    assert "One fault would be put into the lab" in planned
    one.on("vm2", f"test ! -e /run/nodenet-lesson.json && bridge fdb del {ENTRY}")  # it was there
    half = one.play("break", "-e", "break_fault=no-fdb-entry", "-e", "break_node=vm2", fails=True)
    assert "vm2 is not arranged as the inventory says, so that nothing was broken" in half
    one.on("vm2", f"bridge fdb replace {ENTRY} permanent")
    said = one.play("break", "-e", "break_fault=no-fdb-entry", "-e", "break_node=vm2")
    assert "One fault is in the lab" in said and "forwarding entry" not in said
    assert "ns246 -> ns245 (172.245.0.2): no answer" in one.play("verify", fails=True)
    walked = one.play("walk", "-e", "walk_from=ns246", "-e", "walk_to=ns245", fails=True)
    assert re.search("the forwarding entry ..:.* dst 192.168.32.245 self permanent is missing, in vm2", walked)
    again = one.play("break", "-e", "break_seed=2", fails=True)
    assert "a fault is in the lab" in again
    mended = one.play("mend")
    assert "A VTEP has no forwarding entry for a peer (no-fdb-entry, on vm2)" in mended
    assert "12 of 12 pairs answer" in mended and "bridge fdb del" in mended
    assert one.snapshots(one.nodes()) == before


def test_break_lists_the_faults_and_refuses_what_is_none(fabric):
    one = fabric("host-gw")
    listed = one.play("break", "-e", "break_fault=help")
    assert "no-forwarding" in listed and "A node does not forward" in listed and "no-fdb-entry" not in listed
    said = one.play("break", "-e", "break_fault=nothing", fails=True)
    assert "there is no fault 'nothing'" in said and "A node does not forward" in said


def test_nodes_that_are_no_lab_are_refused(fabric):
    one = fabric("host-gw", up=False)
    (one.inventory / "lab.yml").unlink()
    for playbook in ("break", "mend"):
        said = one.play(playbook, fails=True)
        assert "only nodes of a lab are broken" in said and "vm1 (ssh), vm2 (ssh)" in said


def test_without_a_lab_that_runs_it_says_so(fabric):
    one = fabric("host-gw", up=False)
    assert "has no running node vm1: start it with nodenet.fabric.lab_up" in one.play("break", fails=True)
