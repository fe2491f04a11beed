#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: route
short_description: Routes
version_added: 0.1.0
description:
  - Makes, changes and removes routes, IPv4 and IPv6 alike (ip-route(8)).
  - A route is found by its table, prefix and metric. Ours carry the protocol number 178.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.neighbor
    description: MAC addresses of neighbors.
  - module: nodenet.fabric.forwarding
    description: Forwarding between interfaces.
  - ref: ansible_collections.nodenet.fabric.host_gw_role
    description: The role C(nodenet.fabric.host_gw) makes plain routes to the peers' subnets.
  - name: ip-route(8)
    link: https://man7.org/linux/man-pages/man8/ip-route.8.html
    description: The commands for routes.
options:
  prefix: &prefix
    description:
      - Where the route leads, such as V(10.1.0.0/24); V(default) for everything else, of the family of O(via), or
        IPv4.
    type: str
  via: &via
    description:
      - Address of the gateway.
    type: str
  dev: &dev
    description:
      - The interface. Unset, the kernel takes the one on whose link the gateway is.
    type: str
  type: &type
    description:
      - V(unicast) leads somewhere; the others refuse the packet, V(blackhole) without a word.
    type: str
    choices: [unicast, blackhole, unreachable, prohibit]
    default: unicast
  scope: &scope
    description:
      - IPv4 alone. V(link) for what is on the link itself, V(global) for what is behind a gateway. Unset, as ip-
        route(8) chooses.
    type: str
    choices: [global, link, host]
  onlink: &onlink
    description:
      - Take the gateway to be on the link of O(dev) although no address says so.
    type: bool
  metric: &metric
    description:
      - Of several routes to one prefix the one with the lowest metric is taken. IPv6 makes 1024 of 0.
    type: int
    default: 0
  table: &table
    description:
      - Number of the routing table; 254 is the main one.
    type: int
    default: 254
  protocol: &protocol
    description:
      - Number of the protocol that the route is marked with, who made it. Unset, ours.
    type: int
  src: &src
    description:
      - The address that packets of this node are sent from.
    type: str
  mtu: &mtu
    description:
      - Largest packet on this path in bytes. V(0) is none of the route's own, and that of the interface counts; if omitted, an
        existing route keeps what it has.
    type: int
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(prefix) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      prefix:
        <<: *prefix
        required: true
      via: *via
      dev: *dev
      type: *type
      scope: *scope
      onlink: *onlink
      metric: *metric
      table: *table
      protocol: *protocol
      src: *src
      mtu: *mtu
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

- name: Its address
  nodenet.fabric.address:
    dev: br0
    address: 172.245.0.1/24

- name: To another node's subnet, and nowhere for what is not in use
  nodenet.fabric.route:
    config:
      - {prefix: 172.246.0.0/24, via: 172.245.0.2}
      - {prefix: 172.247.0.0/16, type: blackhole, metric: 4096}

- name: On the link, without an address of its own there
  nodenet.fabric.route:
    prefix: 169.254.1.1
    dev: br0
    scope: link

- name: Remove one
  nodenet.fabric.route:
    prefix: 172.246.0.0/24
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
  sample: ["ip route add 172.246.0.0/24 via 172.245.0.2 proto 178 scope global"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.route import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
