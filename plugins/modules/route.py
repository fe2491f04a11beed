#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: route
short_description: Manage routes
version_added: 0.1.0
description:
  - Adds, changes and removes IPv4 and IPv6 routes (ip-route(8)).
  - Table, prefix and metric identify a route. Routes of the collection have the protocol number 178.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.neighbor
    description: Permanent neighbor entries.
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
      - Destination, such as V(10.1.0.0/24). V(default) is the default route of the family of O(via), or of IPv4.
    type: str
  via: &via
    description:
      - Address of the gateway.
    type: str
  dev: &dev
    description:
      - The interface. If omitted, the kernel takes the one on which the gateway is reached.
    type: str
  type: &type
    description:
      - V(unicast) forwards packets. V(blackhole) drops them silently; V(unreachable) and V(prohibit) return an ICMP error.
    type: str
    choices: [unicast, blackhole, unreachable, prohibit]
    default: unicast
  scope: &scope
    description:
      - IPv4 only. V(link) for destinations on the link, V(global) for those behind a gateway. If omitted, as ip-route(8)
        chooses.
    type: str
    choices: [global, link, host]
  onlink: &onlink
    description:
      - Whether the gateway counts as on the link of O(dev) although no connected prefix covers it.
    type: bool
  metric: &metric
    description:
      - The route with the lowest metric is preferred among those with the same prefix. In IPv6, 0 becomes 1024.
    type: int
    default: 0
  table: &table
    description:
      - Number of the routing table; 254 is main.
    type: int
    default: 254
  protocol: &protocol
    description:
      - Number of the routing protocol that the route is marked with. If omitted, the collection's.
    type: int
  src: &src
    description:
      - Preferred source address of the node's own packets.
    type: str
  mtu: &mtu
    description:
      - MTU of the path in bytes. V(0) removes it from the route, so that the interface's applies. If omitted, an existing route
        keeps its own.
    type: int
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(prefix) and O(config) is required.
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

- name: Its address
  nodenet.fabric.address:
    dev: br0
    address: 172.245.0.1/24

- name: A route to another node's subnet, and a blackhole for unused addresses
  nodenet.fabric.route:
    config:
      - {prefix: 172.246.0.0/24, via: 172.245.0.2}
      - {prefix: 172.247.0.0/16, type: blackhole, metric: 4096}

- name: A route on the link without a connected prefix
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
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip route add 172.246.0.0/24 via 172.245.0.2 proto 178 scope global"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.route import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
