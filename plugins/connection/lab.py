# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command on a node of a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lab
author: The nodenet.fabric authors (@nodenet)
short_description: Run tasks on the nodes of a lab
version_added: 0.1.0
description:
  - Enters the namespaces of a node that M(nodenet.fabric.lab) made on this machine, with nsenter(1), and runs there
    what
    Ansible asks for.
options:
  node:
    description: Name of the node.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_host
  lab:
    description: Name of the lab; unset, it is derived from the inventory's folder.
    type: str
    vars:
      - name: fabric_lab
  inventory:
    description: The inventory's folder.
    type: str
    vars:
      - name: inventory_dir
  pipelining:
    description: Whether modules are sent to the node's Python directly, without a file.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
"""

import os
import subprocess

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import PATH, entering, host_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name

display = Display()


class Connection(ConnectionBase):
    """Enters a node by the process that holds it."""

    transport = "nodenet.fabric.lab"
    has_pipelining = True
    has_tty = False

    def _connect(self):
        if not self._connected:
            lab, node = lab_name(self.get_option("inventory"), self.get_option("lab")), self.get_option("node")
            holder = host_of(lab, node)
            if holder is None:
                raise AnsibleConnectionFailure(
                    f"the lab {lab!r} has no running node {node!r}: start it with"
                    " ansible-playbook -i INVENTORY nodenet.fabric.lab_up"
                )
            self._words = entering(holder.pid)
            self._connected = True
            display.vvv(f"entering node {node} of lab {lab}, process {holder.pid}", host=node)
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        with open(in_path, "rb") as source:
            code, _out, err = self._run(["/bin/sh", "-c", 'cat > "$0"', out_path], source.read())
        if code:
            raise AnsibleConnectionFailure(f"could not write {out_path}: {err.decode(errors='replace')}")

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        code, out, err = self._run(["cat", in_path], None)
        if code:
            raise AnsibleConnectionFailure(f"could not read {in_path}: {err.decode(errors='replace')}")
        with open(out_path, "wb") as target:
            target.write(out)

    def close(self):
        self._connected = False

    def _run(self, command, data):
        self._connect()
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{PATH}"}
        found = subprocess.run(
            [*self._words, "--", *command],
            input=data if data is not None else b"",
            capture_output=True,
            check=False,
            env=environment,
        )
        return found.returncode, found.stdout, found.stderr
