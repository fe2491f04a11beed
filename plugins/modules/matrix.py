#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: matrix
short_description: Print the reachability matrix, and fail if a pair does not answer
version_added: 0.1.0
description:
  - Collects the results of M(nodenet.fabric.probe) of all nodes of the play and prints them as a matrix. A cell is the TTL
    of the answer. With more than 20 targets, rows and columns are nodes.
  - Fails if a pair or a published port did not answer, a path has a fault, or a node could not be asked, and names them.
    Many silent pairs between two nodes are one line.
  - It runs on the controller. Run it once for a play, with the strategy linear.
  - In check mode it is skipped as long as a node is not arranged as in the inventory.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.walk
    description: The way of one packet, hop by hop.
  - module: nodenet.fabric.probe
    description: Pings, measures paths and checks ports on a node.
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
  - name: ping(8)
    link: https://man7.org/linux/man-pages/man8/ping.8.html
    description: The program that sends the same pings.
options:
  inventory:
    description:
      - RV(nodenet.fabric.validate#module:fabric_inventory).
    type: dict
    required: true
  register:
    description:
      - Name of the variable in which each node registered the result of M(nodenet.fabric.probe).
    type: str
    required: true
  format:
    description:
      - Format of the output.
    type: str
    choices: [text, json]
    default: text
  before:
    description:
      - Only fail if the play has a strategy in which hosts do not wait for each other (free, host_pinned). Use it in a task
        before the probes.
    type: bool
    default: false
  earlier:
    description:
      - Name of the variable in which each node registered an earlier result of the same probes. Then nothing is printed, and the
        task fails only if a pair that answered earlier does not answer now.
    type: str
  containers:
    description:
      - Name of the variable in which each node registered the result of M(nodenet.fabric.fabric_info) for its engines. Then their
        running containers are sources and targets, too, as with P(nodenet.fabric.with_containers#filter), and the last line says
        how many of each engine.
    type: str
  output:
    description:
      - A file on the controller to write the result to, as JSON.
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

- name: Ping every endpoint
  nodenet.fabric.probe:
    probes: "{{ fabric_checked.fabric_inventory | nodenet.fabric.probes(inventory_hostname) }}"
  register: verify_probed

- name: Show the matrix
  nodenet.fabric.matrix:
    inventory: "{{ fabric_checked.fabric_inventory }}"
    register: verify_probed
  run_once: true
"""

RETURN = r"""
pairs:
  description: All pairs of a source and a target.
  returned: with O(format=json), or with -v
  type: list
  elements: dict
  sample: [{"source": "ns245", "target": "ns246", "address": "172.246.0.2", "ok": true, "ttl": 62, "reason": ""}]
ports:
  description: All published ports that were checked, with the number of sources.
  returned: with O(format=json), or with -v
  type: list
  elements: dict
  sample: [{"node": "host1", "protocol": "tcp", "port": 80, "address": "192.168.1.2", "endpoint": "blue", "asked": 3, "ok": true}]
faults:
  description: With O(earlier), a line for each pair that answered and does not any more; a line for many between two nodes.
  returned: when there are any
  type: list
  elements: str
  sample: ["ns245 -> ns246 (172.246.0.2): no answer"]
asked:
  description: Number of pairs.
  returned: without O(earlier)
  type: int
  sample: 6
answered:
  description: Number of pairs that answered.
  returned: without O(earlier)
  type: int
  sample: 6
"""
