#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan_fdb
short_description: Manage forwarding entries of VXLAN devices
version_added: 0.1.0
description:
  - Adds, changes and removes the forwarding entries that map a MAC address to a node's address on the underlay (bridge(8),
    fdb, self permanent).
  - The MAC address C(00:00:00:00:00:00) is for unknown ones. It may have many entries, one for each node.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.vxlan
    description: VXLAN devices.
  - module: nodenet.fabric.neighbor
    description: Permanent neighbor entries.
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
      - Address of the node on the underlay. Required to add an entry, and to remove one of C(00:00:00:00:00:00).
    type: str
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(mac) and O(config) is required.
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
          - Namespace of this entry. If omitted, that of the task.
        type: str
      pid:
        description:
          - As O(config[].netns), by the PID of a process in it.
        type: int
      state:
        description:
          - Whether this entry exists. If omitted, as the task says.
        type: str
        choices: [present, absent]
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.set
  - nodenet.fabric.common.promised
  - nodenet.fabric.common.netns
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: A VTEP
  nodenet.fabric.vxlan:
    name: vxlan1
    vni: 1
    local: 192.168.32.245

- name: The entry for the VTEP of a peer
  nodenet.fabric.vxlan_fdb:
    dev: vxlan1
    mac: "02:00:c0:a8:20:f6"
    dst: 192.168.32.246

- name: Remove the entry
  nodenet.fabric.vxlan_fdb:
    dev: vxlan1
    mac: "02:00:c0:a8:20:f6"
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["bridge fdb replace 02:00:c0:a8:20:f6 dev vxlan1 dst 192.168.32.246 self permanent"]
reasons:
  description: Why an object was recreated instead of changed in place.
  returned: when one was recreated
  type: list
  elements: str
stats:
  description: Number of objects observed and changed, seconds in total and for each stage, and counts of netlink requests.
  returned: success
  type: dict
  sample: {observed: 12, changed: 2, seconds: 0.01, stages: {observe: 0.004, plan: 0.001, apply: 0.005}, sockets: 2, sends: 6, requests: 6}
"""

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.vxlan_fdb import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
