# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of an example on one L2, each a process with a network and a /run of its own, and traffic while they change."""

import ctypes
import json
import os
import subprocess
import sys
import time
import traceback
from multiprocessing import get_context
from pathlib import Path

import trials
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange

sys.path.insert(0, str(Path(__file__).parent.parent))
import rendered
from loss import End, Traffic

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PHASES = ("expand", "switch", "contract")
UNDERLAY = {"vm1": (245, "02:00:00:00:01:f5"), "vm2": (246, "02:00:00:00:01:f6")}
_libc = ctypes.CDLL(None, use_errno=True)


def _sh(command):
    found = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{command}: {found.stderr}"
    return found.stdout


def _arranged(parameters):
    found = arrange(parameters, False)
    return {name: found[name] for name in ("changed", "commands", "reasons", "remaining", "phases") if name in found}


def _live(channel):
    """Be a node: do what comes through ``channel`` until it ends."""
    assert _libc.unshare(CLONE_NEWNET | CLONE_NEWNS) == 0
    assert _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) == 0
    assert _libc.mount(b"tmpfs", b"/run", b"tmpfs", ctypes.c_ulong(0), None) == 0
    channel.send(os.getpid())
    while True:
        try:
            what, argument = channel.recv()
        except EOFError:
            os._exit(0)
        try:
            channel.send(("", {"sh": _sh, "arrange": _arranged}[what](argument)))
        except BaseException:  # pylint: disable=broad-exception-caught
            channel.send((traceback.format_exc(), None))


class Node:
    """One node."""

    def __init__(self):
        context = get_context("fork")
        self._channel, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._channel.recv()

    def _asked(self, *what):
        self._channel.send(what)
        problem, found = self._channel.recv()
        assert not problem, problem
        return found

    def sh(self, command):
        """Run a shell command and return what it prints."""
        return self._asked("sh", command)

    def arrange(self, parameters):
        """Run arrange and return its result."""
        return self._asked("arrange", json.loads(json.dumps(parameters)))

    def end(self):
        """End the process; its namespaces end with it."""
        self._process.kill()
        self._process.join()


class Fleet:
    """The nodes of an example.

    :param changed: laid over the variables of the group.
    """

    def __init__(self, example="host-gw", **changed):
        self.example = example
        self.nodes = {name: Node() for name in UNDERLAY}
        one, other = self.nodes.values()
        one.sh(f"ip link add eth0 type veth peer name eth0 netns {other.pid}")
        for name, (number, mac) in UNDERLAY.items():
            self.nodes[name].sh(
                f"ip link set lo up; sysctl -qw net.ipv6.conf.eth0.accept_dad=0; ip link set eth0 address {mac} up;"
                f" ip addr add 192.168.32.{number}/24 dev eth0; ip addr add fd32::{number}/64 dev eth0 nodad"
            )
        self.parameters = {}
        self.declare(**changed)
        self.settle()

    def declare(self, change=lambda hosts: None, **changed):
        """Change the inventory: variables of the group, and what ``change`` does to those of the hosts."""
        hosts = rendered.variables_of(self.example, **changed)
        for variables in hosts.values():
            variables.pop("fabric_outside", None)
        change(hosts)
        base = trials.parameters(self.example, None)
        self.parameters = {name: {**base, **rendered.arranged(hosts, name)} for name in self.nodes}

    def phase(self, phase, pause=0.05):
        """Do one phase, or with None all at once, on one node after the other; return their results."""
        found = {}
        for name, node in self.nodes.items():
            found[name] = node.arrange({**self.parameters[name], "phase": phase})
            time.sleep(pause)
        return found

    def settle(self):
        """Do all at once; afterwards nothing is left to do."""
        self.phase(None, 0)
        assert not any(found["changed"] for found in self.phase(None, 0).values())

    def in_phases(self, traffic=None, pause=0.05):
        """Do all three phases; afterwards nothing is left to do."""
        for phase in PHASES:
            if traffic:
                traffic.part(phase)
            found = self.phase(phase, pause)
            assert not any(PHASES[0] in one["remaining"] for one in found.values())
        assert not any(one["remaining"] for one in found.values())

    def end_of(self, host, netns, *addresses):
        """Return an endpoint for :class:`Traffic`; without a namespace the node itself."""
        pid = self.nodes[host].pid
        place = f"/proc/{pid}/root/run/netns/{netns}" if netns else f"/proc/{pid}/ns/net"
        return End(netns or host, place, addresses)

    def traffic(self, *pairs, **options):
        """Return Traffic between pairs of endpoints, by default the examples' two."""
        pairs = pairs or ((self.end_of("vm1", "ns245", "172.245.0.2"), self.end_of("vm2", "ns246", "172.246.0.2")),)
        return Traffic(list(pairs), **options)

    def close(self):
        """End the nodes."""
        for node in self.nodes.values():
            node.end()
