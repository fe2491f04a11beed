#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: persist
short_description: Keep the fabric over a reboot
version_added: 0.1.0
description:
  - Saves what is ours in the kernel as C(/etc/nodenet/fabric.json), installs the program C(nodenet-fabric), which is the
    engine of this collection as one file, and a systemd unit that has it restore the file at boot, before what waits for
    the network to be online starts, and what is missing of it whenever C(nftables.service) or
    C(networking.service) took it away.
  - Where the uplink has no address yet at boot, what does not stand on it is restored, and the unit tries again every 5
    seconds until all is there.
  - The file is what the kernel has after a good run, so the two cannot disagree. It is written atomically.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.prepare
    description: Prepares a node.
  - module: nodenet.fabric.fabric_info
    description: Reads the kernel's objects.
  - ref: ansible_collections.nodenet.fabric.persist_role
    description: The role C(nodenet.fabric.persist) keeps the fabric over a reboot.
  - name: systemd.unit(5)
    link: https://man7.org/linux/man-pages/man5/systemd.unit.5.html
    description: How systemd orders the unit at boot.
options:
  state:
    description:
      - Whether the fabric is kept. V(absent) removes the units, the program and the file.
    type: str
    choices: [present, absent]
    default: present
  repair:
    description:
      - Whether a timer restores each minute what somebody took away.
    type: bool
    default: false
requirements:
  - systemd
extends_documentation_fragment:
  - nodenet.fabric.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
"""

EXAMPLES = r"""
- name: Keep what is there over a reboot, and repair it each minute
  nodenet.fabric.persist:
    repair: true

- name: Keep nothing
  nodenet.fabric.persist:
    state: absent
"""

RETURN = r"""
objects:
  description: How many objects are kept.
  returned: when O(state=present)
  type: int
  sample: 17
files:
  description: The files that differ from what they are to be, or did.
  returned: success
  type: list
  elements: str
  sample: [/etc/nodenet/fabric.json]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence.install import persist
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded


def main():
    module = AnsibleModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "repair": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    guarded(module, lambda: persist(params["state"] == "present", params["repair"], module.check_mode))


if __name__ == "__main__":
    main()
