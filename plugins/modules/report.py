#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write a page that shows the fabric, who reaches whom, and the way of each packet
version_added: 0.1.0
description:
  - Writes one HTML file that works without a network. It shows the topology, a matrix of who reaches whom, what is other than the
    inventory says (drift), and for a pair the walk of a packet and of its answer, step by step, with the table entry that decides
    at each.
  - The walks are predicted from the nodes' tables, as M(nodenet.fabric.fabric_info) returns them with
    O(nodenet.fabric.fabric_info#module:network=true). For nodes that were not asked, or could not be, from what the inventory
    says.
  - It runs on the controller. Run it once for a play, with the strategy linear.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.fabric_info
    description: Reads what a node's tables say.
  - module: nodenet.fabric.matrix
    description: Prints who reaches whom, as packets have shown it.
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
options:
  inventory:
    description:
      - RV(nodenet.fabric.validate#module:fabric_inventory).
    type: dict
    required: true
  register:
    description:
      - Name of the variable in which each node registered the result of M(nodenet.fabric.fabric_info). If omitted, all of the page
        is what the inventory says.
    type: str
  path:
    description:
      - File on the controller to write. A relative path begins where ansible-playbook was called. A file that shows the same fabric
        is left as it is. By default C(fabric.html), or C(fabric.mmd) of O(format=mermaid).
    type: path
  format:
    description:
      - V(html) is the page. V(mermaid) is the topology alone, as a flowchart in Mermaid's language, which GitHub and GitLab draw in a
        README within a fenced block C(mermaid).
    type: str
    choices: [html, mermaid]
    default: html
  title:
    description:
      - Heading of the page; if omitted, C(Fabric) and the name of the inventory's folder.
    type: str
  pairs:
    description:
      - How many pairs are walked at most. Of a larger fabric each two nodes have a pair first, and the page says how many were left
        out.
    type: int
    default: 2500
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.controller
"""

EXAMPLES = r"""
- name: Check the inventory
  nodenet.fabric.validate:
  register: fabric_checked
  run_once: true

- name: Read the tables of every node
  nodenet.fabric.fabric_info:
    network: true
  register: report_network
  ignore_errors: true
  ignore_unreachable: true

- name: Write the report
  nodenet.fabric.report:
    inventory: "{{ fabric_checked.fabric_inventory }}"
    register: report_network
    path: /tmp/fabric.html
  run_once: true
"""

RETURN = r"""
path:
  description: The file, absolute.
  returned: success
  type: str
  sample: /home/me/fabric.html
size:
  description: Its size in bytes.
  returned: success
  type: int
  sample: 61422
pairs:
  description: How many pairs of a source and a target there are.
  returned: success
  type: int
  sample: 12
walked:
  description: How many of them were walked.
  returned: success
  type: int
  sample: 12
promised:
  description: How many of those the inventory promises.
  returned: success
  type: int
  sample: 10
reach:
  description: How many of the promised ones reach each other, both ways.
  returned: success
  type: int
  sample: 10
drift:
  description: How many places of the nodes are other than the inventory says.
  returned: success
  type: int
  sample: 0
not_asked:
  description: Nodes that could not be asked, and why.
  returned: success
  type: dict
  sample: {}
"""
