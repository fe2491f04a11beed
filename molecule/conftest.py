# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""testinfra on the nodes of a lab: a backend that enters a node with nsenter(1), some milliseconds for each command."""

import os
import shlex
from contextlib import contextmanager

import pytest
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


@pytest.fixture
def node():
    """Return a function that gives testinfra's host for a node's name."""
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
    found = host.run(f"{inside}ping -n -c 1 -W 1 {' '.join(options)} {target}")
    return int(found.stdout.split("ttl=")[1].split()[0]) if found.rc == 0 else None
