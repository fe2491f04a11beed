#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: arrange
short_description: Manage objects of several kinds in one transaction
version_added: 0.1.0
description:
  - Creates, changes and removes objects of several kinds in one task, such as the namespaces, interfaces, addresses and routes
    of endpoints on a bridge. They are planned together, in the order in which they depend on each other. If one fails, the
    node is restored to its earlier state.
  - Each option is named as a module of this collection and lists the objects of that module. Objects of a kind that is not
    given are neither made nor removed.
  - Several sets can be given with O(sets), or queued by earlier tasks and applied with O(apply_queued). They are one plan.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.sweep
    description: Removes what the collection made.
  - module: nodenet.fabric.fabric_info
    description: Reads the kernel's objects.
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: The model of one node.
  - plugin: nodenet.fabric.each
    plugin_type: filter
    description: Fills in a template for each item of a list.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) connects endpoints to a bridge.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
options:
  netns:
    description:
      - Namespaces, as O(nodenet.fabric.netns#module:config) takes them.
    type: list
    elements: dict
  bridge:
    description:
      - Bridges, as O(nodenet.fabric.bridge#module:config) takes them.
    type: list
    elements: dict
  veth:
    description:
      - Veth pairs, as O(nodenet.fabric.veth#module:config) takes them.
    type: list
    elements: dict
  vxlan:
    description:
      - VXLAN devices, as O(nodenet.fabric.vxlan#module:config) takes them.
    type: list
    elements: dict
  ipip_tunnel:
    description:
      - IPIP tunnels, as O(nodenet.fabric.ipip_tunnel#module:config) takes them.
    type: list
    elements: dict
  wireguard:
    description:
      - WireGuard devices, as O(nodenet.fabric.wireguard#module:config) takes them, without C(private_key). Their private keys
        are in O(keys), or on the node.
    type: list
    elements: dict
  wireguard_peer:
    description:
      - Peers of WireGuard devices, as O(nodenet.fabric.wireguard_peer#module:config) takes them, without C(preshared_key).
        Their preshared keys are in O(keys), or on the node.
    type: list
    elements: dict
  keys:
    description:
      - Secret keys of WireGuard, which objects name by their public key or digest. They are not logged.
    type: dict
    suboptions:
      private:
        description:
          - Private keys, as wg(8) prints them.
        type: list
        elements: str
      preshared:
        description:
          - Preshared keys, as wg(8) prints them.
        type: list
        elements: str
  bridge_port:
    description:
      - Bridge ports, as O(nodenet.fabric.bridge_port#module:config) takes them.
    type: list
    elements: dict
  address:
    description:
      - Addresses, as O(nodenet.fabric.address#module:config) takes them.
    type: list
    elements: dict
  neighbor:
    description:
      - Permanent neighbor entries, as O(nodenet.fabric.neighbor#module:config) takes them.
    type: list
    elements: dict
  vxlan_fdb:
    description:
      - Forwarding entries of VXLAN devices, as O(nodenet.fabric.vxlan_fdb#module:config) takes them.
    type: list
    elements: dict
  proxy_arp:
    description:
      - Interfaces with proxy ARP or proxy NDP, as O(nodenet.fabric.proxy_arp#module:config) takes them.
    type: list
    elements: dict
  route:
    description:
      - Routes, as O(nodenet.fabric.route#module:config) takes them.
    type: list
    elements: dict
  forwarding:
    description:
      - Forwarding, as O(nodenet.fabric.forwarding#module:config) takes it.
    type: list
    elements: dict
  masquerade:
    description:
      - Masquerade rules, as O(nodenet.fabric.masquerade#module:config) takes them.
    type: list
    elements: dict
  port_forward:
    description:
      - Published ports, as O(nodenet.fabric.port_forward#module:config) takes them.
    type: list
    elements: dict
  guard:
    description:
      - Guards, as O(nodenet.fabric.guard#module:config) takes them.
    type: list
    elements: dict
  policy:
    description:
      - Policies, as O(nodenet.fabric.policy#module:config) takes them.
    type: list
    elements: dict
  config_file:
    description:
      - Configuration files, as O(nodenet.fabric.config_file#module:config) takes them.
    type: list
    elements: dict
  container_network:
    description:
      - Networks of container engines, as O(nodenet.fabric.container_network#module:config) takes them.
    type: list
    elements: dict
  purge:
    description:
      - Remove objects of the set O(owner) that are not listed, of the kinds that are given, even as an empty list.
    type: bool
    default: false
  sets:
    description:
      - Several sets, each with the lists of this module and its own O(owner) and O(purge). They are one plan with the objects
        given outside of O(sets).
      - Several entries may have one owner. Sets of different owners may not contradict each other about an object.
    type: list
    elements: dict
  remove_sets_except:
    description:
      - Labels of the sets that stay. Objects of all other sets that are not given in the task are removed in the same plan, as
        M(nodenet.fabric.sweep) does.
      - If omitted, nothing of other sets is removed.
    type: list
    elements: str
  remove_sets_among:
    description:
      - Labels of the sets that O(remove_sets_except) may remove. The playbook nodenet.fabric.site lists those of its roles here,
        so that sets of your own tasks stay.
      - If omitted, O(remove_sets_except) may remove any set.
    type: list
    elements: str
  peer_sets:
    description:
      - Labels of the sets whose routes lead to peers. The task warns if it removes the routes to a peer and no set has others.
    type: list
    elements: str
  keep_addresses:
    description:
      - Namespaces that keep their address. If an address of the collection would be replaced by another one of the subnet, the task
        fails before it changes anything, and names both addresses.
      - The roles list the endpoints that have no address in the inventory.
    type: list
    elements: dict
    default: []
    suboptions:
      netns:
        description:
          - Name of the namespace.
        type: str
        required: true
      subnet:
        description:
          - Prefix of the address. Addresses outside of it may change.
        type: str
        required: true
  apply_queued:
    description:
      - Also apply what earlier tasks have queued. While the variable C(fabric_queue) is true, a task of this module without
        O(remove_sets_except) and O(apply_queued) only queues its options, and so does one of M(nodenet.fabric.prepare) or
        M(nodenet.fabric.persist). It does nothing on the node and reports no change.
      - O(adopt) of one of these tasks applies to all of them.
    type: bool
    default: false
  phase:
    description:
      - Do only one phase of the change, so that all nodes can be brought through it before any goes on to the next. Meanwhile
        every node reaches every other one, and no packet is lost.
      - V(expand) makes what is needed to receive by the new way. V(switch) replaces routes in place. V(contract) removes what
        is old, and makes anew what cannot be changed in place.
      - If omitted, all is done at once.
      - In check mode, V(expand) shows all three phases.
    type: str
    choices: [expand, switch, contract]
  prepare:
    description:
      - Options of M(nodenet.fabric.prepare), which runs first, in the same task.
    type: dict
  persist:
    description:
      - Options of M(nodenet.fabric.persist), which runs last, in the same task. It does not run after a failure.
    type: dict
  commit:
    description:
      - The changes of this task are undone on the node after O(commit.timeout) seconds, unless M(nodenet.fabric.commit) confirms
        them. Several tasks may have one O(commit.id); they are undone together.
      - Right before its first change, the node's state is written to C(/run/nodenet/pending) and a timer is started which needs
        neither the connection nor this module. A task that changes nothing begins no commit.
      - While a commit is pending, any other task that would change something is refused. O(persist) runs with the confirmation.
      - If omitted, the changes are final.
    type: dict
    suboptions:
      id:
        description:
          - Identifies the commit on all nodes.
        type: str
        required: true
      timeout:
        description:
          - Seconds from the first change until it is undone.
        type: int
        required: true
      holder:
        description:
          - Who makes the change. Others who are refused read it.
        type: str
        default: ""
extends_documentation_fragment:
  - nodenet.fabric.common.set
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
requirements:
  - nft (Debian and Ubuntu package nftables)
"""

EXAMPLES = r"""
- name: An endpoint on a bridge
  nodenet.fabric.arrange:
    owner: lab
    purge: true
    netns:
      - name: red
    bridge:
      - name: br0
        addrgenmode: none
    veth:
      - name: v-red
        master: br0
        peer:
          name: eth0
          netns: red
    address:
      - dev: br0
        address: 10.15.10.1/24
      - netns: red
        dev: eth0
        address: 10.15.10.2/24
    route:
      - netns: red
        prefix: default
        via: 10.15.10.1

- name: Remove it again
  nodenet.fabric.arrange:
    owner: lab
    purge: true
    netns: []
    bridge: []
    veth: []
    address: []
    route: []

- name: Two sets in one task, and remove all others
  nodenet.fabric.arrange:
    remove_sets_except: []
    sets:
      - owner: lab
        purge: true
        netns:
          - name: red
        veth:
          - name: v-red
            peer:
              name: eth0
              netns: red
        address:
          - dev: v-red
            address: 10.15.10.1/24
      - owner: nat
        purge: true
        masquerade:
          - source: 10.15.10.0/24

- name: A change that is undone after 60 seconds, unless it is confirmed
  nodenet.fabric.arrange:
    owner: lab
    purge: true
    netns:
      - name: green
    commit:
      id: example-1
      timeout: 60

- name: Confirm it
  nodenet.fabric.commit:
    id: example-1
    state: confirmed

- name: Queue objects in several tasks, and apply them at the end
  vars:
    fabric_queue: true
  block:
    - name: Queue a namespace
      nodenet.fabric.arrange:
        owner: lab
        purge: true
        netns:
          - name: blue

    - name: Queue forwarding
      nodenet.fabric.arrange:
        owner: forwarding
        purge: true
        forwarding:
          - family: ipv4

    - name: Apply both
      nodenet.fabric.arrange:
        apply_queued: true
        remove_sets_except: []
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip netns add ns245", "ip -n ns245 link set lo up"]
prepared:
  description: The result of M(nodenet.fabric.prepare).
  returned: when O(prepare) was given, or queued by an earlier task
  type: dict
  sample: {missing_software: [], missing_features: [], findings: []}
persisted:
  description: The result of M(nodenet.fabric.persist).
  returned: when O(persist) was given, or queued by an earlier task
  type: dict
  sample: {objects: 17, files: [/etc/nodenet/fabric.json]}
last_commit:
  description: Id of the commit that ended last on this node, and how it C(ended); V(null) if there was none since the node booted.
  returned: when O(commit) was given
  type: dict
  sample: {id: 20261128-040512-3f9a, ended: confirmed}
phases:
  description:
    - Phase -> what there was to do in it when the task began, for the phase of the task and those after it, with the number of
      C(objects), their C(counts) as in RV(stats), and the C(commands).
  returned: when O(phase) was given
  type: dict
  sample:
    expand: {objects: 2, counts: {made: {address: 2}}, commands: ["ip address add 10.244.9.2/32 dev vxlan1"]}
    switch: {objects: 0, counts: {}, commands: []}
    contract: {objects: 0, counts: {}, commands: []}
remaining:
  description: The later phases in which there is something left to do on this node.
  returned: when O(phase) was given
  type: list
  elements: str
  sample: [switch, contract]
pending:
  description: Whether the commit waits for its confirmation. One that changes nothing does not begin.
  returned: when O(commit) was given
  type: bool
reasons:
  description: Why an object was recreated instead of changed in place.
  returned: when one was recreated
  type: list
  elements: str
stats:
  description:
    - Number of objects observed and changed, by kind (C(counts)), seconds in total and for each stage, and counts of netlink
      requests.
  returned: success
  type: dict
  sample: {observed: 12, changed: 2, counts: {made: {address: 2}},
    seconds: 0.01, stages: {observe: 0.004, plan: 0.001, apply: 0.005}, sockets: 2, sends: 6, requests: 6}
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.kind import PHASES
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import COMMON
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import KEYS, SET, arrange

if TYPE_CHECKING:  # what the program nodenet-fabric consists of is sent to the node, and not loaded
    from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli  # noqa: F401


def perform(params, check):
    """Return the module's result."""
    if all(params[name] is None for name in ("prepare", "persist", "commit")):
        return arrange(params, check)
    # as much as all the rest, and few tasks have a use for it
    from ansible_collections.nodenet.fabric.plugins.module_utils.node.site import site  # noqa: PLC0415

    return site(params, check)


ARGUMENTS = {
    **SET,
    "keys": KEYS,
    "sets": {"type": "list", "elements": "dict"},
    "remove_sets_except": {"type": "list", "elements": "str"},
    "remove_sets_among": {"type": "list", "elements": "str"},
    "peer_sets": {"type": "list", "elements": "str"},
    "apply_queued": {"type": "bool", "default": False},
    "phase": {"type": "str", "choices": list(PHASES)},
    "prepare": {"type": "dict"},
    "persist": {"type": "dict"},
    "commit": {
        "type": "dict",
        "options": {
            "id": {"type": "str", "required": True},
            "timeout": {"type": "int", "required": True},
            "holder": {"type": "str", "default": ""},
        },
    },
    "adopt": COMMON["adopt"],
    "promised": COMMON["promised"],
}


def main():
    module = AnsibleModule(
        ARGUMENTS, supports_check_mode=True, required_one_of=[[*SPECS, "sets", "remove_sets_except"]]
    )
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
