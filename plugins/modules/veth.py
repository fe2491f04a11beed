#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth
short_description: Manage pairs of virtual Ethernet interfaces
version_added: 0.1.0
description:
  - Creates, changes and removes veth pairs (ip-link(8), type veth). Each end is created in its namespace; none is moved.
  - Both ends belong to the set. Removing one removes the other.
  - Each end has one queue in each direction. By default the kernel creates one for each processor and removes all but one
    again, which takes longer.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.netns
    description: Network namespaces.
  - module: nodenet.fabric.bridge_port
    description: Ports of bridges.
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - ref: ansible_collections.nodenet.fabric.direct_role
    description: The role C(nodenet.fabric.direct) joins namespaces by veths.
  - name: veth(4)
    link: https://man7.org/linux/man-pages/man4/veth.4.html
    description: The device of the kernel.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
options:
  name: &name
    description:
      - Name of the end in O(netns).
      - An existing pair is renamed if one of its ends has its name, or both have these MAC addresses; its addresses and routes
        stay. This needs Linux 6.2, which renames interfaces that are up.
      - On older kernels, and if an end must be in another namespace, the pair is recreated, with the addresses and routes of
        the collection.
    type: str
  mac: &mac
    description:
      - MAC address. A new interface has it from the start.
    type: str
  mtu: &mtu
    description:
      - MTU in bytes.
    type: int
  up: &up
    description:
      - Whether the interface is up.
    type: bool
    default: true
  addrgenmode: &addrgenmode
    description:
      - How the interface gets its IPv6 link-local address (ip-link(8)); V(none) for an interface that needs none,
        such as the host end of a veth or a bridge without IPv6.
    type: str
    choices: [eui64, none, stable_secret, random]
  side: &side
    description:
      - The side of the fabric that the interface is on. The sysctls of the interface are then managed, with ARP on. With a
        O(master) the port has the defaults of a new one (it forwards, learns and floods, and is neither isolated nor locked).
      - V(node) forwards IPv4, has no strict C(rp_filter), and ignores router advertisements, redirects and source routes.
      - V(endpoint) has C(arp_ignore), C(arp_filter) and C(proxy_arp) 0, and answers ARP requests from any sender.
        With O(mtu), IPv6 (C(net.ipv6.conf.*.mtu)) has that MTU, too.
      - If omitted, these settings are not managed.
    type: str
    choices: [node, endpoint]
  master: &master
    description:
      - The bridge, in the same namespace, that this end is a port of. The empty string removes it from its bridge.
    type: str
  hairpin: &hairpin
    description:
      - Whether the bridge may send a packet back out of the port that it came in by. M(nodenet.fabric.bridge_port) has the
        other settings of a port.
    type: bool
  peer: &peer
    description:
      - The other end. It is required to create a pair; to remove one, O(name) is enough.
    type: dict
    suboptions:
      name:
        description:
          - Name of the other end.
        type: str
        required: true
      netns:
        description:
          - Namespace of the other end, by name or path. If omitted, the node's own.
        type: str
      pid:
        description:
          - As O(peer.netns), by the PID of a process in it.
        type: int
      mac:
        description:
          - MAC address of the other end.
        type: str
      mtu:
        description:
          - MTU of the other end in bytes.
        type: int
      up:
        description:
          - Whether the other end is up.
        type: bool
        default: true
      addrgenmode:
        description:
          - As O(addrgenmode), for the other end.
        type: str
        choices: [eui64, none, stable_secret, random]
      side:
        description:
          - As O(side), for the other end.
        type: str
        choices: [node, endpoint]
      master:
        description:
          - As O(master), for the other end.
        type: str
      hairpin:
        description:
          - As O(hairpin), for the other end.
        type: bool
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      mac: *mac
      mtu: *mtu
      up: *up
      addrgenmode: *addrgenmode
      side: *side
      master: *master
      hairpin: *hairpin
      peer: *peer
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
- name: Two namespaces
  nodenet.fabric.netns:
    config: [{name: red}, {name: blue}]

- name: A bridge for the host end
  nodenet.fabric.bridge:
    name: v-net-0

- name: Join red to the bridge; inside, the interface is eth0
  nodenet.fabric.veth:
    name: veth-red
    master: v-net-0
    peer:
      name: eth0
      netns: red

- name: Join two namespaces directly
  nodenet.fabric.veth:
    netns: red
    name: to-blue
    mtu: 1450
    peer:
      netns: blue
      name: to-red
      mtu: 1450

- name: Remove a pair by either of its ends
  nodenet.fabric.veth:
    name: veth-red
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name veth-red type veth peer name eth0 netns red", "ip link set dev veth-red up", "ip -n red link set dev eth0 up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.veth import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
