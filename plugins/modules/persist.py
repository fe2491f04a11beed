#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: persist
short_description: Restore the fabric at boot
version_added: 0.1.0
description:
  - Saves the collection's objects in the kernel to C(/etc/nodenet/fabric.json), and installs the program C(nodenet-fabric),
    the engine of this collection in one file, with systemd units.
  - The units restore the objects at boot, before C(network-online.target), and restore missing ones after
    C(nftables.service) or C(networking.service) has removed them.
  - If the uplink has no address yet at boot, the objects that do not depend on it are restored, and the unit tries again every
    5 seconds until all are.
  - The file is written atomically, from what the kernel has after a successful run.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.prepare
    description: Prepares a node.
  - module: nodenet.fabric.fabric_info
    description: Reads the kernel's objects.
  - ref: ansible_collections.nodenet.fabric.persist_role
    description: The role C(nodenet.fabric.persist) restores the fabric at boot.
  - name: systemd.unit(5)
    link: https://man7.org/linux/man-pages/man5/systemd.unit.5.html
    description: How systemd orders the unit at boot.
options:
  state:
    description:
      - Whether the fabric is restored at boot. V(absent) removes the units, the program and the file.
    type: str
    choices: [present, absent]
    default: present
  repair:
    description:
      - Whether a timer restores missing objects every minute.
    type: bool
    default: false
requirements:
  - systemd
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: Restore the fabric at boot, and missing objects every minute
  nodenet.fabric.persist:
    repair: true

- name: Restore nothing
  nodenet.fabric.persist:
    state: absent
"""

RETURN = r"""
objects:
  description: Number of saved objects.
  returned: when O(state=present)
  type: int
  sample: 17
files:
  description: The files that were, or in check mode would be, changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/nodenet/fabric.json]
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence.install import OPTIONS, persist
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded

if TYPE_CHECKING:  # what the program nodenet-fabric consists of is sent to the node, and not loaded
    from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli  # noqa: F401


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    guarded(module, lambda: persist(**module.params, check=module.check_mode))


if __name__ == "__main__":
    main()
