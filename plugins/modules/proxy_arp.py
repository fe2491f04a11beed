#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_arp
short_description: Proxy ARP and neighbour proxy
version_added: 0.1.0
description:
  - Lets the node answer on an interface for addresses that are elsewhere (C(proxy_arp), C(proxy_ndp) in ip-sysctl).
  - The node answers for the addresses that O(addresses) lists. For IPv4, without O(addresses), it answers for whatever it has
    a route to that leads elsewhere.
  - The node answers at once, C(proxy_delay) is 0; otherwise it waits up to 0.7 s. It answers only while it forwards,
    and only if it has a route that covers the address and leads elsewhere than back out of the interface.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.forwarding
    description: Forwarding between interfaces.
  - ref: ansible_collections.nodenet.fabric.routed_role
    description: The role C(nodenet.fabric.routed) gives each endpoint a veth and a route.
  - name: ip-sysctl
    link: https://docs.kernel.org/networking/ip-sysctl.html
    description: The kernel's settings for IPv4 and IPv6.
  - name: RFC 1027
    link: https://www.rfc-editor.org/rfc/rfc1027
    description: Proxy ARP.
options:
  interface: &interface
    description:
      - The interface.
    type: str
  family: &family
    description:
      - The family of addresses.
    type: str
    choices: [ipv4, ipv6]
    default: ipv4
  addresses: &addresses
    description:
      - The addresses, of O(family), that the node answers for.
    type: list
    elements: str
    default: []
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(interface) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      interface:
        <<: *interface
        required: true
      family: *family
      addresses: *addresses
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
- name: A namespace
  nodenet.fabric.netns:
    name: ns1
    ipv6: true

- name: A veth straight into it
  nodenet.fabric.veth:
    name: veth-ns1
    peer: {name: eth0, netns: ns1}

- name: The node answers for the gateway on the host's end
  nodenet.fabric.proxy_arp:
    config:
      - {interface: veth-ns1}
      - {interface: veth-ns1, family: ipv6, addresses: ["fd00::1"]}

- name: A bridge
  nodenet.fabric.bridge:
    name: fabric0

- name: On it the node answers for one endpoint that is not on it, and for nobody else
  nodenet.fabric.proxy_arp:
    interface: fabric0
    addresses: [10.244.0.9]

- name: No longer
  nodenet.fabric.proxy_arp:
    interface: veth-ns1
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
  sample: ["sysctl -qw net.ipv4.conf.veth-ns1.proxy_arp=1", "sysctl -qw net.ipv4.neigh.veth-ns1.proxy_delay=0"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.proxy_arp import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
