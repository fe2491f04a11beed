# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: secret_keys
author: The nodenet.fabric authors (@nodenet)
version_added: 0.1.0
short_description: The secret keys of one node
description:
  - Derives the secret keys that the node's backend needs, as the option C(keys) of M(nodenet.fabric.arrange) takes them. With
    the backend V(wireguard) these are the node's private key and its preshared keys.
  - The keys are in nothing else that the collection returns, nor in its files on the controller but for the queue of a run of
    C(nodenet.fabric.site), which only the user of Ansible can read. Do not print them, and give them to options that are not
    logged.
  - No key is returned that was made on the node, or if the inventory has no secret.
seealso:
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: The model of one node, with public keys and digests.
  - module: nodenet.fabric.arrange
    description: Objects of several kinds in one transaction.
options:
  _terms:
    description: Name of the node, a host of the group. By default the host of the task.
    type: str
  group:
    description: Group of the hosts that are nodes.
    type: str
    default: fabric
"""

EXAMPLES = r"""
- name: Show how many keys the node needs, and none of them
  ansible.builtin.debug:
    msg: "{{ lookup('nodenet.fabric.secret_keys').values() | flatten | length }}"
"""

RETURN = r"""
_raw:
  description: The keys, with lists C(private) and C(preshared), or an empty dictionary.
  type: list
  elements: dict
"""

from ansible.plugins.lookup import LookupBase

from ..plugin_utils.reader import keys_of


class LookupModule(LookupBase):
    """Derives the keys of one node."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        names = terms or [variables["inventory_hostname"]]
        return [keys_of(variables, str(name), self.get_option("group")) for name in names]
