#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: masquerade
short_description: Manage masquerading of packets that leave the node
version_added: 0.1.0
description:
  - Packets from a prefix to other destinations get the node's address as their source, so that replies find their way back
    (nft(8)). The rules are in the nftables table C(inet nodenet_fabric).
  - Packets to the prefixes of O(exclude) and to multicast groups keep their source.
  - NAT does not translate packets in C(ct state invalid), which would leave with their own source. They are dropped.
  - When a rule changes, the flows that it concerns are removed from connection tracking and start again. Established TCP
    connections are kept.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.port_forward
    description: Published ports.
  - module: nodenet.fabric.forwarding
    description: Forwarding between interfaces.
  - ref: ansible_collections.nodenet.fabric.nat_role
    description: The role C(nodenet.fabric.nat) masquerades and publishes ports.
  - name: nft(8)
    link: https://www.netfilter.org/projects/nftables/manpage.html
    description: The commands and the language of nftables.
options:
  source: &source
    description:
      - The prefix whose packets are masqueraded.
    type: str
  exclude: &exclude
    description:
      - Prefixes of the same family to which packets keep their source, such as all subnets of the fabric. They may overlap, in
        any order.
    type: list
    elements: str
    default: []
  out_interface: &out_interface
    description:
      - Masquerade only packets that leave by this interface.
    type: str
  random: &random
    description:
      - Whether source ports are chosen at random, so that two simultaneous connections are less likely to get the same one.
    type: bool
    default: true
  keep: &keep
    description:
      - Whether packets to the prefixes of O(exclude) keep their source also where another program masquerades them, as Podman's
        netavark before 1.14 does with all that leaves a network. It concerns connections that begin afterwards.
    type: bool
    default: false
  masquerade: &masquerade
    description:
      - Whether packets that leave get the node's address. If V(false), all packets of O(source) keep their own, whatever another
        program says; this needs O(keep=true), and O(exclude) has no effect.
    type: bool
    default: true
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(source) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      source:
        <<: *source
        required: true
      exclude: *exclude
      out_interface: *out_interface
      random: *random
      keep: *keep
      masquerade: *masquerade
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
- name: Endpoints reach other networks with the node's address, and each other with their own
  nodenet.fabric.masquerade:
    source: 10.15.10.0/24
    exclude: [10.15.10.0/24]

- name: Remove the rule
  nodenet.fabric.masquerade:
    source: 10.15.10.0/24
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.masquerade import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
