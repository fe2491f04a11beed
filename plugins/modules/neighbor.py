#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: neighbor
short_description: Permanent neighbors
version_added: 0.1.0
description:
  - Writes down which MAC address a neighbor has (ip-neighbour(8), nud permanent), for ARP and neighbour discovery
    alike.
  - What the kernel learned by itself is replaced, and stands in the way of nothing.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.vxlan_fdb
    description: Which node a MAC address is behind.
  - module: nodenet.fabric.proxy_arp
    description: Answers to ARP for addresses of others.
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
      - The interface behind which it is.
    type: str
  mac: &mac
    description:
      - Its MAC address. Needed to make an entry.
    type: str
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(address) and O(config) is needed.
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
    - The commands of ip-link(8) and its kin, sysctl(8) and nft(8) that do by hand what the task did, in order.
      In check mode, what it would do.
  returned: success
  type: list
  elements: str
  sample: ["ip neighbor replace 172.246.0.0 lladdr 02:00:00:00:00:02 dev br0 nud permanent"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.neighbor import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
