#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: Run the nodes of an inventory as namespaces of this machine
version_added: 0.1.0
description:
  - Creates the nodes of an inventory on the controller, each with a network, mount, UTS and PID namespace, joined by the
    underlay that the inventory describes, one L2 segment or several with a router between. It also creates the hosts of
    C(fabric_outside).
  - Everything runs in one sandbox. The machine's own network is not changed, and nothing is left when the lab ends. Users
    without root can run labs if the machine allows user namespaces.
  - Run it once for a play. Tasks reach the nodes by the connection P(nodenet.fabric.lab#connection).
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - plugin: nodenet.fabric.lab
    plugin_type: connection
    description: Runs tasks on the nodes of a lab.
  - ref: ansible_collections.nodenet.fabric.lab_role
    description: The role C(nodenet.fabric.lab) makes the lab of an inventory.
  - name: namespaces(7)
    link: https://man7.org/linux/man-pages/man7/namespaces.7.html
    description: The kernel's namespaces.
options:
  state:
    description:
      - Whether the lab runs. A lab that was started from another inventory, or that has lost a node, is started anew.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the lab. If omitted, the variable C(fabric_lab), or a name derived from the inventory's folder.
    type: str
  group:
    description:
      - Group of the hosts that are nodes.
    type: str
    default: fabric
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
requirements:
  - nsenter of util-linux, on the controller
notes:
  - A user can run one lab of a name at a time. Copies of an inventory's folder have names of their own.
"""

EXAMPLES = r"""
- name: Start the lab
  nodenet.fabric.lab:
  run_once: true

- name: End it
  nodenet.fabric.lab:
    state: absent
  run_once: true
"""

RETURN = r"""
lab:
  description: Name of the lab.
  returned: success
  type: str
  sample: host-gw-1c5f0f2e
hosts:
  description: The hosts of the lab, with the hosts outside and the router.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [vm1, vm2]
enter:
  description: For each host of the lab the command prefix that runs a command there.
  returned: when O(state=present)
  type: dict
  sample: {"vm1": "nsenter -t 4711 -m -n -p -u"}
look:
  description: A command that shows the addresses of the first node. In check mode empty if the lab does not run.
  returned: when O(state=present)
  type: str
  sample: nsenter -t 4711 -m -n -p -u /usr/sbin/ip -br a
"""
