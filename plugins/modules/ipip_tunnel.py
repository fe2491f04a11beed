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
  - Makes and removes tunnels of IPv4 in IPv4 (RFC 2003; ip-link(8), type ipip).
  - Without O(remote) one device serves for any number of peers; a route to each, with the peer's address as gateway
    and C(onlink), says where packets go.
  - The namespace's own fallback device C(tunl0) is never touched.
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
      - Address of the underlay that packets are sent from, IPv4. Needed to make a device.
    type: str
  remote: &remote
    description:
      - Address of the only peer, for a tunnel of two.
    type: str
  dev: &dev
    description:
      - Interface of the underlay that the device stands on. An empty text stands for none; unset, it is left as it is.
    type: str
  ttl: &ttl
    description:
      - Time to live of the outer packets; 0 takes over that of the inner ones.
    type: int
  pmtudisc: &pmtudisc
    description:
      - Whether the MTU of the path is found out, and packets are sent with "don't fragment".
    type: bool
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
        that nobody answers for others (proxy_arp).
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
- name: See whether this kernel has IPIP
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
    - The commands of ip-link(8) and its kin, sysctl(8) and nft(8) that do by hand what the task did, in order.
      In check mode, what it would do.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name tun245 mtu 1480 type ipip local 192.168.32.245"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.ipip_tunnel import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
