#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prepare
short_description: See to what a node needs before there is a fabric on it
version_added: 0.1.0
description:
  - Checks which programs, libraries and kernel features a node lacks, and fails if it lacks some. Each feature is tried in a
    namespace that is thrown away, so that what is told is what the kernel does, not what a list of modules says.
  - Then, with O(coexist_with), looks which of systemd-udevd, systemd-networkd, NetworkManager, firewalld, Docker, ufw, a strict
    reverse path filter and sysctl files that turn forwarding off the node has, and writes for each that is there the file that
    has it leave the fabric alone.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.validate
    description: Checks the whole inventory.
  - module: nodenet.fabric.persist
    description: Keeps the fabric over a reboot.
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
      - V(absent) removes all of these files and the rules that they stand for, and checks nothing.
    type: str
    choices: [present, absent]
    default: present
  features:
    description:
      - What the kernel must be able to do.
    type: list
    elements: str
    choices: [netns, veth, bridge, vlan_filtering, vxlan, ipip, wireguard, ipv6, masquerade]
    default: [netns, veth, bridge]
  install:
    description:
      - Packages to install, with M(ansible.builtin.package), where a program is missing; the node is checked again afterwards.
      - Without any, a missing program is an error.
    type: list
    elements: str
    default: []
  coexist_with:
    description:
      - Whom to keep the fabric from, where they are on the node. What is not on the node gets no file, and a file of ours
        whose program is gone or no longer listed is removed.
      - Without it nobody is told anything, and no file is looked at.
      - V(udev) gives interfaces other MAC addresses (a C(.link) file with C(MACAddressPolicy=none)).
      - V(networkd) removes foreign routes and takes interfaces over (C(ManageForeignRoutes=no), C(Unmanaged=yes)).
      - V(networkmanager) takes interfaces over (C(unmanaged-devices)).
      - V(firewalld) rejects what is forwarded, and encapsulated packets (a zone and a policy).
      - V(docker) drops what is forwarded (rules in its chain C(DOCKER-USER), by a unit that starts with it).
      - V(ufw) drops what is forwarded, and encapsulated packets (rules of its own, with the comment nodenet.fabric).
      - V(sysctl) is a file of others that turns forwarding off again at the next C(sysctl --system) (a file that comes after it).
      - V(rp_filter) drops what arrives by a tunnel where it is strict (loose on the tunnels, by C(sysctl.d)).
    type: list
    elements: str
    choices: [udev, networkd, networkmanager, firewalld, docker, ufw, rp_filter, sysctl]
  expected:
    description:
      - What the inventory expects of the node. It is compared with the addresses, routes, rules, interfaces, firewalls, ports
        and settings that the node really has. What would cut the node off, or the fabric, is refused before anything is
        touched; what would stop some packets is returned in RV(findings).
      - Without it the node is not read.
    type: dict
    suboptions:
      machine:
        description:
          - Whether the node is a machine with files and settings of its own, not a namespace of one.
        type: bool
        default: true
      backend:
        description:
          - The fabric's backend.
        type: str
      node_addresses:
        description:
          - The node's addresses on the underlay.
        type: list
        elements: str
        default: []
      underlay_mtu:
        description:
          - The MTU that the way to the peers is said to have.
        type: int
      prefixes:
        description:
          - What the fabric's routes lead to.
        type: list
        elements: dict
        default: []
        suboptions:
          prefix:
            description: The prefix.
            type: str
            required: true
          name:
            description: The variable that says so.
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
            description: Whether a plain route leads to its endpoints, by way of this address.
            type: bool
            default: false
      published:
        description:
          - The ports that the node publishes.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The variable that says so.
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
            description: The node's address at which it is published; unset, all.
            type: str
      vxlan_vni:
        description:
          - The VNI of the fabric's VXLAN device, if it has one.
        type: int
      port_variable:
        description:
          - The variable with the UDP port of the tunnels, if they have one (see O(encapsulation)).
        type: str
      lower_interfaces:
        description:
          - Interfaces of the node on which tunnels are.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: The variable that names the interface.
            type: str
            required: true
          interface:
            description: Name of the interface.
            type: str
            required: true
      endpoints:
        description:
          - How many endpoints the node will have. For more than 256, the limits of the machine's neighbor tables are raised
            (C(gc_thresh1) to C(gc_thresh3)); O(state=absent) leaves that to M(nodenet.fabric.sweep), which gives them back.
        type: int
        default: 0
  interfaces:
    description:
      - The fabric's interfaces in the node's own namespace, by name or by a pattern such as V(veth-*).
    type: list
    elements: str
    default: []
  tunnels:
    description:
      - Those of them that are tunnels.
    type: list
    elements: str
    default: []
  prefixes:
    description:
      - The subnets of the whole fabric.
    type: list
    elements: str
    default: []
  remotes:
    description:
      - Addresses from which encapsulated packets come.
    type: list
    elements: str
    default: []
  encapsulation:
    description:
      - How they are encapsulated, V(ipip) or V(udp:PORT). Without it they are not.
    type: str
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: Check what the bridge and NAT need
  nodenet.fabric.prepare:
    features: [netns, veth, bridge, masquerade]

- name: Have whatever else acts on this node's network leave the fabric alone, too
  nodenet.fabric.prepare:
    features: [netns, veth, bridge, vxlan]
    coexist_with: [udev, networkd, networkmanager, firewalld, docker, ufw, rp_filter, sysctl]
    interfaces: [fabric0, veth-*, vxlan1]
    tunnels: [vxlan1]
    prefixes: [10.244.0.0/24, 10.244.1.0/24]
    remotes: [192.168.32.246]
    encapsulation: udp:8472

- name: Take back what they were told
  nodenet.fabric.prepare:
    state: absent
"""

RETURN = r"""
missing_software:
  description: What is to be installed, a sentence for each.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
missing_features:
  description: What the kernel lacks, a sentence for each, with what the kernel said.
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
  description: What of the node will stop some of the fabric's packets, a sentence for each, with what to do.
  returned: when O(expected) is given
  type: list
  elements: str
  sample: ["the chain ip filter FORWARD of this node's firewall drops what is forwarded: accept there what comes from and goes
    to 10.244.0.0/24"]
faults:
  description: Why the node is refused, a sentence for each.
  returned: when it is
  type: list
  elements: str
commands:
  description: The commands that set the kernel's limits by hand.
  returned: when some are to be raised, or given back
  type: list
  elements: str
configured:
  description: What each program that was found does, and how it was configured.
  returned: when O(coexist_with) is given
  type: list
  elements: str
  sample: ["udev gives interfaces that were made without a MAC address another one (MACAddressPolicy=persistent): now it leaves
    the MAC addresses of the fabric's interfaces as they are"]
files:
  description: The files that differ from what they are to be, or did.
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
