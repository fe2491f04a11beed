#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Manage named network namespaces
version_added: 0.1.0
description:
  - Creates and removes named network namespaces as ip-netns(8) does, below C(/run/netns).
  - Also sets what must be set before the first interface of a namespace comes up, such as whether it has IPv6.
  - A name can be given to the namespace of a running process or container (O(pid), O(container)), so that other modules plug
    that in as any endpoint. Only interfaces, addresses and routes of the fabric are removed from it again; what else it has
    stays, and it lives on.
  - Removing a namespace in which a process still runs removes the fabric's interfaces from it and its name. The process lives
    on, and a warning names it.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.veth
    description: Pairs of interfaces that join namespaces.
  - module: nodenet.fabric.arrange
    description: Objects of several kinds in one transaction.
  - module: nodenet.fabric.persist
    description: What is restored at boot, and each minute.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) connects endpoints to a bridge.
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
      - Whether interfaces in the namespace have IPv6. Without it they send no multicast when they come up, which a bridge
        with many ports would flood.
      - If omitted, it is not changed.
    type: bool
  inherit: &inherit
    description:
      - Whether a new namespace inherits sysctls of the machine. With V(false), C(arp_ignore), C(arp_filter) and C(rp_filter) of
        C(net.ipv4.conf.all) are 0, and a new namespace does not forward. A namespace that inherits C(arp_ignore=2), for example,
        does not answer ARP requests for a routed address.
      - If omitted, they are not managed.
    type: bool
  pid: &pid
    description:
      - The process whose network namespace is named, as with C(ip netns attach). Mutually exclusive with O(container).
      - With another process the old namespace loses the name and the fabric's interfaces, and all is made anew in the new one.
      - With O(lo=false) or O(ipv6=false) its loopback and its other interfaces stay as they are.
      - A process that has ended, and one in the node's own network namespace, is an error.
    type: int
  container: &container
    description:
      - The running container whose network namespace is named; it is best started without a network of its own
        (C(--network none)).
      - If the container was started again, it has another namespace. It is plugged in again by the next run, and by
        C(nodenet-fabric restore), which a timer runs each minute if O(nodenet.fabric.persist#module:repair=true).
      - A container that does not run is an error; C(nodenet-fabric restore) leaves out such an endpoint, and restores the others.
    type: dict
    suboptions:
      engine:
        description:
          - The program that runs the container.
        type: str
        choices: [docker, podman, lxc, nspawn]
        required: true
      name:
        description:
          - The container's name.
        type: str
        required: true
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(name) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      name:
        <<: *name
        required: true
      lo: *lo
      ipv6: *ipv6
      inherit: *inherit
      pid: *pid
      container: *container
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
- name: A namespace for an endpoint, without IPv6
  nodenet.fabric.netns:
    name: ns245
    ipv6: false

- name: Three in one task, and no others of this set
  nodenet.fabric.netns:
    config:
      - name: red
      - name: green
      - name: blue
        lo: false
    purge: true

- name: The namespace of a container that was started with --network none
  nodenet.fabric.netns:
    name: web
    container: {engine: podman, name: web}

- name: Remove it with everything inside
  nodenet.fabric.netns:
    name: ns245
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip netns add ns245", "ip -n ns245 link set lo up"]
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

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.netns import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
