#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wireguard
short_description: WireGuard devices
version_added: 0.1.0
description:
  - Creates, changes and removes WireGuard devices with their private key, port and mark (ip-link(8), type wireguard; wg(8)).
    M(nodenet.fabric.wireguard_peer) adds the peers.
  - The device can be changed in place.
  - A private key is written to C(/etc/nodenet/wireguard), to a file of its own with mode 0600 that is named after the public
    key, so that the device can be restored at boot. The file is removed with the device. The key is in no output, no diff, no
    command and no saved file.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.wireguard_peer
    description: Peers of WireGuard devices.
  - module: nodenet.fabric.address
    description: Addresses of interfaces.
  - module: nodenet.fabric.route
    description: Routes.
  - ref: ansible_collections.nodenet.fabric.wireguard_role
    description: The role C(nodenet.fabric.wireguard) encrypts what nodes send to each other.
  - name: wg(8)
    link: https://man7.org/linux/man-pages/man8/wg.8.html
    description: The command for WireGuard devices and peers.
  - name: WireGuard
    link: https://www.wireguard.com/
    description: The protocol, and how allowed IPs choose peers.
options:
  name: &name
    description:
      - Name of the device.
    type: str
  private_key: &private_key
    description:
      - The private key, as C(wg genkey) prints it. Keep it in a vault.
      - Required to create a device, unless O(public_key) names a key that is on the node.
    type: str
  public_key: &public_key
    description:
      - The public key. With O(private_key) it is compared with that of the private key. Without, the private key must be on the
        node, in C(/etc/nodenet/wireguard).
    type: str
  listen_port: &listen_port
    description:
      - UDP port. 0 is any. If omitted, the kernel chooses one, and it is not changed.
    type: int
  fwmark: &fwmark
    description:
      - Mark of the outer packets, for routing rules; 0 is none.
    type: int
  mtu: &mtu
    description:
      - MTU in bytes. If omitted, the kernel sets 1420.
    type: int
  up: &up
    description:
      - Whether the interface is up.
    type: bool
    default: true
  side: &side
    description:
      - The side of the fabric that the interface is on. The sysctls of the interface are then managed, with C(proxy_arp) off.
      - V(node) forwards IPv4, has no strict C(rp_filter), and ignores router advertisements, redirects and source routes.
      - V(endpoint) has C(arp_ignore), C(arp_filter) and C(proxy_arp) 0, and answers ARP requests from any sender.
      - If omitted, these settings are not managed.
    type: str
    choices: [node, endpoint]
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      private_key: *private_key
      public_key: *public_key
      listen_port: *listen_port
      fwmark: *fwmark
      mtu: *mtu
      up: *up
      side: *side
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
- name: Check whether the kernel has WireGuard
  nodenet.fabric.prepare:
    features: [wireguard]
  register: found
  ignore_errors: true

- name: A device for all peers
  nodenet.fabric.wireguard:
    name: wg0
    # RFC 7748's example: make your own with wg genkey
    private_key: dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=
    listen_port: 51820
    mtu: 1420
  when: found is succeeded

- name: Remove it
  nodenet.fabric.wireguard:
    name: wg0
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and wg(8) commands that do the same by hand, in order. In check mode, what would be done.
    - They name the files of secret keys, which are on the node once the object is made.
  returned: success
  type: list
  elements: str
  sample: ["ip link add name wg0 mtu 1420 type wireguard"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.wireguard import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
