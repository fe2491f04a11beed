#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge_port
short_description: Manage ports of bridges
version_added: 0.1.0
description:
  - Adds interfaces to bridges as ports, and sets the options of the ports (bridge(8), link set).
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.bridge
    description: Bridges.
  - module: nodenet.fabric.veth
    description: Pairs of interfaces that join namespaces.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) connects endpoints to a bridge.
  - name: bridge(8)
    link: https://man7.org/linux/man-pages/man8/bridge.8.html
    description: The commands for bridge ports and forwarding entries.
options:
  name: &name
    description:
      - The interface.
    type: str
  bridge: &bridge
    description:
      - The bridge, in the same namespace. Required unless the interface is a port already.
    type: str
  isolated: &isolated
    description:
      - Whether the port exchanges packets only with ports that are not isolated.
    type: bool
  hairpin: &hairpin
    description:
      - Whether the bridge may send a packet back out of the port that it came in by.
    type: bool
  learning: &learning
    description:
      - Whether the bridge learns MAC addresses on the port.
    type: bool
  flood: &flood
    description:
      - Whether packets to an unknown MAC address are sent out of the port.
    type: bool
  mcast_flood: &mcast_flood
    description:
      - Whether multicast to groups without members is sent out of the port.
    type: bool
  guard: &guard
    description:
      - Whether the port is disabled when it receives a BPDU (BPDU guard).
    type: bool
  root_block: &root_block
    description:
      - Whether the port may not become the root port.
    type: bool
  fastleave: &fastleave
    description:
      - Whether the port leaves a multicast group at the first leave message.
    type: bool
  neigh_suppress: &neigh_suppress
    description:
      - Whether the bridge answers ARP and neighbor discovery for known neighbors behind the port.
    type: bool
  cost: &cost
    description:
      - Path cost of the port in the spanning tree.
    type: int
  priority: &priority
    description:
      - Priority of the port in the spanning tree.
    type: int
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      bridge: *bridge
      isolated: *isolated
      hairpin: *hairpin
      learning: *learning
      flood: *flood
      mcast_flood: *mcast_flood
      guard: *guard
      root_block: *root_block
      fastleave: *fastleave
      neigh_suppress: *neigh_suppress
      cost: *cost
      priority: *priority
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

- name: A namespace
  nodenet.fabric.netns:
    name: guest

- name: A veth into it
  nodenet.fabric.veth:
    name: veth-guest
    peer: {name: eth0, netns: guest}

- name: The port, which exchanges no packets with other isolated ones
  nodenet.fabric.bridge_port:
    name: veth-guest
    bridge: br0
    isolated: true

- name: Take it out of its bridge
  nodenet.fabric.bridge_port:
    name: veth-guest
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip link set dev veth-guest master br0", "ip link set dev veth-guest type bridge_slave isolated on"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.bridge_port import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
