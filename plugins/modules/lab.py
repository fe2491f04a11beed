#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: The nodes of an inventory, as namespaces of this machine
version_added: 0.1.0
description:
  - Makes the nodes of an inventory on the controller, each a network, mount, UTS and PID namespace, joined by the
    underlay that the inventory describes, one L2 or several with a router between. The hosts of C(fabric_outside) are
    made too.
  - Everything lies in one sandbox. Nothing shows in the machine's own network, and when the lab ends nothing is left.
    An ordinary user can have labs too, where the machine allows user namespaces.
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
      - Whether the lab runs. A lab that was made from another inventory, or that has lost a node, is made anew as a
        whole.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Name of the lab; unset, that of the variable C(fabric_lab), or derived from the inventory's folder.
    type: str
  group:
    description:
      - The group whose hosts are the nodes.
    type: str
    default: fabric
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
requirements:
  - nsenter of util-linux, on the controller
notes:
  - Two labs of one name do not run at once for a user. The name comes from the inventory's folder, so copies of it are
    labs of their own.
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
  description: The hosts of the lab, with those outside and the router.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [vm1, vm2]
enter:
  description: For each host of the lab the words before a command that is to run there.
  returned: when O(state=present)
  type: dict
  sample: {"vm1": "nsenter -t 4711 -m -n -p -u"}
look:
  description: A command line that shows the addresses of the first node from inside; in check mode none if it does not run.
  returned: when O(state=present)
  type: str
  sample: nsenter -t 4711 -m -n -p -u /usr/sbin/ip -br a
"""
