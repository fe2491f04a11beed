#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: forwarding
short_description: Manage forwarding between interfaces
version_added: 0.1.0
description:
  - Turns forwarding on or off in a namespace (C(net.ipv4.ip_forward), C(net.ipv6.conf.all.forwarding)) or on one interface.
  - A sysctl that has the requested value already is not recorded as the collection's.
  - When IPv6 forwarding is turned on, the kernel deletes routes from router advertisements, except on interfaces whose
    C(accept_ra) is 2. On interfaces with such routes it is set to 2 first.
  - O(state=absent) and M(nodenet.fabric.sweep) leave forwarding on, as other programs may depend on it by then. A warning
    names the command that turns it off.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.masquerade
    description: Masquerading of packets that leave the node.
  - ref: ansible_collections.nodenet.fabric.host_gw_role
    description: The role C(nodenet.fabric.host_gw) makes plain routes to the peers' subnets.
  - name: ip-sysctl
    link: https://docs.kernel.org/networking/ip-sysctl.html
    description: The kernel's settings for IPv4 and IPv6.
options:
  family: &family
    description:
      - The family of addresses.
    type: str
    choices: [ipv4, ipv6]
  interface: &interface
    description:
      - The interface. If omitted, the whole namespace.
    type: str
  enabled: &enabled
    description:
      - Whether it forwards.
    type: bool
    default: true
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(family) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      family:
        <<: *family
        required: true
      interface: *interface
      enabled: *enabled
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
- name: The node routes for its endpoints, of both families
  nodenet.fabric.forwarding:
    config:
      - family: ipv4
      - family: ipv6

- name: Give it up; forwarding stays on
  nodenet.fabric.forwarding:
    config:
      - family: ipv4
      - family: ipv6
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["sysctl -qw net.ipv4.ip_forward=1"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.forwarding import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
