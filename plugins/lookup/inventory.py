# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory
author: The nodenet.fabric authors (@nodenet)
version_added: 0.1.0
short_description: The fabric as the inventory describes it
description:
  - Reads the C(fabric_*) variables of all hosts of a group, checks them as M(nodenet.fabric.validate) does, and returns the model
    of the fabric.
  - The inventory is read once in a run of Ansible. It is read again if the variables of the host have changed, or after
    M(nodenet.fabric.validate).
  - It fails and names all faults if the inventory has any.
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: The model of one node.
options:
  _terms:
    description: Group of the hosts that are nodes; V(fabric) if omitted.
    type: str
"""

EXAMPLES = r"""
- name: Show which hosts are nodes
  ansible.builtin.debug:
    msg: "{{ lookup('nodenet.fabric.inventory').nodes.keys() | list }}"
"""

RETURN = r"""
_raw:
  description: The fabric, as RV(nodenet.fabric.validate#module:fabric_inventory).
  type: list
  elements: dict
"""

from ansible.plugins.lookup import LookupBase

from ..plugin_utils.reader import GROUP, model_of


class LookupModule(LookupBase):
    """Reads the whole inventory."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return [model_of(variables, str(group)) for group in terms or [GROUP]]
