#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wireguard_peer
short_description: Peers of WireGuard devices
version_added: 0.1.0
description:
  - Adds, changes and removes peers of WireGuard devices (wg(8), set). A peer is identified by its device and its public key.
  - Any number of peers is written in few messages to the kernel.
  - A preshared key is written to C(/etc/nodenet/wireguard), to a file of its own with mode 0600 that is named after a digest,
    and removed with the peer. The key is in no output, no diff, no command and no saved file; the digest is.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.wireguard
    description: WireGuard devices.
  - module: nodenet.fabric.route
    description: Routes.
  - name: wg(8)
    link: https://man7.org/linux/man-pages/man8/wg.8.html
    description: The command for WireGuard devices and peers.
  - name: WireGuard
    link: https://www.wireguard.com/
    description: The protocol, and how allowed IPs choose peers.
options:
  public_key: &public_key
    description:
      - Public key of the peer, as C(wg pubkey) prints it.
    type: str
  dev: &dev
    description:
      - The WireGuard device.
    type: str
  preshared_key: &preshared_key
    description:
      - A secret that only this pair has, as C(wg genpsk) prints it. The empty string is none. If omitted, it is not changed.
    type: str
  preshared_key_digest: &preshared_key_digest
    description:
      - Instead of O(preshared_key), the digest of a key that is on the node, in C(/etc/nodenet/wireguard). The empty string is
        none.
    type: str
  endpoint: &endpoint
    description:
      - Address and port of the peer, such as V(192.0.2.1:51820) or V([2001:db8::1]:51820). If omitted, it is not changed; a new
        peer has none until a packet of it arrives.
      - The kernel follows a peer that sends from elsewhere. The next run sets the endpoint again.
    type: str
  persistent_keepalive: &persistent_keepalive
    description:
      - Seconds between packets that keep the way through NAT open; 0 is off.
    type: int
  allowed_ips: &allowed_ips
    description:
      - Exactly these prefixes are sent to this peer and accepted from it. The empty list is none. If omitted, they are not
        changed.
      - A prefix belongs to one peer of a device.
    type: list
    elements: str
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(public_key) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      public_key:
        <<: *public_key
        required: true
      dev:
        <<: *dev
        required: true
      preshared_key: *preshared_key
      preshared_key_digest: *preshared_key_digest
      endpoint: *endpoint
      persistent_keepalive: *persistent_keepalive
      allowed_ips: *allowed_ips
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

- name: A device
  nodenet.fabric.wireguard:
    name: wg0
    # RFC 7748's example, Alice: make your own with wg genkey
    private_key: dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=
    listen_port: 51820
  when: found is succeeded

- name: A peer with its subnet
  nodenet.fabric.wireguard_peer:
    dev: wg0
    # Bob
    public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
    endpoint: 192.168.32.246:51820
    allowed_ips: [10.244.1.0/24]
  when: found is succeeded

- name: Remove the peer
  nodenet.fabric.wireguard_peer:
    dev: wg0
    public_key: 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
    state: absent
  when: found is succeeded
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and wg(8) commands that do the same by hand, in order. In check mode, what would be done.
    - They name the files of secret keys, which are on the node once the object is made.
  returned: success
  type: list
  elements: str
  sample: ["wg set wg0 peer 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08= endpoint 192.168.32.246:51820 allowed-ips 10.244.1.0/24"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.wireguard_peer import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
