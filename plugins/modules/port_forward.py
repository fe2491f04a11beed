#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_forward
short_description: Published ports
version_added: 0.1.0
description:
  - What arrives for a port of the node is led to an address behind it (nft(8), C(dnat)), from outside, from the node itself
    and from those behind it alike.
  - Only what is meant for the node itself is led elsewhere, whatever of its addresses it names; what the node forwards for
    the same port goes its way, and so does what the node sends to a loopback address.
  - The address of the client is kept, except for those of O(hairpin). The rules are in an nftables table of our own,
    C(inet nodenet_fabric).
  - Flows that a change of the port is about begin anew (ctnetlink), so that a client that goes on sending UDP from one port
    is led to the new address. TCP connections that are established are left to their end.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.masquerade
    description: The node's address for packets that leave.
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
      - The port of the node, V(80), or a range of them, V(8000-8010).
    type: str
  protocol: &protocol
    description:
      - The protocol.
    type: str
    choices: [tcp, udp]
    default: tcp
  to: &to
    description:
      - The address that the port leads to, needed unless the port is to be published no longer.
    type: str
  to_port: &to_port
    description:
      - The port there, or a range as long as that of O(port). The same as O(port) if left out.
    type: str
  address: &address
    description:
      - Only what is meant for this address of the node. All of its addresses if left out.
    type: str
  family: &family
    description:
      - The family whose packets are led elsewhere; that of O(to), and needed only to remove.
    type: str
    choices: [ipv4, ipv6]
  hairpin: &hairpin
    description:
      - Prefixes from which O(to) is reached without the node between, so that the answer would not come back through it.
        These get the node's address as their source (they are those on the same bridge, or O(to) itself).
    type: list
    elements: str
    default: []
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(port) and O(config) is needed.
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
- name: Publish the web server blue at the node's port 80, for red on the same bridge too
  nodenet.fabric.port_forward:
    port: 80
    to: 192.168.15.2
    hairpin: [192.168.15.0/24]

- name: Publish ten ports, and a name server at another port
  nodenet.fabric.port_forward:
    config:
      - {port: 8000-8009, to: 192.168.15.2}
      - {protocol: udp, port: 5353, to: 192.168.15.2, to_port: 53}

- name: No longer
  nodenet.fabric.port_forward:
    port: 80
    family: ipv4
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.port_forward import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
