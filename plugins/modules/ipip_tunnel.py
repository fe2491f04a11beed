#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipip_tunnel
short_description: IPIP tunnels
version_added: 0.1.0
description:
  - Creates, changes and removes tunnels of IPv4 in IPv4 (RFC 2003; ip-link(8), type ipip).
  - Without O(remote) one device serves any number of peers, with a route for each that has the peer's address as gateway
    and C(onlink).
  - The kernel changes a tunnel in place, unless O(remote) is to be set where there was none; such a tunnel is recreated.
  - The fallback device C(tunl0) is never changed.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.vxlan
    description: VXLAN devices.
  - ref: ansible_collections.nodenet.fabric.ipip_role
    description: The role C(nodenet.fabric.ipip) makes IPIP tunnels to the peers.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
  - name: RFC 2003
    link: https://www.rfc-editor.org/rfc/rfc2003
    description: IP encapsulation within IP.
options:
  name: &name
    description:
      - Name of the device.
    type: str
  local: &local
    description:
      - Source address of the outer packets, IPv4. Required to create a device.
    type: str
  remote: &remote
    description:
      - Address of the peer, for a device with a single peer.
    type: str
  dev: &dev
    description:
      - Lower interface on the underlay. The empty string is none. If omitted, it is not changed.
    type: str
  ttl: &ttl
    description:
      - TTL of the outer packets; 0 copies that of the inner packet.
    type: int
  pmtudisc: &pmtudisc
    description:
      - Whether outer packets have the flag don't fragment, so that the path MTU is discovered.
    type: bool
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
      - The side of the fabric that the interface is on. The sysctls of the interface are then managed, with C(proxy_arp) off.
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
      local: *local
      remote: *remote
      dev: *dev
      ttl: *ttl
      pmtudisc: *pmtudisc
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
- name: Check whether the kernel has IPIP
  nodenet.fabric.prepare:
    features: [ipip]
  register: found
  ignore_errors: true

- name: One device for all peers
  nodenet.fabric.ipip_tunnel:
    name: tun245
    local: 192.168.32.245
    mtu: 1480
  when: found is succeeded

- name: Remove it
  nodenet.fabric.ipip_tunnel:
    name: tun245
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name tun245 mtu 1480 type ipip local 192.168.32.245"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.ipip_tunnel import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
