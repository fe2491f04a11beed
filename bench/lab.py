# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All nodes of an inventory, each a namespace of this machine."""

from __future__ import annotations

import os
import subprocess

from . import measure
from .controller import Inventory
from .places import ANSIBLE, PLAYBOOK
from .work import Phase


class Lab(Inventory):
    """All nodes, each a namespace of this machine, with as many forks as Ansible has by itself."""

    variables = {
        "ansible_connection": "nodenet.fabric.lab",
        "ansible_become": False,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_remote_tmp": "/run/ansible",
    }

    def phases(self):
        def nothing():
            return None

        return [
            Phase("lab up", self.play("lab_up"), nothing),
            Phase("all nodes", self.play("site"), nothing),
            Phase("all nodes again", self.play("site"), self.check),
            Phase("lab down", self.play("lab_down"), nothing),
        ]

    def check(self):
        """Prove it with packets, where that does not take longer than all the rest."""
        if self.size <= 10:
            words = [PLAYBOOK, "-i", self.path, "nodenet.fabric.verify"]
            found = subprocess.run(words, env={**os.environ, **ANSIBLE}, capture_output=True, text=True, check=False)
            if found.returncode != 0:
                raise measure.Failed(found.stdout[-3000:] + found.stderr[-1000:])


CONTESTANTS = {"site, all nodes": Lab}
