#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: neighbor
short_description: Manage permanent neighbor entries
version_added: 0.1.0
description:
  - Adds, changes and removes permanent entries in the neighbor tables of IPv4 and IPv6 (ip-neighbour(8), nud permanent).
  - An entry that the kernel has learned is replaced; it is no conflict.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.vxlan_fdb
    description: Forwarding entries of VXLAN devices.
  - module: nodenet.fabric.proxy_arp
    description: Proxy ARP and proxy NDP.
  - ref: ansible_collections.nodenet.fabric.vxlan_role
    description: The role C(nodenet.fabric.vxlan) makes VXLAN tunnels to the peers.
  - name: ip-neighbour(8)
    link: https://man7.org/linux/man-pages/man8/ip-neighbour.8.html
    description: The commands for neighbors.
options:
  address: &address
    description:
      - Address of the neighbor.
    type: str
  dev: &dev
    description:
      - The interface on which the neighbor is reached.
    type: str
  mac: &mac
    description:
      - Its MAC address. Required to add an entry.
    type: str
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(address) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      address:
        <<: *address
        required: true
      dev:
        <<: *dev
        required: true
      mac: *mac
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
- name: A bridge
  nodenet.fabric.bridge:
    name: br0

- name: Neighbors of both families
  nodenet.fabric.neighbor:
    config:
      - {dev: br0, address: 172.246.0.0, mac: "02:00:00:00:00:02"}
      - {dev: br0, address: "fd46::", mac: "02:00:00:00:00:02"}

- name: Remove one
  nodenet.fabric.neighbor:
    dev: br0
    address: 172.246.0.0
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip neighbor replace 172.246.0.0 lladdr 02:00:00:00:00:02 dev br0 nud permanent"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.neighbor import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
