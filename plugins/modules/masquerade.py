#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: masquerade
short_description: Masquerade for what leaves
version_added: 0.1.0
description:
  - What comes from a prefix and leaves for elsewhere gets the node's address as its source, and answers find their
    way back (nft(8)).
  - What goes to the prefixes of O(exclude), or to multicast, keeps its source. The rules are in an nftables table of
    our own, C(inet nodenet_fabric).
  - Of what would be masqueraded, a packet that connection tracking takes for invalid (C(ct state invalid), such as what belongs
    to no connection) would leave with its own source. It is dropped.
  - Flows that a change of the rule is about begin anew (ctnetlink). TCP connections that are established are left to their end.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.port_forward
    description: Ports of the node that lead to an endpoint.
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
      - Prefixes, of the same family, to which packets keep their source, all that belongs to the fabric. Their order
        and what they contain of each other do not matter.
    type: list
    elements: str
    default: []
  out_interface: &out_interface
    description:
      - Only what leaves by this interface.
    type: str
  random: &random
    description:
      - Whether source ports are chosen at random, so that two connections at one moment are less likely to take the
        same.
    type: bool
    default: true
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(source) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      source:
        <<: *source
        required: true
      exclude: *exclude
      out_interface: *out_interface
      random: *random
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
requirements:
  - nft (Debian and Ubuntu package nftables)
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
- name: Endpoints reach the world with the node's address, each other with their own
  nodenet.fabric.masquerade:
    source: 10.15.10.0/24
    exclude: [10.15.10.0/24]

- name: No longer
  nodenet.fabric.masquerade:
    source: 10.15.10.0/24
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
  sample: ["nft 'add table inet nodenet_fabric'"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.masquerade import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
