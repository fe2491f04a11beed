# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node
author: The nodenet.fabric authors (@nodenet)
version_added: 0.1.0
short_description: The model of one node
description:
  - Reads the C(fabric_*) variables of all hosts of a group, checks them as M(nodenet.fabric.validate) does, and returns the model
    of one node for the roles, such as its endpoints with their addresses, its peers with their subnets, its MTU and its
    masqueraded prefixes.
  - The inventory is read once in a run of Ansible, for all roles and hosts. It is read again if the variables of the host have
    changed, or after M(nodenet.fabric.validate).
  - It fails and names all faults if the inventory has any.
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - plugin: nodenet.fabric.inventory
    plugin_type: lookup
    description: The model of the fabric.
  - plugin: nodenet.fabric.each
    plugin_type: filter
    description: Fills in a template for each item of a list.
options:
  _terms:
    description: Name of the node, a host of the group. By default the host of the task.
    type: str
  part:
    description:
      - Return only this part of the node, such as V(bridge) or V(peers).
      - It fails for the part of a role that the inventory does not use on the node, such as V(vxlan) with the backend V(host_gw).
    type: str
  group:
    description: Group of the hosts that are nodes.
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

from ..plugin_utils.reader import node_of, part_of


class LookupModule(LookupBase):
    """Reads one node."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        names, part = terms or [variables["inventory_hostname"]], self.get_option("part")
        nodes = [node_of(variables, str(name), self.get_option("group")) for name in names]
        return [part_of(node, part) for node in nodes] if part else nodes
