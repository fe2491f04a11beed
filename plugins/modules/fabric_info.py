#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fabric_info
short_description: Read the kernel's network objects and their owners
version_added: 0.1.0
description:
  - Reads namespaces, interfaces, bridge ports, addresses, routes and NAT rules of the node, in its own namespace and in the
    namespaces that the collection made, and the sysctls that it set.
  - In check mode, objects planned by earlier tasks of the run are returned as if they existed.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.walk
    description: The way of a packet through what this module reads.
  - module: nodenet.fabric.arrange
    description: Objects of several kinds in one transaction.
  - module: nodenet.fabric.sweep
    description: Removes what the collection made.
  - module: nodenet.fabric.probe
    description: Pings, measures paths and checks ports on a node.
  - ref: ansible_collections.nodenet.fabric.verify_role
    description: The role C(nodenet.fabric.verify) verifies the fabric with packets.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
  - name: nft(8)
    link: https://www.netfilter.org/projects/nftables/manpage.html
    description: The commands and the language of nftables.
options:
  netns:
    description:
      - Namespaces to read, by name or path (C(/proc/PID/ns/net) for that of a process). The empty string is the node's own.
        If omitted, the node's own and those that the collection made.
    type: list
    elements: str
  ours:
    description:
      - Return only objects of the collection.
    type: bool
    default: false
  learned:
    description:
      - Also return the neighbor entries that the kernel has learned. They come and go, and have no owner.
    type: bool
    default: false
  network:
    description:
      - Also return all that decides about packets, of any owner, as one record for each namespace. In check mode it is what earlier
        tasks of the run would leave.
    type: bool
    default: false
  engines:
    description:
      - Container engines of the node to ask for their running containers on the network C(fabric). V(cni) and V(systemd) do not
        know any, and what is not installed has none.
    type: list
    elements: str
    choices: [docker, podman, cni, systemd]
extends_documentation_fragment:
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.reads
requirements:
  - nft (Debian and Ubuntu package nftables)
"""

EXAMPLES = r"""
- name: Read the objects that the collection made on this node
  nodenet.fabric.fabric_info:
    ours: true
  register: fabric_state

- name: Read all that decides about packets in the node's own namespace
  nodenet.fabric.fabric_info:
    netns: [""]
    network: true
  register: fabric_network

- name: Show its routes
  ansible.builtin.debug:
    var: fabric_state.objects.route
"""

RETURN = r"""
objects:
  description:
    - For each kind (C(netns), C(nft_table), C(sysctl), C(link), C(wireguard), C(wireguard_peer), C(port), C(address),
      C(neighbor), C(proxy), C(fdb), C(route), C(nat), C(container_network), C(config_file))
      a list of objects, each with its namespace C(netns), its C(key), its C(values),
      and C(owner), the label of its set (V(null) if it is foreign).
  returned: success
  type: dict
  sample: {"address": [{"netns": "", "key": ["lab-br0", "10.15.10.1/24"], "values": {"scope": "global"}, "owner": "bridge"}]}
learned:
  description:
    - Neighbors that the kernel has learned, each with the namespace C(netns), the interface C(dev), its C(address), its C(mac)
      (V(null) if it has not answered) and its C(state), as ip-neighbour(8) calls it.
  returned: when O(learned) is true
  type: list
  elements: dict
  sample: [{"netns": "", "dev": "lab-br0", "address": "10.15.10.2", "mac": "02:42:0a:0f:0a:02", "state": "reachable"}]
network:
  description:
    - All that decides about packets. C(source) is C(observed), in check mode C(planned); C(namespaces) has a record for each
      namespace that is there.
    - A record has C(links) (each with its settings C(ipv4) and C(ipv6)), C(addresses), C(rules) of routing, C(routes) of all tables
      but C(local), C(neighbors), C(proxies), C(fdb), C(sysctls), C(nftables) as C(nft -j list ruleset) prints it (V(null) if nft
      cannot), and C(unknown), a sentence for each thing that may decide about packets and is not in the record.
    - Each object has its C(owner), the label of its set (V(null) if it is foreign).
  returned: when O(network) is true
  type: dict
  sample: {"source": "observed", "namespaces": {"": {"addresses": [{"dev": "lab-br0", "address": "10.15.10.1/24", "scope": "global",
    "tentative": false, "owner": "bridge"}]}}}
containers:
  description:
    - The running containers on the network C(fabric), each with its C(engine), C(name), C(pid) and C(addresses).
  returned: when O(engines) is given
  type: list
  elements: dict
  sample: [{"engine": "podman", "name": "web", "pid": 4711, "addresses": ["10.15.10.129"]}]
engines:
  description:
    - For each engine that is installed and knows its containers an empty text, or why it could not be asked.
  returned: when O(engines) is given
  type: dict
  sample: {"podman": ""}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import Scope
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.learned import learned_neighbors
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.containers import running
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.network_state import network_state
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import PROMISED, reference
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.run import on_node


def perform(params, check=False):
    """Return the module's result for ``params``."""
    return on_node(lambda session: _observed(session, params, check), promised=params["promised"])


def _observed(session, params, check):
    named = params["netns"]
    where = (
        {"", *session.kernel.ledger.namespaces()} if named is None else {reference({"netns": text}) for text in named}
    )
    found = session.observe(Scope(where))
    if check:
        session.overlay(found)
    learned = (
        [one for netns in sorted(where) for one in learned_neighbors(session.kernel, netns)]
        if params.get("learned")
        else None
    )
    objects = {name: [] for name in session.kinds}
    for resource in found.values():
        if resource.owner is not None or not params["ours"]:
            objects[resource.kind].append(
                {
                    "netns": resource.netns,
                    "key": list(resource.key[1:]),
                    "values": resource.values,
                    "owner": resource.owner,
                }
            )
    more = {} if learned is None else {"learned": learned}
    if params.get("network"):
        if named is None:  # those that are promised, too
            where |= {one.netns for one in found.values() if one.kind == "netns" and one.owner is not None}
        more["network"] = {
            "source": "planned" if check else "observed",
            "namespaces": network_state(session.kernel, found, where, check),
        }
    asked = {} if params.get("engines") is None else running(params["engines"])
    return {"changed": False, "objects": objects, **more, **asked}


def main():
    module = AnsibleModule(
        {
            "netns": {"type": "list", "elements": "str"},
            "ours": {"type": "bool", "default": False},
            "learned": {"type": "bool", "default": False},
            "network": {"type": "bool", "default": False},
            "engines": {"type": "list", "elements": "str", "choices": ["docker", "podman", "cni", "systemd"]},
            **PROMISED,
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
