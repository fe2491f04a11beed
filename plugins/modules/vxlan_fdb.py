#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan_fdb
short_description: Forwarding entries of VXLAN devices
version_added: 0.1.0
description:
  - Writes down which node of the underlay a MAC address is behind (bridge(8), fdb, self permanent).
  - The address C(00:00:00:00:00:00), for all that is not known, may be behind many nodes, an entry for each.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.vxlan
    description: VXLAN devices.
  - module: nodenet.fabric.neighbor
    description: MAC addresses of neighbors.
  - ref: ansible_collections.nodenet.fabric.vxlan_role
    description: The role C(nodenet.fabric.vxlan) makes VXLAN tunnels to the peers.
  - name: bridge(8)
    link: https://man7.org/linux/man-pages/man8/bridge.8.html
    description: The commands for bridge ports and forwarding entries.
  - name: VXLAN in the kernel
    link: https://docs.kernel.org/networking/vxlan.html
    description: The device and its forwarding entries.
options:
  mac: &mac
    description:
      - The MAC address.
    type: str
  dev: &dev
    description:
      - The VXLAN device.
    type: str
  dst: &dst
    description:
      - Address of the node on the underlay. Needed to make an entry, and for the address of zeroes to remove one.
    type: str
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(mac) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      mac:
        <<: *mac
        required: true
      dev:
        <<: *dev
        required: true
      dst: *dst
      netns:
        description:
          - The namespace of this entry, where it is not that of the task.
        type: str
      pid:
        description:
          - As O(config[].netns), by the number of a process in it.
        type: int
      state:
        description:
          - Whether this entry is there, where it is not as the task says.
        type: str
        choices: [present, absent]
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.promised
  - nodenet.fabric.common.netns
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
- name: A VTEP
  nodenet.fabric.vxlan:
    name: vxlan1
    vni: 1
    local: 192.168.32.245

- name: A peer's VTEP is behind its node
  nodenet.fabric.vxlan_fdb:
    dev: vxlan1
    mac: "02:00:c0:a8:20:f6"
    dst: 192.168.32.246

- name: No longer
  nodenet.fabric.vxlan_fdb:
    dev: vxlan1
    mac: "02:00:c0:a8:20:f6"
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The commands of ip-link(8) and its kin, sysctl(8) and nft(8) that do by hand what the task did, in order.
      In check mode, what it would do.
  returned: success
  type: list
  elements: str
  sample: ["bridge fdb replace 02:00:c0:a8:20:f6 dev vxlan1 dst 192.168.32.246 self permanent"]
reasons:
  description: Why an object was made anew instead of changed in place.
  returned: when one was
  type: list
  elements: str
stats:
  description: How many objects were observed and changed, the seconds that it and each stage took, what was asked of netlink.
  returned: success
  type: dict
  sample: {observed: 12, changed: 2, seconds: 0.01, stages: {observe: 0.004, plan: 0.001, apply: 0.005}, sockets: 2, sends: 6, requests: 6}
"""

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.vxlan_fdb import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
