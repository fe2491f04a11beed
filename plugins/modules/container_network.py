#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_network
short_description: Manage networks of Docker, Podman and CNI on a bridge of the node
version_added: 0.1.0
description:
  - Creates, recreates and removes a network of a container engine on a bridge that is there, so that containers which the engine
    starts are on the same network as the fabric's endpoints. The engine hands out addresses of a part of the subnet.
  - Docker's network is one of its driver C(bridge), made by the API of its daemon on C(/run/docker.sock). Podman's is a file in
    C(/etc/containers/networks) for netavark, CNI's a file in C(/etc/cni/net.d) for the plugins C(bridge), C(host-local) and
    C(portmap); the network C(fabric) is C(10-nodenet.conflist).
  - No engine masquerades what leaves the network; M(nodenet.fabric.masquerade) does. Docker and CNI publish ports as usual.
  - A network lasts over a reboot by itself. No engine changes one that is there, so a difference makes it anew. That, and its
    removal, is refused with the names of the containers while any is attached, a stopped one too.
  - A network of the same name that is not the collection's is left alone.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.bridge
    description: Bridges.
  - module: nodenet.fabric.masquerade
    description: Masquerading of packets that leave the node.
  - module: nodenet.fabric.netns
    description: Namespaces of endpoints.
  - name: Docker's bridge driver
    link: https://docs.docker.com/engine/network/drivers/bridge/
    description: The options of Docker's networks.
  - name: podman-network(1)
    link: https://docs.podman.io/en/latest/markdown/podman-network.1.html
    description: Podman's networks.
options:
  name: &name
    description:
      - Name of the network, by which containers ask for it.
    type: str
  engine: &engine
    description:
      - The engine whose network it is. Required.
      - V(docker) needs the package C(docker.io), V(podman) C(podman) and C(netavark), V(cni) C(containernetworking-plugins).
    type: str
    choices: [docker, podman, cni]
  bridge: &bridge
    description:
      - The bridge to which the engine connects containers. It must be there. Required to create a network.
    type: str
  mtu: &mtu
    description:
      - MTU of the containers' interfaces in bytes. Required to create a network.
    type: int
  subnets: &subnets
    description:
      - The subnet of the network, or one of each family. Required to create a network. V(docker) needs one of IPv4.
    type: list
    elements: dict
    suboptions:
      subnet:
        description:
          - A prefix.
        type: str
        required: true
      gateway:
        description:
          - Address of the containers' default gateway; usually the bridge's.
        type: str
      range:
        description:
          - The part of the subnet of which the engine hands out addresses, a prefix. If omitted, the whole.
        type: str
  trusted_interfaces: &trusted_interfaces
    description:
      - Interfaces behind which other hosts reach the containers by their own addresses, such as tunnels to other nodes.
      - Docker drops packets that arrive on any other interface from 28.0 on, and has this option from 28.2 on
        (C(com.docker.network.bridge.trusted_host_interfaces)). An older Docker, and the other engines, need none.
    type: list
    elements: str
    default: []
  trusted_addresses: &trusted_addresses
    description:
      - As O(trusted_interfaces), by addresses of the node; the interface that has the address is meant.
    type: list
    elements: str
    default: []
  optional: &optional
    description:
      - If the engine is not installed, or its daemon does not run, warn and make no network of it, instead of failing.
    type: bool
    default: false
  config:
    description:
      - Several networks in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      engine:
        <<: *engine
        required: true
      bridge: *bridge
      mtu: *mtu
      subnets: *subnets
      trusted_interfaces: *trusted_interfaces
      trusted_addresses: *trusted_addresses
      optional: *optional
      state:
        description:
          - Whether this entry exists. If omitted, as the task says.
        type: str
        choices: [present, absent]
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.set
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: A bridge with an address
  nodenet.fabric.arrange:
    bridge: [{name: br0, mtu: 1450}]
    address: [{dev: br0, address: 172.245.0.1/24}]

- name: Containers of Docker on it, which get the upper half of the subnet (docker run --network fabric)
  nodenet.fabric.container_network:
    engine: docker
    name: fabric
    bridge: br0
    mtu: 1450
    subnets: [{subnet: 172.245.0.0/24, gateway: 172.245.0.1, range: 172.245.0.128/25}]
    trusted_interfaces: [vxlan.1]

- name: A quarter for each of two engines
  nodenet.fabric.container_network:
    config:
      - engine: podman
        name: fabric
        bridge: br0
        mtu: 1450
        subnets: [{subnet: 172.245.0.0/24, gateway: 172.245.0.1, range: 172.245.0.128/26}]
      - engine: cni
        name: fabric
        bridge: br0
        mtu: 1450
        subnets: [{subnet: 172.245.0.0/24, gateway: 172.245.0.1, range: 172.245.0.192/26}]

- name: Remove one
  nodenet.fabric.container_network:
    engine: docker
    name: fabric
    state: absent
"""

RETURN = r"""
commands:
  description: The commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["docker network create --driver=bridge --subnet=172.245.0.0/24 --opt=com.docker.network.bridge.name=br0 fabric"]
reasons:
  description: Why an object was recreated instead of changed in place.
  returned: when one was recreated
  type: list
  elements: str
conflicts:
  description: Why nothing was done, a sentence for each reason, such as a foreign network or containers that are attached.
  returned: when there is a conflict
  type: list
  elements: str
stats:
  description: Number of objects observed and changed, seconds in total and for each stage, and counts of netlink requests.
  returned: success
  type: dict
  sample: {observed: 3, changed: 1, seconds: 0.05, stages: {observe: 0.02, plan: 0.001, apply: 0.03}, sockets: 1, sends: 2, requests: 2}
"""

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.container_network import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
