#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guard
short_description: Guard endpoints, tunnels and subnets of a node
version_added: 0.1.0
description:
  - Endpoints keep to their own MAC and IP addresses, in ARP, IPv4, IPv6 and neighbor discovery, on a bridge and routed. They are
    no DHCP server and no router, and send nothing to tunnels.
  - Tunnels accept packets of peers alone, and nobody enters the fabric's subnets through the node but who may.
  - The rules are in the nftables tables C(bridge nodenet_NAME) and C(inet nodenet_NAME). They only drop packets, so that what
    other programs accept or drop makes no difference. Endpoints are elements of sets (nft(8)); the number of rules does not depend on them.
  - Of what is sent to the node itself only O(tunnel_ports) and O(tunnel_protocols) are looked at.
  - With O(tunnels_only) that is all.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.policy
    description: Which groups of endpoints may open connections to which.
  - ref: ansible_collections.nodenet.fabric.guard_role
    description: The role C(nodenet.fabric.guard) guards the nodes of an inventory.
  - name: nft(8)
    link: https://www.netfilter.org/projects/nftables/manpage.html
    description: The commands and the language of nftables.
options:
  name: &name
    description:
      - Name of the guard, at most 20 of a-z, 0-9 and C(_). The tables are C(nodenet_) and this name.
    type: str
  endpoints: &endpoints
    description:
      - The endpoints. What an endpoint sends from another MAC address or another address is dropped, and so is all that is
        neither ARP nor IP.
    type: list
    elements: dict
    default: []
    suboptions:
      interface:
        description:
          - The node's end of its veth pair, a bridge port or a routed interface.
        type: str
        required: true
      mac:
        description:
          - Its MAC address.
        type: str
        required: true
      addresses:
        description:
          - Its IPv4 and IPv6 addresses. With an IPv6 address it also has the link-local one that its MAC address gives.
        type: list
        elements: str
        default: []
      bridge:
        description:
          - The bridge that O(endpoints[].interface) is a port of. If omitted, the endpoint is routed.
        type: str
  bridge: &bridge
    description:
      - A bridge whose further ports are guarded, too, as those of containers that an engine connects. Nobody knows their addresses;
        they send from any of O(bridge.subnets), but from none of O(endpoints), O(endpoints[].mac) and O(bridge.addresses), in ARP and
        neighbor discovery as well. They are no DHCP server and no router.
      - If omitted, what such ports send is not looked at.
    type: dict
    suboptions:
      name:
        description:
          - Its name.
        type: str
        required: true
      addresses:
        description:
          - The addresses that the node has on it.
        type: list
        elements: str
        default: []
      subnets:
        description:
          - The prefixes of its ports' addresses. With an IPv6 prefix ports also have link-local addresses.
        type: list
        elements: str
        default: []
  interfaces: &interfaces
    description:
      - Further interfaces by which endpoints send, such as bridges. They send nothing to tunnels; their addresses are not looked at.
    type: list
    elements: str
    default: []
  tunnel_ports: &tunnel_ports
    description:
      - UDP ports of tunnels, such as V(8472) of VXLAN. Only O(peers) may send to them, and only to an address in O(peers).
        Endpoints may send nothing to these ports of O(peers).
    type: list
    elements: int
    default: []
  tunnel_vnis: &tunnel_vnis
    description:
      - VNIs of the VXLAN tunnels. Packets of other VNIs are another program's and may come from anybody. If omitted, O(tunnel_ports)
        are for O(peers) alone.
    type: list
    elements: int
    default: []
  tunnel_protocols: &tunnel_protocols
    description:
      - IP protocols of tunnels, such as V(4) of IPIP. Only O(peers) may send such packets to an address in O(peers); endpoints may
        not.
    type: list
    elements: int
    default: []
  peers: &peers
    description:
      - Addresses of all nodes on the underlay.
    type: list
    elements: str
    default: []
  tunnels: &tunnels
    description:
      - Tunnel devices. What comes by them may enter O(subnets).
    type: list
    elements: str
    default: []
  subnets: &subnets
    description:
      - Subnets of the fabric's endpoints, on all nodes. Into them come packets of endpoints of this node and of O(tunnels), answers,
        what is for a published port, and what O(direct) and O(expose) name; everything else is dropped.
    type: list
    elements: str
    default: []
  direct: &direct
    description:
      - Subnets of peers that are reached without a tunnel.
    type: list
    elements: str
    default: []
  expose: &expose
    description:
      - Prefixes outside from which O(subnets) may be entered. V(0.0.0.0/0) and V(::/0) leave the way in open.
    type: list
    elements: str
    default: []
  metadata: &metadata
    description:
      - Whether endpoints may reach C(169.254.169.254) and C(fd00:ec2::254), where clouds keep what is for the node alone.
    type: bool
    default: false
  tunnels_only: &tunnels_only
    description:
      - Whether only packets of tunnels are looked at. O(endpoints) then keep to no addresses, O(subnets) may be entered, there is no
        table of the family bridge, and connections are not tracked.
    type: bool
    default: false
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      endpoints: *endpoints
      bridge: *bridge
      interfaces: *interfaces
      tunnel_ports: *tunnel_ports
      tunnel_vnis: *tunnel_vnis
      tunnel_protocols: *tunnel_protocols
      peers: *peers
      tunnels: *tunnels
      subnets: *subnets
      direct: *direct
      expose: *expose
      metadata: *metadata
      tunnels_only: *tunnels_only
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
- name: Two endpoints of a bridge and a tunnel's port
  nodenet.fabric.guard:
    name: guard
    endpoints:
      - {interface: veth-red, mac: "02:00:00:00:00:0a", addresses: [10.15.10.2], bridge: br0}
      - {interface: veth-blue, mac: "02:00:00:00:00:0b", addresses: [10.15.10.3], bridge: br0}
    bridge: {name: br0, addresses: [10.15.10.1], subnets: [10.15.10.0/24]}
    tunnel_ports: [8472]
    tunnel_vnis: [1]
    peers: [192.0.2.1, 192.0.2.2]
    tunnels: [vxlan1]
    subnets: [10.15.10.0/24, 10.15.11.0/24]

- name: Remove the guard
  nodenet.fabric.guard:
    name: guard
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["nft 'add table inet nodenet_guard'"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.guard import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
