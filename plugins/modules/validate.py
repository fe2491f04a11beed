#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Check the whole inventory on the controller
version_added: 0.1.0
description:
  - Checks the C(fabric_*) variables of all hosts of a group, even if the play is limited to some, and reports all faults at
    once.
  - It runs on the controller and connects to no node. Run it once for a play.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.prove
    description: Proves what the inventory declares, or what the nodes have.
  - module: nodenet.fabric.probe
    description: Pings, measures paths and checks ports on a node.
  - plugin: nodenet.fabric.inventory
    plugin_type: lookup
    description: The model of the fabric.
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: The model of one node.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
options:
  group:
    description:
      - Group of the hosts that are nodes.
    type: str
    default: fabric
  return_inventory:
    description:
      - Whether to return RV(fabric_inventory). Ansible copies what a task returns for every host of the play.
    type: bool
    default: true
  proof:
    description:
      - Also walk a packet of every pair through what the inventory declares, as M(nodenet.fabric.prove) does, and refuse an inventory
        whose plan cannot carry what it promises.
    type: bool
    default: false
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.controller
"""

EXAMPLES = r"""
- name: Check the whole inventory
  nodenet.fabric.validate:
  register: fabric_checked
  run_once: true
"""

RETURN = r"""
fabric_inventory:
  description: The fabric as the inventory describes it, as the lookup P(nodenet.fabric.inventory#lookup) returns it.
  returned: when there is no fault, and O(return_inventory) is true
  type: dict
  sample: {"fabric": {"fabric_backend": "host_gw"}, "nodes": {"vm1": {"fabric_node_subnet": "172.245.0.0/24"}}}
faults:
  description: All faults, a sentence for each.
  returned: when there are any
  type: list
  elements: str
  sample: ["vm2: endpoint ns246 has 172.246.0.1, which is the address of the node's bridge in 172.246.0.0/24."]
"""
