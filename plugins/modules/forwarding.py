#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: forwarding
short_description: Forwarding between interfaces
version_added: 0.1.0
description:
  - Makes a namespace a router (C(net.ipv4.ip_forward), C(net.ipv6.conf.all.forwarding)), or says for one
    interface whether it forwards.
  - Where the setting was as wanted already, nothing is ours.
  - When the kernel starts to forward IPv6 it deletes the routes that it has by router advertisement, except on interfaces
    whose C(accept_ra) is 2. Such interfaces are set so first.
  - With O(state=absent), and by M(nodenet.fabric.sweep), forwarding that we turned on stays on. Others may rely on it by then. A
    warning says so, and how to turn it off.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.route
    description: Routes.
  - module: nodenet.fabric.masquerade
    description: The node's address for packets that leave.
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
      - The interface; unset, the whole namespace.
    type: str
  enabled: &enabled
    description:
      - Whether it forwards.
    type: bool
    default: true
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(family) and O(config) is needed.
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
- name: The node routes for its endpoints, of both families
  nodenet.fabric.forwarding:
    config:
      - family: ipv4
      - family: ipv6

- name: Give it up; it stays on for whoever relies on it by now
  nodenet.fabric.forwarding:
    config:
      - family: ipv4
      - family: ipv6
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
  sample: ["sysctl -qw net.ipv4.ip_forward=1"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.forwarding import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
