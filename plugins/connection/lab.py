# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command on a host of a lab."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lab
author: The nodenet.fabric authors (@nodenet)
short_description: Run tasks on the nodes of a lab
version_added: 0.1.0
description:
  - Runs tasks in the namespaces of a node that M(nodenet.fabric.lab) created on this machine, with nsenter(1). The node shares the
    files of this machine, except for C(/run), C(/proc) and C(/sys).
  - The router and the hosts of C(fabric_outside) are reached by their names, with C(delegate_to) and this connection.
  - Tasks run as root of the node, without C(become). If necessary, a user namespace provides that.
seealso:
  - module: nodenet.fabric.lab
    description: Makes and ends a lab.
  - ref: ansible_collections.nodenet.fabric.lab_role
    description: The role C(nodenet.fabric.lab) makes the lab of an inventory.
  - name: nsenter(1)
    link: https://man7.org/linux/man-pages/man1/nsenter.1.html
    description: The program that enters namespaces.
options:
  node:
    description: Name of the node.
    type: str
    vars:
      - name: inventory_hostname
  lab:
    description: Name of the lab. If omitted, it is derived from the inventory's folder.
    type: str
    vars:
      - name: fabric_lab
  inventory:
    description: The inventory's folder.
    type: str
    vars:
      - name: inventory_dir
  inventory_sources:
    description: Sources of the inventory, for a host that is not in it.
    type: list
    elements: str
    default: []
    vars:
      - name: ansible_inventory_sources
  pipelining:
    description: Whether modules are sent to the node's Python directly, without a file.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
notes:
  - Needs nsenter of util-linux on this machine.
"""

import os
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import PATH, Entrance, hosts_of, runs
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.topology import lab_name

display = Display()
# with it Python reads a module that comes by its standard input byte by byte; no SSH server would pass it on
UNBUFFERED = "PYTHONUNBUFFERED"


class Connection(ConnectionBase):
    """Enters a host by the process that holds it."""

    transport = "nodenet.fabric.lab"
    has_pipelining = True
    has_tty = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._entrance = None

    def _connect(self):
        if self._entrance and not runs(self._entrance.process):  # the lab has been made anew meanwhile, or ended
            self.close()
        if self._entrance is None:
            self._entrance = self._open()
            self._connected = True
        return self

    def _open(self):
        # inventory_hostname is that of the host that delegates (Ansible sets it so); an ansible_host is for real machines
        node = str(getattr(self._play_context, "delegate_to", None) or self.get_option("node"))
        lab = lab_name(self.get_option("lab"), self.get_option("inventory"), self.get_option("inventory_sources"))
        try:
            entrance = Entrance(hosts_of(lab)[node])
        except (KeyError, OSError) as missing:
            raise AnsibleConnectionFailure(
                f"the lab {lab!r} has no running node {node!r}: start it with"
                " ansible-playbook -i INVENTORY nodenet.fabric.lab_up"
            ) from missing
        display.vvv(f"entering lab {lab}, process {entrance.process.pid}", host=node)
        return entrance

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Run a shell command; return its code, output and errors."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], input=in_data or b"", stdout=subprocess.PIPE)

    def put_file(self, in_path, out_path):
        """Copy a file of this machine to the node."""
        super().put_file(in_path, out_path)
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"there is no file {in_path}")
        with open(in_path, "rb") as source:
            code, _out, err = self._run(["/bin/sh", "-c", 'cat > "$0"', out_path], stdin=source)
        if code:
            raise AnsibleConnectionFailure(f"could not write {out_path}: {err.decode(errors='replace').strip()}")

    def fetch_file(self, in_path, out_path):
        """Copy a file of the node to this machine."""
        super().fetch_file(in_path, out_path)
        with open(out_path, "wb") as target:
            code, _out, err = self._run(["cat", "--", in_path], stdin=subprocess.DEVNULL, stdout=target)
        if code:
            raise AnsibleConnectionFailure(f"could not read {in_path}: {err.decode(errors='replace').strip()}")

    def reset(self):
        """Look for the node anew."""
        self.close()

    def close(self):
        """Let go of the node."""
        if self._entrance:
            self._entrance.close()
        self._entrance, self._connected = None, False

    def _run(self, command, **streams):
        """Run a program in the node.

        The standard folders are added to PATH: an ordinary user's has no C(ip) and C(nft) in it.
        """
        self._connect()
        environment = {name: value for name, value in os.environ.items() if name != UNBUFFERED}
        environment["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}".lstrip(":")
        words = [*self._entrance.words(), "--", *command]
        try:
            found = subprocess.run(words, stderr=subprocess.PIPE, check=False, env=environment, **streams)
        except FileNotFoundError as missing:
            raise AnsibleConnectionFailure(f"{words[0]} is missing on this machine: install util-linux") from missing
        return found.returncode, found.stdout or b"", found.stderr
