#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: matrix
short_description: Print who reaches whom, and fail if somebody does not
version_added: 0.1.0
description:
  - Puts together what M(nodenet.fabric.probe) found on each node of the play, and prints it as a matrix; a cell holds
    the TTL
    of the answer. Above 20 targets the matrix is one of nodes. It runs on the controller. Run it once for a play, with the
    strategy linear.
  - Fails if a pair or a published port did not answer or a node could not be asked, and says which.
    Many silent pairs of two nodes are one line.
  - In check mode it asks nothing where the fabric is not as the inventory says yet.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.probe
    description: Asks by packets on a node.
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) proves the fabric by packets.
  - name: ping(8)
    link: https://man7.org/linux/man-pages/man8/ping.8.html
    description: The program that asks the same by hand.
options:
  inventory:
    description:
      - What M(nodenet.fabric.validate) returned as RV(nodenet.fabric.validate#module:fabric_inventory).
    type: dict
    required: true
  register:
    description:
      - Name of the variable in which each node registered what M(nodenet.fabric.probe) found.
    type: str
    required: true
  format:
    description:
      - What to print.
    type: str
    choices: [text, json]
    default: text
  before:
    description:
      - Only refuse a strategy in which hosts do not wait for each other (free, host_pinned), in a task before anybody is asked.
    type: bool
    default: false
  output:
    description:
      - A file on the controller that gets the result as JSON.
    type: path
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.controller
"""

EXAMPLES = r"""
- name: Check the inventory
  nodenet.fabric.validate:
  register: fabric_checked
  run_once: true

- name: Ask expectations
  nodenet.fabric.probe:
    probes: "{{ fabric_checked.fabric_inventory | nodenet.fabric.probes(inventory_hostname) }}"
  register: verify_probed

- name: Show who reaches whom
  nodenet.fabric.matrix:
    inventory: "{{ fabric_checked.fabric_inventory }}"
    register: verify_probed
  run_once: true
"""

RETURN = r"""
pairs:
  description: Every pair that was asked.
  returned: with O(format=json), or with -v
  type: list
  elements: dict
  sample: [{"source": "ns245", "target": "ns246", "address": "172.246.0.2", "ok": true, "ttl": 62, "reason": ""}]
ports:
  description: Every published port that was asked, and by how many.
  returned: with O(format=json), or with -v
  type: list
  elements: dict
  sample: [{"node": "host1", "protocol": "tcp", "port": 80, "address": "192.168.1.2", "endpoint": "blue", "asked": 3, "ok": true}]
asked:
  description: Number of pairs.
  returned: always
  type: int
  sample: 6
answered:
  description: Number of pairs that answered.
  returned: always
  type: int
  sample: 6
"""
