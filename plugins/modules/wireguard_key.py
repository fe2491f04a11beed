#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wireguard_key
short_description: A WireGuard key that never leaves its node
version_added: 0.1.0
description:
  - Makes a private key on the node, in a file of its own in C(/etc/nodenet/wireguard) with mode 0600, and returns the public key.
    M(nodenet.fabric.wireguard) takes that as O(nodenet.fabric.wireguard#module:public_key).
  - The file is removed with the device that has the key, and when the fabric is saved while nothing has it.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.wireguard
    description: WireGuard devices.
options:
  public_key:
    description:
      - Public key of a private key that is on the node. If it is there, no other is made.
    type: str
  renew:
    description:
      - Make another key in any case. The one of O(public_key) stays.
    type: bool
    default: false
extends_documentation_fragment:
  - nodenet.fabric.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Without O(public_key) each run makes another key.
  platform:
    support: full
    platforms: linux
"""

EXAMPLES = r"""
- name: A key of the node's own
  nodenet.fabric.wireguard_key:
  register: made

- name: The same again
  nodenet.fabric.wireguard_key:
    public_key: "{{ made.public_key }}"
"""

RETURN = r"""
public_key:
  description: The public key. In check mode it is missing if one would be made.
  returned: success, if there is one
  type: str
  sample: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.wireguard import key_of
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys


def perform(params, check):
    """Return the module's result for ``params``."""
    public = params["public_key"] and keys.encoded(key_of(params["public_key"], "public_key"))
    if public and not params["renew"] and keys.find(keys.private_path(public)):
        return {"changed": False, "public_key": public}
    return {"changed": True, **({} if check else {"public_key": keys.make_private()})}


def main():
    module = AnsibleModule(
        {"public_key": {"type": "str", "no_log": False}, "renew": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
