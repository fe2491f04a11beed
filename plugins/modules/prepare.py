#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prepare
short_description: Check a node's requirements, and configure other network managers
version_added: 0.1.0
description:
  - Checks the programs and kernel features that the fabric needs, and fails if one is missing. Each kernel feature is tried
    in a temporary namespace.
  - With O(expected), compares the node with the inventory.
  - With O(coexist_with), finds other programs and sysctl settings that would disturb the fabric, and writes their configuration
    files.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - module: nodenet.fabric.persist
    description: Restores the fabric at boot.
  - ref: ansible_collections.nodenet.fabric.prepare_role
    description: The role C(nodenet.fabric.prepare) prepares a node.
  - name: ip-sysctl
    link: https://docs.kernel.org/networking/ip-sysctl.html
    description: The kernel's settings for IPv4 and IPv6.
  - name: systemd.network(5)
    link: https://man7.org/linux/man-pages/man5/systemd.network.5.html
    description: The settings that systemd-networkd reads.
options:
  state:
    description:
      - V(absent) removes all files that the module wrote, and the rules that they made. It checks nothing.
    type: str
    choices: [present, absent]
    default: present
  features:
    description:
      - Kernel features that the node must have.
    type: list
    elements: str
    choices:
      - netns
      - veth
      - bridge
      - vlan_filtering
      - vxlan
      - ipip
      - wireguard
      - ipv6
      - masquerade
      - inet_filter
      - bridge_filter
      - nd_target
      - intervals
      - bridge_conntrack
    default: [netns, veth, bridge]
  install:
    description:
      - Packages to install with M(ansible.builtin.package) if a program is missing. The node is then checked again.
      - Without packages, a missing program is an error.
    type: list
    elements: str
    default: []
  coexist_with:
    description:
      - Network managers to configure so that they ignore or accept the fabric, if installed. Files of the module whose manager
        is not installed or not listed are removed.
      - If omitted, no file is read or written.
      - V(udev) changes MAC addresses. It gets a C(.link) file with C(MACAddressPolicy=none).
      - V(networkd) removes foreign routes and configures interfaces. It gets C(ManageForeignRoutes=no) and C(Unmanaged=yes).
      - V(networkmanager) configures interfaces. It gets C(unmanaged-devices).
      - V(firewalld) rejects forwarded and encapsulated packets. It gets a zone and a policy that accept them.
      - V(docker) drops forwarded packets. Its chain C(DOCKER-USER) gets rules that accept them, by a unit that starts with it.
      - V(ufw) drops forwarded and encapsulated packets. It gets rules that accept them, with the comment C(nodenet.fabric).
      - V(sysctl) is a file in C(sysctl.d) that turns forwarding off. A file that is read later turns it on.
      - V(rp_filter) drops packets of tunnels if it is strict. A file in C(sysctl.d) makes it loose on the tunnels.
    type: list
    elements: str
    choices: [udev, networkd, networkmanager, firewalld, docker, ufw, rp_filter, sysctl]
  expected:
    description:
      - The inventory's description of the node, compared with its addresses, routes, policy rules, interfaces, firewalls, ports and
        sysctls. A difference that would cut off the node, or split the fabric, is an error before anything is changed. One that
        would stop some packets is returned in RV(findings).
      - If omitted, the node is not compared.
    type: dict
    suboptions:
      machine:
        description:
          - Whether the node is a machine with its own files and sysctls, as opposed to a namespace of a lab.
        type: bool
        default: true
      backend:
        description:
          - Backend of the fabric.
        type: str
      node_addresses:
        description:
          - Addresses of the node on the underlay.
        type: list
        elements: str
        default: []
      underlay_mtu:
        description:
          - MTU of the underlay, as the inventory has it.
        type: int
      prefixes:
        description:
          - Destinations of the fabric's routes.
        type: list
        elements: dict
        default: []
        suboptions:
          prefix:
            description: The prefix.
            type: str
            required: true
          name:
            description: The inventory variable, for messages.
            type: str
            required: true
      peers:
        description:
          - The other nodes.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          address:
            description: Its address on the underlay.
            type: str
            required: true
          direct:
            description: Whether the route to its endpoints is a plain one with this gateway.
            type: bool
            default: false
      published:
        description:
          - Published ports of the node.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The inventory variable, for messages.
            type: str
            required: true
          protocol:
            description: V(tcp) or V(udp).
            type: str
            required: true
          port:
            description: A port, or a range such as V(8000-8010).
            type: str
            required: true
          address:
            description: Address of the node at which it is published. If omitted, all.
            type: str
      vxlan_vni:
        description:
          - VNI of the fabric's VXLAN device, if there is one.
        type: int
      port_variable:
        description:
          - The inventory variable of the tunnels' UDP port, if O(encapsulation) has one, for messages.
        type: str
      lower_interfaces:
        description:
          - Lower interfaces of the tunnels, which must exist.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The inventory variable, for messages.
            type: str
            required: true
          interface:
            description: Name of the interface.
            type: str
            required: true
      endpoints:
        description:
          - Number of endpoints on the node. For more than 256 the limits of the machine's neighbor tables are raised
            (C(gc_thresh1) to C(gc_thresh3)). M(nodenet.fabric.sweep) restores them; O(state=absent) does not.
        type: int
        default: 0
  interfaces:
    description:
      - Interfaces of the fabric in the node's own namespace, by name or by a pattern such as V(veth-*).
    type: list
    elements: str
    default: []
  tunnels:
    description:
      - Those of O(interfaces) that are tunnels.
    type: list
    elements: str
    default: []
  prefixes:
    description:
      - Subnets of the whole fabric.
    type: list
    elements: str
    default: []
  remotes:
    description:
      - Source addresses of encapsulated packets.
    type: list
    elements: str
    default: []
  encapsulation:
    description:
      - Encapsulation, V(ipip) or V(udp:PORT). If omitted, packets are not encapsulated.
    type: str
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: Check the requirements of a bridge and NAT
  nodenet.fabric.prepare:
    features: [netns, veth, bridge, masquerade]

