#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Manage which groups of endpoints may open connections to which
version_added: 0.1.0
description:
  - Between members of different groups only those connections are opened that a rule lists, on one node and across nodes.
  - The rules are in the nftables tables C(inet nodenet_NAME) and C(bridge nodenet_NAME). Addresses are elements of sets and maps
    (nft(8)); the number of rules depends on the number of groups alone.
  - A connection that was open before a rule was removed stays open.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.guard
    description: Endpoints keep to their own addresses, without which a policy is worth little.
  - ref: ansible_collections.nodenet.fabric.guard_role
    description: The role C(nodenet.fabric.guard) guards the nodes of an inventory.
  - name: nft(8)
    link: https://www.netfilter.org/projects/nftables/manpage.html
    description: The commands and the language of nftables.
options:
  name: &name
    description:
      - Name of the policy, at most 20 of a-z, 0-9 and C(_). The tables are C(nodenet_) and this name.
    type: str
  groups: &groups
    description:
      - The groups. An address is in one group at most; what is in none is not restricted.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the group, at most 20 of a-z, 0-9 and C(_).
        type: str
        required: true
      addresses:
        description:
          - The addresses of its members, on all nodes.
        type: list
        elements: str
        default: []
  rules: &rules
    description:
      - What a group may open to another. Members of one group may open anything to each other. What belongs to an open connection
        passes both ways.
    type: list
    elements: dict
    default: []
    suboptions:
      from:
        description:
          - The group that opens connections.
        type: str
        required: true
      to:
        description:
          - The group to which it opens them.
        type: str
        required: true
      protocol:
        description:
          - The protocol. If omitted, all.
        type: str
        choices: [tcp, udp, icmp]
      port:
        description:
          - The port of O(rules[].to), or a range such as V(8000-8010). If omitted, all.
        type: str
  bridge: &bridge
    description:
      - Whether the policy also holds between ports of one bridge by a table of the family bridge, which needs the kernel module
        C(nf_conntrack_bridge) (5.3). With V(false) it holds there only while C(net.bridge.bridge-nf-call-iptables) is 1.
    type: bool
    default: true
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      groups: *groups
      rules: *rules
      bridge: *bridge
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
- name: The web servers open connections to the database, and to nothing else of it
  nodenet.fabric.policy:
    name: policy
    groups:
      - {name: web, addresses: [10.15.10.2, 10.15.11.2]}
      - {name: db, addresses: [10.15.10.3]}
    rules:
      - {from: web, to: db, protocol: tcp, port: 5432}
    bridge: false

- name: Remove the policy
  nodenet.fabric.policy:
    name: policy
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["nft 'add table inet nodenet_policy'"]
reasons:
  description: Why an object was recreated instead of changed in place.
  returned: when one was recreated
  type: list
  elements: str
stats:
  description: Number of objects observed and changed, seconds in total and for each stage, and counts of netlink requests.
  returned: success
  type: dict
  sample: {observed: 2, changed: 1, seconds: 0.01, stages: {observe: 0.004, plan: 0.001, apply: 0.005}, sockets: 1, sends: 1, requests: 1}
"""

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.policy import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
