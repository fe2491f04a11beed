# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""testinfra on the nodes of a lab: a backend that enters a node with nsenter(1), some milliseconds for each command."""

import os
import shlex

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
