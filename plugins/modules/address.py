#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: address
short_description: Manage addresses of interfaces
version_added: 0.1.0
description:
  - Adds, changes and removes IPv4 and IPv6 addresses of interfaces (ip-address(8)).
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.veth
    description: Pairs of interfaces that join namespaces.
  - module: nodenet.fabric.bridge
    description: Bridges.
  - ref: ansible_collections.nodenet.fabric.direct_role
    description: The role C(nodenet.fabric.direct) joins namespaces by veths.
  - name: ip-address(8)
    link: https://man7.org/linux/man-pages/man8/ip-address.8.html
    description: The commands for addresses.
options:
  address: &address
    description:
      - The address with its prefix length, such as V(10.0.0.1/24) or V(fd00::1/64).
    type: str
  dev: &dev
    description:
      - The interface.
    type: str
  broadcast: &broadcast
    description:
      - IPv4 only. The broadcast address, such as V(10.0.0.255). The empty string is none. If omitted, it is not changed, and a
        new address has none. The kernel cannot change it on an existing address, which is then recreated.
    type: str
  scope: &scope
    description:
      - Scope of the address (ip-address(8)).
    type: str
    choices: [global, link, host]
  nodad: &nodad
    description:
      - IPv6 only. Whether the address is used at once, without duplicate address detection (RFC 4862, 5.4).
    type: bool
  noprefixroute: &noprefixroute
    description:
      - Whether the kernel adds no route to the address' prefix.
    type: bool
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
      broadcast: *broadcast
      scope: *scope
      nodad: *nodad
      noprefixroute: *noprefixroute
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
    name: lab-br0

- name: Its addresses of both families
  nodenet.fabric.address:
    config:
      - {dev: lab-br0, address: 10.15.10.1/24, broadcast: 10.15.10.255}
      - {dev: lab-br0, address: "fd00:15:10::1/64", nodad: true}

- name: Remove one
  nodenet.fabric.address:
    dev: lab-br0
    address: 10.15.10.1/24
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip address add 10.15.10.1/24 dev lab-br0"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.address import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
