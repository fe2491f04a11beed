#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Bridges
version_added: 0.1.0
description:
  - Makes and removes bridges (ip-link(8), type bridge).
  - A bridge without a MAC address of its own takes over that of a port; with O(mac) it keeps its own.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.bridge_port
    description: Interfaces that are ports of a bridge.
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.masquerade
    description: The node's address for packets that leave.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) hangs endpoints on a bridge.
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
      - MAC address. It is in the request that makes the interface, so that nothing sees another one first.
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
      - How the interface gets its IPv6 link-local address (ip-link(8)); V(none) for what needs no address of its own,
        such as the host end of a veth or a bridge of IPv4 alone.
    type: str
    choices: [eui64, none, stable_secret, random]
  side: &side
    description:
      - The side of the fabric that the interface is on. It then has, and keeps, the settings that packets need,
        the times, the forwarded groups and the VLAN filter of a new bridge, and that nobody answers for others (proxy_arp).
      - V(node) forwards IPv4, has no strict C(rp_filter) of its own, and takes nothing from the other end. It
        accepts no router advertisement, no redirect and no source route.
      - Where it is unset, these settings are not managed.
    type: str
    choices: [node, endpoint]
  stp: &stp
    description:
      - Whether the spanning tree protocol runs (IEEE 802.1D).
    type: bool
  forward_delay: &forward_delay
    description:
      - Seconds that a port listens and learns before it forwards, with O(stp).
    type: float
  hello_time: &hello_time
    description:
      - Seconds between two hello packets, with O(stp).
    type: float
  max_age: &max_age
    description:
      - Seconds after which the root bridge counts as gone, with O(stp).
    type: float
  ageing_time: &ageing_time
    description:
      - Seconds that a learned MAC address is kept.
    type: float
  priority: &priority
    description:
      - Priority in the election of the root bridge; the lowest wins.
    type: int
  vlan_filtering: &vlan_filtering
    description:
      - Whether the bridge tells VLANs apart (IEEE 802.1Q). Some kernels lack it (CONFIG_BRIDGE_VLAN_FILTERING).
    type: bool
  vlan_default_pvid: &vlan_default_pvid
    description:
      - The VLAN of untagged packets on ports that say nothing else; 0 for none.
    type: int
  mcast_snooping: &mcast_snooping
    description:
      - Whether multicast goes only to the ports that asked for it.
    type: bool
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(name) and O(config) is needed.
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
- name: A bridge for the node's endpoints
  nodenet.fabric.bridge:
    name: lab-br0
    mac: "02:00:0a:0f:0a:01"
    addrgenmode: none

- name: A namespace that is nothing but a switch
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
    - The commands of ip-link(8) and its kin, sysctl(8) and nft(8) that do by hand what the task did, in order.
      In check mode, what it would do.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name lab-br0 type bridge", "ip link set dev lab-br0 alias nodenet.fabric/default", "ip link set dev lab-br0 up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.bridge import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
