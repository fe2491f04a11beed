#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prove
short_description: Prove before the first packet that all pairs reach each other as promised
version_added: 0.1.0
description:
  - Walks a packet from every endpoint and node to every other, and its answer back, through the state of all nodes, and says which
    pairs will reach each other, which will not and by which entry of a table, and whether one will that must not.
  - Who must reach whom is what the role C(nodenet.fabric.verify) asks with packets. A namespace of C(fabric_links) that is no endpoint
    must reach the other ends of its links alone; without C(fabric_masquerade) nothing outside; and a packet to an address that
    nobody has must arrive at nobody, and not go round.
  - Of each pair it also proves that packets of the promised MTU pass, that no filter of the return path drops the answer, and the
    TTL of the answer.
  - By default the state is what the inventory alone declares. No node is connected to. What no variable says (the underlay's
    interface and its router) is assumed. Nodes that declare the same but for their own names and addresses are proven
    once.
  - Fails if a pair does not hold, with the pair and the entry.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - module: nodenet.fabric.matrix
    description: Prints which pairs answer real packets.
  - module: nodenet.fabric.fabric_info
    description: Reads the state of a node.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
options:
  group:
    description:
      - Group of the hosts that are nodes.
    type: str
    default: fabric
  source:
    description:
      - V(declared) is what the inventory alone declares.
      - V(observed) is what each node registered in O(register) as RV(nodenet.fabric.fabric_info#module:network); every pair is walked.
    type: str
    choices: [declared, observed]
    default: declared
  register:
    description:
      - Name of the variable in which each node registered the result of M(nodenet.fabric.fabric_info).
      - Required with O(source=observed) and with O(phases=true).
    type: str
  phases:
    description:
      - Prove the change from what each node registered as RV(nodenet.fabric.fabric_info#module:objects) to what the inventory
        declares, in each of its phases, and while some nodes are done with one and some are not. It fails if a pair that reaches now
        does not in a phase. What does not reach now and will not at the end is a warning.
      - Of more than 12 nodes those are walked that are of different sorts.
    type: bool
    default: false
  cut:
    description:
      - Name of the variable in which each node registered the result of M(nodenet.fabric.probe) for the probes of the filter
        P(nodenet.fabric.probes#filter) with C(cut=true). Those that were answered are printed and returned as RV(cut).
    type: str
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.controller
"""

EXAMPLES = r"""
- name: Prove what the inventory declares
  nodenet.fabric.prove:
  run_once: true

- name: Read the network of each node
  nodenet.fabric.fabric_info:
    network: true
  register: fabric_network

- name: Prove what the nodes have
  nodenet.fabric.prove:
    source: observed
    register: fabric_network
  run_once: true
"""

RETURN = r"""
pairs:
  description: How many pairs must reach each other, published ports among them.
  returned: when O(phases) is false
  type: int
  sample: 12
reach:
  description: How many of these will.
  returned: when O(phases) is false
  type: int
  sample: 12
must_not:
  description: How many pairs must not reach each other, or are to an address that nobody has.
  returned: when O(phases) is false
  type: int
  sample: 8
unproven:
  description: How many packets are to a port that is published at an address that nobody is known to have.
  returned: when O(phases) is false
  type: int
  sample: 0
walked:
  description: How many pairs were walked. Each stands for all that are like it.
  returned: when O(phases) is false
  type: int
  sample: 20
faults:
  description:
    - What does not hold, 1,000 at most, each with C(from), C(to), C(address), what it C(must), for how many C(pairs) it stands, the
      C(reason), the C(hop) where it is decided, and the C(entry) of a table that decides.
  returned: when O(phases) is false
  type: list
  elements: dict
  sample: [{"from": "red", "to": "green", "address": "192.168.15.4", "must": "must", "pairs": 1,
            "reason": "nobody answers ARP for 192.168.15.4 on veth-red", "entry": {"kind": "route"}}]
matrix:
  description:
    - Each sort of pair, with C(from), C(to), C(address), what it C(must), how many C(pairs) it stands for, and whether it C(holds).
  returned: when O(phases) is false
  type: list
  elements: dict
  sample: [{"from": "ns245", "to": "ns246", "address": "172.246.0.2", "must": "must", "pairs": 2, "holds": true}]
phases:
  description:
    - For C(now), C(expand), C(switch), C(contract), and C(on the way to) each of these, how many C(pairs) must reach each other,
      how many C(reach), and C(lost), those that reach now and do not then, as RV(faults).
  returned: when O(phases) is true and no pair is lost
  type: dict
  sample: {"expand": {"pairs": 12, "reach": 12, "lost": []}}
cut:
  description: The pairs that answer now and that C(fabric_policy) cuts, each with C(from), C(to), and C(address).
  returned: when O(phases) is true
  type: list
  elements: dict
  sample: [{"from": "ns246", "to": "ns245", "address": "172.245.0.2"}]
"""
