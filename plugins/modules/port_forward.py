#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_forward
short_description: Manage published ports
version_added: 0.1.0
description:
  - Forwards a port of the node to another address, such as an endpoint's (nft(8), C(dnat)), for clients outside, on the node
    and behind it. The rules are in the nftables table C(inet nodenet_fabric).
  - Only packets to the node's own addresses are redirected. Packets that the node forwards to the same port are not, nor are
    packets to a loopback address.
  - Clients keep their address, except those of O(hairpin).
  - When a port changes, the flows that it concerns are removed from connection tracking, so that a client that goes on
    sending UDP from one port reaches the new address. Established TCP connections are kept.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.masquerade
    description: Masquerading of packets that leave the node.
  - module: nodenet.fabric.forwarding
    description: Forwarding between interfaces.
  - ref: ansible_collections.nodenet.fabric.nat_role
    description: The role C(nodenet.fabric.nat) masquerades and publishes ports.
  - name: nft(8)
    link: https://www.netfilter.org/projects/nftables/manpage.html
    description: The commands and the language of nftables.
options:
  port: &port
    description:
      - The port of the node, such as V(80), or a range, such as V(8000-8010).
    type: str
  protocol: &protocol
    description:
      - The protocol.
    type: str
    choices: [tcp, udp]
    default: tcp
  to: &to
    description:
      - The address to forward to. Required unless O(state=absent).
    type: str
  to_port: &to_port
    description:
      - The port at O(to), or a range as long as that of O(port). If omitted, the same as O(port).
    type: str
  address: &address
    description:
      - The address of the node. If omitted, all its addresses.
    type: str
  family: &family
    description:
      - The family of the redirected packets. By default that of O(to); required only with O(state=absent).
    type: str
    choices: [ipv4, ipv6]
  hairpin: &hairpin
    description:
      - Prefixes from which O(to) is reached without passing the node, such as those of its bridge, or O(to) itself. Their clients
        get the node's address as their source, so that replies pass the node.
    type: list
    elements: str
    default: []
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(port) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      port:
        <<: *port
        required: true
      protocol: *protocol
      to: *to
      to_port: *to_port
      address: *address
      family: *family
      hairpin: *hairpin
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
requirements:
  - nft (Debian and Ubuntu package nftables)
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.set
  - nodenet.fabric.common.promised
  - nodenet.fabric.common.netns
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: Publish the web server blue on the node's port 80, also for red on the same bridge
  nodenet.fabric.port_forward:
    port: 80
    to: 192.168.15.2
    hairpin: [192.168.15.0/24]

- name: Publish ten ports, and a name server on another port
  nodenet.fabric.port_forward:
    config:
      - {port: 8000-8009, to: 192.168.15.2}
      - {protocol: udp, port: 5353, to: 192.168.15.2, to_port: 53}

- name: Publish the port no longer
  nodenet.fabric.port_forward:
    port: 80
    family: ipv4
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["nft 'add table inet nodenet_fabric'"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.port_forward import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
