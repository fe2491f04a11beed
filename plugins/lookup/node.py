# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node
author: The nodenet.fabric authors (@nodenet)
version_added: 0.1.0
short_description: What the roles need of one node
description:
  - Reads the C(fabric_*) variables of every host of a group, checks them as M(nodenet.fabric.validate) does, and returns what
    the roles need of one node, its endpoints with their addresses, its peers with their subnets, its MTU, what is
    masqueraded.
  - The inventory is read once in a run of Ansible, whatever roles and hosts ask for it, and again where the variables of the
    host that asks have changed, or M(nodenet.fabric.validate) was run in between.
  - It fails, and names every fault, where the inventory has any.
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - plugin: nodenet.fabric.inventory
    plugin_type: lookup
    description: The fabric as the inventory describes it.
  - plugin: nodenet.fabric.each
    plugin_type: filter
    description: Fills in a template for each item of a list.
options:
  _terms:
    description: Name of the node, a host of the group; by default the host that the task is for.
    type: str
  part:
    description:
      - The part of the node that is returned, such as V(bridge) or V(peers), instead of all of it.
      - It fails for the part of a role that the inventory does not use on the node, such as V(vxlan) where C(fabric_backend)
        is V(host_gw).
    type: str
  group:
    description: The group whose hosts are the nodes.
    type: str
    default: fabric
"""

EXAMPLES = r"""
- name: Show which peers the node has
  ansible.builtin.debug:
    msg: "{{ lookup('nodenet.fabric.node', part='peers') }}"
"""

RETURN = r"""
_raw:
  description: The node, with C(bridge), C(routed), C(direct), C(peers), C(masquerade), C(mtu) and more.
  type: list
  elements: raw
"""

from ansible.plugins.lookup import LookupBase

from ..plugin_utils.inventory.reader import node_of, part_of


class LookupModule(LookupBase):
    """Reads one node."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        names, part = terms or [variables["inventory_hostname"]], self.get_option("part")
        nodes = [node_of(variables, str(name), self.get_option("group")) for name in names]
        return [part_of(node, part) for node in nodes] if part else nodes