- name: Also configure other network managers to ignore the fabric
  nodenet.fabric.prepare:
    features: [netns, veth, bridge, vxlan]
    coexist_with: [udev, networkd, networkmanager, firewalld, docker, ufw, rp_filter, sysctl]
    interfaces: [fabric0, veth-*, vxlan1]
    tunnels: [vxlan1]
    prefixes: [10.244.0.0/24, 10.244.1.0/24]
    remotes: [192.168.32.246]
    encapsulation: udp:8472

- name: Remove their configuration
  nodenet.fabric.prepare:
    state: absent
"""

RETURN = r"""
missing_software:
  description: Missing programs and their packages, a phrase for each.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
missing_features:
  description: Missing kernel features, a phrase for each, with the kernel's error.
  returned: when O(state=present)
  type: list
  elements: str
  sample: ["IPIP tunnels (CONFIG_NET_IPIP, module ipip): Error: Unknown device type."]
versions:
  description: Versions of the kernel, iproute2 and nftables.
  returned: when O(state=present)
  type: dict
  sample: {kernel: 6.1.0-18-amd64, iproute2: ip utility, nftables: nftables v1.0.6}
findings:
  description: Settings of the node that will stop some of the fabric's packets, a sentence for each, with the remedy.
  returned: when O(expected) is given
  type: list
  elements: str
  sample: ["the chain ip filter FORWARD of this node's firewall drops forwarded packets: accept packets from and to 10.244.0.0/24
    in it"]
faults:
  description: Differences for which the node is refused, a sentence for each.
  returned: when there are any
  type: list
  elements: str
commands:
  description: The commands that change the kernel's limits by hand.
  returned: when limits are raised or restored
  type: list
  elements: str
configured:
  description: What each installed manager does to a fabric, and how it is configured.
  returned: when O(coexist_with) is given
  type: list
  elements: str
  sample: ["udev changes the MAC address of interfaces created without one (MACAddressPolicy=persistent): now it keeps the MAC
    addresses of the fabric's interfaces"]
files:
  description: The files that were, or in check mode would be, changed.
  returned: when O(coexist_with) is given
  type: list
  elements: str
  sample: [/etc/systemd/network/10-nodenet-fabric.link]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.node.preparation import OPTIONS, prepare
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded


def main():
    module = AnsibleModule(OPTIONS, supports_check_mode=True)
    guarded(module, lambda: prepare(module.params, module.check_mode))


if __name__ == "__main__":
    main()
