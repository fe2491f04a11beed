#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Named network namespaces
version_added: 0.1.0
description:
  - Makes and removes network namespaces as ip-netns(8) does, below C(/run/netns).
  - What is decided in a namespace before its first link comes up, whether it has IPv6 and whether its loopback is up,
    is decided here.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.veth
    description: Pairs of interfaces that join namespaces.
  - module: nodenet.fabric.arrange
    description: Objects of several kinds as one plan.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) hangs endpoints on a bridge.
  - name: ip-netns(8)
    link: https://man7.org/linux/man-pages/man8/ip-netns.8.html
    description: The commands for named network namespaces.
  - name: network_namespaces(7)
    link: https://man7.org/linux/man-pages/man7/network_namespaces.7.html
    description: What a network namespace isolates.
options:
  name: &name
    description:
      - Name of the namespace.
    type: str
  lo: &lo
    description:
      - Whether the loopback interface is up.
    type: bool
    default: true
  ipv6: &ipv6
    description:
      - Whether links in the namespace have IPv6. Without it they send no multicast when they come up, which a bridge
        with many ports feels.
      - Unset, it is left as the kernel has it.
    type: bool
  inherit: &inherit
    description:
      - Whether the namespace keeps what it has from the machine's own settings when it is made. With V(false) it has the
        kernel's own, 0, for C(arp_ignore), C(arp_filter) and C(rp_filter) of C(net.ipv4.conf.all), and does not forward
        when it is made; on a machine with C(arp_ignore=2), for instance, it would not answer for a routed address.
      - Unset, they are not managed.
    type: bool
  config:
    description:
      - Many objects in one task; each entry takes the same options. One of O(name) and O(config) is needed.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      lo: *lo
      ipv6: *ipv6
      inherit: *inherit
      state:
        description:
          - Whether this entry is there, where it is not as the task says.
        type: str
        choices: [present, absent]
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.promised
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
- name: A namespace for an endpoint, without IPv6
  nodenet.fabric.netns:
    name: ns245
    ipv6: false

- name: Three in one task, and none of ours beside them
  nodenet.fabric.netns:
    config:
      - name: red
      - name: green
      - name: blue
        lo: false
    purge: true

- name: Remove it, and with it all that is inside
  nodenet.fabric.netns:
    name: ns245
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
  sample: ["ip netns add ns245", "ip -n ns245 link set lo up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.netns import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
