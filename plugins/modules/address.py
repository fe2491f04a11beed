#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: address
short_description: Addresses of interfaces
version_added: 0.1.0
description:
  - Gives interfaces addresses, IPv4 and IPv6 alike (ip-address(8)).
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
      - The address with the length of its prefix, such as V(10.0.0.1/24) or V(fd00::1/64).
    type: str
  dev: &dev
    description:
      - The interface.
    type: str
  broadcast: &broadcast
    description:
      - IPv4 alone. The broadcast address, such as V(10.0.0.255). An empty text stands for none; unset, it is left as it is, and
        a new address has none. The kernel changes it on no address that is there, which is then made anew.
    type: str
  scope: &scope
    description:
      - Where the address is valid (rtnetlink(7)).
    type: str
    choices: [global, link, host]
  nodad: &nodad
    description:
      - IPv6 alone. Whether the address is used at once, without asking whether somebody else has it (RFC 4862, 5.4).
    type: bool
  noprefixroute: &noprefixroute
    description:
      - Whether the kernel leaves out the route to the address's prefix.
    type: bool
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
      broadcast: *broadcast
      scope: *scope
      nodad: *nodad
      noprefixroute: *noprefixroute
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
    - The commands of ip-link(8) and its kin, sysctl(8) and nft(8) that do by hand what the task did, in order.
      In check mode, what it would do.
  returned: success
  type: list
  elements: str
  sample: ["ip address add 10.15.10.1/24 dev lab-br0"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.address import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
