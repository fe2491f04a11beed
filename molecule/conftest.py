# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""testinfra on the nodes of a lab: a backend that enters a node with nsenter(1), some milliseconds for each command.

With ``NODENET_OVERLAY``, the inventory by which virtual machines are reached, the same on these over SSH.
"""

import os
import shlex
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import by_hand, hosts_of
from testinfra.backend.local import LocalBackend
from testinfra.host import Host


class LabBackend(LocalBackend):
    """Runs each command on a node of a lab."""

    NAME = "nodenet-lab"

    def __init__(self, process):
        super().__init__()
        self.words = by_hand(process)

    def run(self, command, *args, **kwargs):
        return self.run_local(shlex.join([*self.words, "sh", "-c", self.get_command(command, *args)]))


class MachineBackend(LocalBackend):
    """Runs each command on a virtual machine as root."""

    NAME = "nodenet-machine"

    def __init__(self, words):
        super().__init__()
        self.words = words

    def run(self, command, *args, **kwargs):
        inside = shlex.join(["sudo", "sh", "-c", self.get_command(command, *args)])
        return self.run_local(shlex.join([*self.words, inside]))


def machines(overlay):
    """Return host -> the words that lead into its machine, over the connection that Ansible has there."""
    fabric = yaml.safe_load(Path(overlay).read_text(encoding="utf-8"))["fabric"]
    key, user = fabric["vars"]["ansible_ssh_private_key_file"], fabric["vars"]["ansible_user"]
    share = "-o ControlMaster=auto -o ControlPersist=60s -o ControlPath"
    return {
        host: shlex.split(
            f"ssh -F none -i {key} -p {said['ansible_port']} {said['ansible_ssh_common_args']}"
            f" {share}={said['ansible_control_path']} {user}@{said['ansible_host']}"
        )
        for host, said in fabric["hosts"].items()
    }


@pytest.fixture
def node():
    """Return a function that gives testinfra's host for a node's name."""
    if "NODENET_OVERLAY" in os.environ:
        ways = machines(os.environ["NODENET_OVERLAY"])
        return lambda name: Host(MachineBackend(ways[name]))
    found = hosts_of(os.environ["NODENET_LAB_NAME"])
    return lambda name: Host(LabBackend(found[name]))


@contextmanager
def without(host, remove, restore):
    """Take a part away on ``host`` and put it back afterwards, so that what it is for can be seen to need it."""
    host.check_output(remove)
    try:
        yield
    finally:
        host.check_output(restore)


def ttl(host, netns, target, *options):
    """Return the TTL of the answer that ``target`` gives to a namespace of ``host``; None: there is none."""
    inside = f"ip netns exec {netns} " if netns else ""
    found = host.run(f"{inside}ping -n -c 1 -W 2 {' '.join(options)} {target}")
    return int(found.stdout.split("ttl=")[1].split()[0]) if found.rc == 0 else None
