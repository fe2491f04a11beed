#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy_arp
short_description: Manage proxy ARP and proxy NDP
version_added: 0.1.0
description:
  - Makes the node answer ARP and neighbor discovery on an interface for addresses that are not on that link (C(proxy_arp),
    C(proxy_ndp) in ip-sysctl).
  - The node answers for the addresses in O(addresses). For IPv4, without O(addresses), it answers for every address that it
    has a route to on another interface.
  - C(proxy_delay) is set to 0, and the node answers at once instead of after up to 0.7 s. The kernel answers only while it
    forwards, and only if it has a route to the address on another interface.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.forwarding
    description: Forwarding between interfaces.
  - ref: ansible_collections.nodenet.fabric.routed_role
    description: The role C(nodenet.fabric.routed) connects each endpoint by a veth and a route.
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
      - The addresses of O(family) for which the node answers.
    type: list
    elements: str
    default: []
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(interface) and O(config) is required.
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
- name: A namespace
  nodenet.fabric.netns:
    name: ns1
    ipv6: true

- name: A veth into it
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

- name: The node answers on the bridge for one endpoint that is not on it, and for no other
  nodenet.fabric.proxy_arp:
    interface: fabric0
    addresses: [10.244.0.9]

- name: Answer no longer
  nodenet.fabric.proxy_arp:
    interface: veth-ns1
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["sysctl -qw net.ipv4.conf.veth-ns1.proxy_arp=1", "sysctl -qw net.ipv4.neigh.veth-ns1.proxy_delay=0"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.proxy_arp import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
