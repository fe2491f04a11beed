#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan
short_description: Manage VXLAN devices
version_added: 0.1.0
description:
  - Creates and removes VXLAN devices (RFC 7348; ip-link(8), type vxlan). M(nodenet.fabric.neighbor) and
    M(nodenet.fabric.vxlan_fdb) make the entries for the peers.
  - The kernel changes address, lower interface, TTL and learning of an existing device, and neither VNI nor port; it does not
    take the lower interface away or change the IP version of the address. A device that differs in these is recreated, with its
    addresses, neighbors, forwarding entries and routes, and RV(reasons) names the difference. Packets are lost meanwhile. A
    device with another name is made beside the old one. Two devices of one VNI need different ports.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.neighbor
    description: Permanent neighbor entries.
  - module: nodenet.fabric.vxlan_fdb
    description: Forwarding entries of VXLAN devices.
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
      - VXLAN network identifier, from 0 to 16777215. Required to create a device.
    type: int
  port: &port
    description:
      - UDP port. IANA assigned 4789; the default of the kernel and of flannel is 8472.
    type: int
    default: 8472
  local: &local
    description:
      - Source address of the outer packets, IPv4 or IPv6.
    type: str
  dev: &dev
    description:
      - Lower interface on the underlay. The device gets the MTU of that interface less the overhead of VXLAN, and is removed with
        it. The routes to the destinations of M(nodenet.fabric.vxlan_fdb) choose the interface by which packets leave.
      - The empty string is none, with an MTU of 1500. If omitted, it is not changed, and a new device has none.
    type: str
  learning: &learning
    description:
      - Whether the device learns MAC addresses from received packets. With static forwarding entries there is nothing to
        learn.
    type: bool
    default: false
  ttl: &ttl
    description:
      - TTL of the outer packets; 0 copies that of the inner packet, or takes the system's default.
    type: int
  mac: &mac
    description:
      - MAC address. A new interface has it from the start.
    type: str
  mtu: &mtu
    description:
      - MTU in bytes. If omitted, the kernel derives it from the lower interface.
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
      - The side of the fabric that the interface is on. The sysctls of the interface are then managed, with ARP on and
        C(proxy_arp) off.
      - V(node) forwards IPv4, has no strict C(rp_filter), and ignores router advertisements, redirects and source routes.
      - V(endpoint) has C(arp_ignore), C(arp_filter) and C(proxy_arp) 0, and answers ARP requests from any sender.
      - If omitted, these settings are not managed.
    type: str
    choices: [node, endpoint]
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
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
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name vxlan1 address 02:00:c0:a8:20:f5 type vxlan id 1 local 192.168.32.245 dev underlay0 dstport 8472 nolearning"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.vxlan import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
