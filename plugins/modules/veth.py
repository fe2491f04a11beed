#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth
short_description: Pairs of virtual Ethernet interfaces
version_added: 0.1.0
description:
  - Makes a veth pair with each end where it belongs, in one request. Nothing is made in one namespace and moved to
    another.
  - Both ends are ours; the end of one is the end of the other.
  - Each end has one queue in each direction, which is what a veth uses; without being told, the kernel makes as many as the
    machine has processors and takes all but one away again, which it has to wait for.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.netns
    description: Network namespaces.
  - module: nodenet.fabric.bridge_port
    description: Interfaces that are ports of a bridge.
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - ref: ansible_collections.nodenet.fabric.direct_role
    description: The role C(nodenet.fabric.direct) joins namespaces by veths.
  - name: veth(4)
    link: https://man7.org/linux/man-pages/man4/veth.4.html
    description: The device of the kernel.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
options:
  name: &name
    description:
      - Name of the end that lies in O(netns).
      - A pair of which one end is there by another name, or both with these MAC addresses, is renamed and keeps what stands on
        it, where the kernel renames interfaces that are up (Linux 6.2). On an older one, and where an end is to be in another
        namespace, it is made anew, with what is ours on it.
    type: str
  mac: &mac
    description:
      - MAC address. It is in the request that makes the interface, so that nothing sees another one first.
    type: str
  mtu: &mtu
    description:
      - MTU in bytes.
    type: int
  up: &up
    description:
      - Whether the interface is up.
    type: bool
    default: true
  addrgenmode: &addrgenmode
    description:
      - How the interface gets its IPv6 link-local address (ip-link(8)); V(none) for what needs no address of its own,
        such as the host end of a veth or a bridge of IPv4 alone.
    type: str
    choices: [eui64, none, stable_secret, random]
  side: &side
    description:
      - The side of the fabric that the interface is on. It then has, and keeps, the settings that packets need,
        ARP; with a O(master), what a new bridge port is (it forwards, learns, floods, is neither isolated nor locked).
      - V(node) forwards IPv4, has no strict C(rp_filter) of its own, and takes nothing from the other end. It
        accepts no router advertisement, no redirect and no source route.
      - V(endpoint) also sets C(arp_ignore), C(arp_filter) and C(proxy_arp) to 0, so that it answers for its address whoever asks.
      - Where it is unset, these settings are not managed.
    type: str
    choices: [node, endpoint]
  master: &master
    description:
      - The bridge of the same namespace that this end is a port of; the empty string takes it out of its bridge.
    type: str
  hairpin: &hairpin
    description:
      - Whether what comes in by this end, a bridge port, may leave by it again; see M(nodenet.fabric.bridge_port) for the
        other settings of a port.
    type: bool
  peer: &peer
    description:
      - The other end. It is needed to make a pair; to remove one, O(name) is enough.
    type: dict
    suboptions:
      name:
        description:
          - Name of the other end.
        type: str
        required: true
      netns:
        description:
          - Namespace of the other end, by name or path; unset, the node's own.
        type: str
      pid:
        description:
          - As O(peer.netns), by the number of a process in it.
        type: int
      mac:
        description:
          - MAC address of the other end.
        type: str
      mtu:
        description:
          - MTU of the other end in bytes.
        type: int
      up:
        description:
          - Whether the other end is up.
        type: bool
        default: true
      addrgenmode:
        description:
          - As O(addrgenmode), for the other end.
        type: str
        choices: [eui64, none, stable_secret, random]
      side:
        description:
          - As O(side), for the other end.
        type: str
        choices: [node, endpoint]
      master:
        description:
          - As O(master), for the other end.
        type: str
      hairpin:
        description:
          - As O(hairpin), for the other end.
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
      mac: *mac
      mtu: *mtu
      up: *up
      addrgenmode: *addrgenmode
      side: *side
      master: *master
      hairpin: *hairpin
      peer: *peer
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
- name: The namespaces and the bridge that the pairs join
  nodenet.fabric.netns:
    config: [{name: red}, {name: blue}]

- name: A bridge for the host end
  nodenet.fabric.bridge:
    name: v-net-0

- name: Join red to the bridge; inside, the interface is eth0
  nodenet.fabric.veth:
    name: veth-red
    master: v-net-0
    peer:
      name: eth0
      netns: red

- name: Join two namespaces directly
  nodenet.fabric.veth:
    netns: red
    name: to-blue
    mtu: 1450
    peer:
      netns: blue
      name: to-red
      mtu: 1450

- name: Remove a pair by either of its ends
  nodenet.fabric.veth:
    name: veth-red
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
  sample: ["ip link add name veth-red type veth peer name eth0 netns red", "ip link set dev veth-red up", "ip -n red link set dev eth0 up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.veth import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
