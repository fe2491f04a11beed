#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan
short_description: VXLAN devices
version_added: 0.1.0
description:
  - Makes and removes VTEPs (RFC 7348; ip-link(8), type vxlan). Who is behind them say M(nodenet.fabric.neighbor) and
    M(nodenet.fabric.vxlan_fdb).
  - What a device was made with the kernel lets nobody change; a device that differs is made anew, with its addresses,
    neighbors, forwarding entries and routes, and RV(reasons) says what differed.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.neighbor
    description: MAC addresses of neighbors.
  - module: nodenet.fabric.vxlan_fdb
    description: Which node a MAC address is behind.
  - module: nodenet.fabric.route
    description: Routes.
  - ref: ansible_collections.nodenet.fabric.vxlan_role
    description: The role C(nodenet.fabric.vxlan) makes VXLAN tunnels to the peers.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
  - name: VXLAN in the kernel
    link: https://docs.kernel.org/networking/vxlan.html
    description: The device and its forwarding entries.
  - name: RFC 7348
    link: https://www.rfc-editor.org/rfc/rfc7348
    description: VXLAN.
options:
  name: &name
    description:
      - Name of the device.
    type: str
  vni: &vni
    description:
      - Number of the network that the packets carry (VXLAN network identifier). Needed to make a device.
    type: int
  port: &port
    description:
      - UDP port. IANA's is 4789, the kernel's own default and flannel's 8472.
    type: int
    default: 8472
  local: &local
    description:
      - Address of the underlay that packets are sent from, IPv4 or IPv6.
    type: str
  dev: &dev
    description:
      - Interface of the underlay that the device stands on, and ends with; its MTU is that interface's, less what VXLAN adds.
        By which one packets leave say the routes to where M(nodenet.fabric.vxlan_fdb) sends them.
      - An empty text stands for none, with an MTU of 1500. Unset, it is left as it is, and a new device has none.
    type: str
  learning: &learning
    description:
      - Whether the device learns from packets which node a MAC address is behind. With written down entries it has
        nothing to learn.
    type: bool
    default: false
  ttl: &ttl
    description:
      - Time to live of the outer packets; 0 takes over that of the inner ones, or the system's default.
    type: int
  mac: &mac
    description:
      - MAC address. It is in the request that makes the interface, so that nothing sees another one first.
    type: str
  mtu: &mtu
    description:
      - MTU in bytes; unset, what the kernel takes from the interface below.
    type: int
  up: &up
    description:
      - Whether the interface is up.
    type: bool
    default: true
  addrgenmode: &addrgenmode
    description:
      - How the interface gets its IPv6 link-local address (ip-link(8)).
    type: str
    choices: [eui64, none, stable_secret, random]
  side: &side
    description:
      - The side of the fabric that the interface is on. It then has, and keeps, the settings that packets need,
        ARP, and that nobody answers for others (proxy_arp).
      - V(node) forwards IPv4, has no strict C(rp_filter) of its own, and takes nothing from the other end. It
        accepts no router advertisement, no redirect and no source route.
      - Where it is unset, these settings are not managed.
    type: str
    choices: [node, endpoint]
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(name) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      vni: *vni
      port: *port
      local: *local
      dev: *dev
      learning: *learning
      ttl: *ttl
      mac: *mac
      mtu: *mtu
      up: *up
      addrgenmode: *addrgenmode
      side: *side
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
- name: An interface of the underlay
  nodenet.fabric.bridge:
    name: underlay0

- name: Its address
  nodenet.fabric.address:
    dev: underlay0
    address: 192.168.32.245/24

- name: A VTEP on it
  nodenet.fabric.vxlan:
    name: vxlan1
    vni: 1
    port: 8472
    local: 192.168.32.245
    dev: underlay0
    mac: "02:00:c0:a8:20:f5"

- name: Remove it
  nodenet.fabric.vxlan:
    name: vxlan1
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
  sample: ["ip link add name vxlan1 address 02:00:c0:a8:20:f5 type vxlan id 1 local 192.168.32.245 dev underlay0 dstport 8472 nolearning"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.vxlan import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
