#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Manage bridges
version_added: 0.1.0
description:
  - Creates, changes and removes bridges (ip-link(8), type bridge).
  - A bridge without O(mac) takes over the MAC address of one of its ports, which changes with the ports.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.bridge_port
    description: Ports of bridges.
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.masquerade
    description: Masquerading of packets that leave the node.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) connects endpoints to a bridge.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
options:
  name: &name
    description:
      - Name of the bridge.
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
      - The side of the fabric that the interface is on. The sysctls of the interface are then managed, with ARP on and
        C(proxy_arp) off, and the timers, the forwarded groups and the VLAN filter have the defaults of a new bridge.
      - V(node) forwards IPv4, has no strict C(rp_filter), and ignores router advertisements, redirects and source routes.
      - V(endpoint) has C(arp_ignore), C(arp_filter) and C(proxy_arp) 0, and answers ARP requests from any sender.
      - If omitted, these settings are not managed.
    type: str
    choices: [node, endpoint]
  stp: &stp
    description:
      - Whether the spanning tree protocol runs (IEEE 802.1D).
    type: bool
  forward_delay: &forward_delay
    description:
      - Seconds in each of the states listening and learning before a port forwards, with O(stp).
    type: float
  hello_time: &hello_time
    description:
      - Seconds between hello packets, with O(stp).
    type: float
  max_age: &max_age
    description:
      - Seconds without a hello packet after which the root bridge is elected again, with O(stp).
    type: float
  ageing_time: &ageing_time
    description:
      - Seconds after which an unused learned MAC address is removed.
    type: float
  priority: &priority
    description:
      - Priority in the election of the root bridge; the lowest wins.
    type: int
  vlan_filtering: &vlan_filtering
    description:
      - Whether the bridge filters by VLAN (IEEE 802.1Q). Some kernels lack it (CONFIG_BRIDGE_VLAN_FILTERING).
    type: bool
  vlan_default_pvid: &vlan_default_pvid
    description:
      - The VLAN of untagged packets on ports without a VLAN of their own; 0 for none.
    type: int
  mcast_snooping: &mcast_snooping
    description:
      - Whether multicast is forwarded only to ports with a member of the group (IGMP and MLD snooping).
    type: bool
  no_linklocal_learn: &no_linklocal_learn
    description:
      - Whether the bridge learns nothing from frames to C(01:80:c2:00:00:00) to C(01:80:c2:00:00:0f), such as those of LLDP
        and IEEE 802.1X. Such a frame passes no hook of nftables that could drop it before the bridge learns its source.
      - Linux has it since 5.0; with an older kernel the option has no effect.
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
      stp: *stp
      forward_delay: *forward_delay
      hello_time: *hello_time
      max_age: *max_age
      ageing_time: *ageing_time
      priority: *priority
      vlan_filtering: *vlan_filtering
      vlan_default_pvid: *vlan_default_pvid
      mcast_snooping: *mcast_snooping
      no_linklocal_learn: *no_linklocal_learn
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
- name: A bridge for the node's endpoints
  nodenet.fabric.bridge:
    name: lab-br0
    mac: "02:00:0a:0f:0a:01"
    addrgenmode: none

- name: A namespace for a switch
  nodenet.fabric.netns:
    name: switch

- name: A bridge in it, with the spanning tree
  nodenet.fabric.bridge:
    netns: switch
    name: br0
    stp: true
    forward_delay: 4

- name: Remove it
  nodenet.fabric.bridge:
    name: lab-br0
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name lab-br0 type bridge", "ip link set dev lab-br0 alias nodenet.fabric/default", "ip link set dev lab-br0 up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.bridge import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
