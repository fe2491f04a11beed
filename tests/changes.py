# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a fabric of two nodes with two endpoints each, for ``tests/site`` and the benchmark: a walk that changes everything."""

import time
from typing import NamedTuple

from loss import End, Traffic

LAB = {
    "ansible_connection": "nodenet.fabric.lab",
    "ansible_become": False,
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "ansible_remote_tmp": "/run/ansible",
}
NODES, LETTERS = (1, 2), "ab"
# counted in each step, at least; how long it goes on after a change
PACKETS, SETTLED = 10_000, 0.3
BACKENDS = {"H": "host_gw", "V": "vxlan"}
ATTACHMENTS = {"B": "bridge", "R": "routed"}
# each of the four states to each other: every edge of the graph once
CIRCUIT = ("HB", "VB", "HB", "HR", "HB", "VR", "VB", "HR", "VB", "VR", "HR", "VR", "HB")


class Step(NamedTuple):
    """What ``site`` is to change the fabric to.

    :param kind: one of those whose twin loses.
    """

    name: str
    kind: str
    variables: dict
    nodes: tuple = NODES
    letters: str = LETTERS
    net: int = 1
    publish: bool = False


def state(word, **variables):
    """Return the variables of a state such as HB."""
    return {"fabric_backend": BACKENDS[word[0]], "fabric_attachment": ATTACHMENTS[word[1]], **variables}


def named(word):
    return f"{BACKENDS[word[0]]}, {ATTACHMENTS[word[1]]}"


START = Step("start", "", state("HB"))


def circuit():
    """Yield the steps over every ordered pair of backend and attachment."""
    for before, after in zip(CIRCUIT, CIRCUIT[1:]):
        kind = "backend" if before[1] == after[1] else "attachment" if before[0] == after[0] else "both"
        yield Step(f"{named(before)} -> {named(after)}", kind, state(after))


def vxlan():
    """Yield the steps from and to a VXLAN with bridges."""
    yield Step("another VNI", "VNI", state("VB", fabric_vxlan_vni=7))
    yield Step("another port", "port", state("VB", fabric_vxlan_vni=7, fabric_vxlan_port=4789))
    yield Step("MTU down", "MTU down", state("VB", fabric_vxlan_vni=7, fabric_vxlan_port=4789, fabric_mtu=1400))
    yield Step("MTU up", "MTU up", state("VB", fabric_vxlan_vni=7, fabric_vxlan_port=4789))


def tour():
    """Yield all steps in which endpoints keep their addresses: the circuit, with those of VXLAN where it first comes by."""
    first, *others = circuit()
    return [first, *vxlan(), *others]


def others():
    """Yield the steps that are not about those who talk."""
    yield Step("an endpoint more", "", state("HB"), letters="abc")
    yield Step("an endpoint fewer", "", state("HB"))
    yield Step("a node more", "", state("HB"), nodes=(1, 2, 3))
    yield Step("a node fewer", "", state("HB"))
    yield Step("a published port more", "", state("HB"), publish=True)
    yield Step("a published port fewer", "", state("HB"))


SUBNETS = [Step("another subnet", "subnet", state("HB"), net=2)]


def endpoint(number, letter):
    return f"{letter}{number}"


def address(number, letter, net=1, version=4):
    last = ord(letter) - ord("a") + 2
    return f"10.{net}.{number}.{last}" if version == 4 else f"fd0{net}:{number}::{last}"


def inventory(step):
    """Return the inventory, as plain data."""
    hosts = {}
    for number in step.nodes:
        ends = [
            {
                "name": endpoint(number, letter),
                "address": address(number, letter, step.net),
                "address6": address(number, letter, step.net, 6),
            }
            for letter in step.letters
        ]
        hosts[f"node{number}"] = {
            "fabric_node_address": f"192.168.32.{number}",
            "fabric_node_address6": f"fd32::{number}",
            "fabric_node_subnet": f"10.{step.net}.{number}.0/24",
            "fabric_node_subnet6": f"fd0{step.net}:{number}::/64",
            "fabric_endpoints": ends,
        }
        if step.publish:
            published = {"protocol": "tcp", "port": 8080, "endpoint": endpoint(number, "b"), "to_port": 80}
            hosts[f"node{number}"]["fabric_publish"] = [published]
    return {"fabric": {"vars": {**LAB, **step.variables}, "hosts": hosts}}


def pairs(holders, nets=(1,)):
    """Return who talks: over the nodes by IPv4 and by IPv6, and on one node.

    :param holders: host of the lab -> pid of the process that holds it.
    """

    def end(number, letter, version=4):
        namespace = f"/proc/{holders[f'node{number}']}/root/run/netns/{endpoint(number, letter)}"
        addresses = tuple(address(number, letter, net, version) for net in nets)
        return End(f"{endpoint(number, letter)}, IPv{version}", namespace, addresses)

    return [(end(1, "a"), end(2, "a")), (end(1, "a", 6), end(2, "a", 6)), (end(1, "a"), end(1, "b"))]


def walk(steps, change, holders, nets=(1,)):
    """Let endpoints talk while the fabric takes these steps, and return the Result.

    :param change: brings the fabric to a step.
    :param nets: all networks that endpoints get their addresses from on the way.
    """
    watch = {host: f"/proc/{pid}/ns/net" for host, pid in holders.items()}
    with Traffic(pairs(holders, nets), tcp=len(nets) == 1, watch=watch) as traffic:
        for step in steps:
            traffic.part(step.name)
            enough = time.monotonic() + PACKETS / len(traffic.flows) / traffic.rate
            change(step)
            time.sleep(max(SETTLED, enough - time.monotonic()))
        return traffic.stop()
