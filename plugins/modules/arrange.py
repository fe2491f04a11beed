#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: arrange
short_description: Arrange objects of several sorts as a whole
version_added: 0.1.0
description:
  - Makes all that belongs together in one task, such as the namespaces, links, addresses and routes of the endpoints on a
    bridge. It is planned as a whole, in an order in which each object finds what it stands on, and if part of it fails
    the node is as it was before all of it.
  - Each option is the name of a module of this collection and lists what that module makes. Of a sort that is not given,
    nothing is made and nothing removed.
  - Several sets at once are given by O(sets), or told by earlier tasks and fetched by O(apply_queued). All of them are one plan.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.sweep
    description: Removes what the collection made.
  - module: nodenet.fabric.fabric_info
    description: Reads the kernel's objects.
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: What the roles need of one node.
  - plugin: nodenet.fabric.each
    plugin_type: filter
    description: Fills in a template for each item of a list.
  - ref: ansible_collections.nodenet.fabric.bridge_role
    description: The role C(nodenet.fabric.bridge) hangs endpoints on a bridge.
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
      - Pairs of links, as O(nodenet.fabric.veth#module:config) takes them.
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
      - Neighbors, as O(nodenet.fabric.neighbor#module:config) takes them.
    type: list
    elements: dict
  vxlan_fdb:
    description:
      - Forwarding entries, as O(nodenet.fabric.vxlan_fdb#module:config) takes them.
    type: list
    elements: dict
  proxy_arp:
    description:
      - Interfaces that answer for others, as O(nodenet.fabric.proxy_arp#module:config) takes them.
    type: list
    elements: dict
  route:
    description:
      - Routes, as O(nodenet.fabric.route#module:config) takes them.
    type: list
    elements: dict
  forwarding:
    description:
      - Forwarding, as O(nodenet.fabric.forwarding#module:config) takes them.
    type: list
    elements: dict
  masquerade:
    description:
      - Masquerade, as O(nodenet.fabric.masquerade#module:config) takes them.
    type: list
    elements: dict
  port_forward:
    description:
      - Published ports, as O(nodenet.fabric.port_forward#module:config) takes them.
    type: list
    elements: dict
  purge:
    description:
      - Remove what is ours, belongs to the set O(owner), is of a sort that is given here, be it an empty list, and is
        not listed.
    type: bool
    default: false
  adopt:
    description:
      - Take over a foreign object of the same name. Without it, a foreign object is a conflict and is left alone.
    type: bool
    default: false
  owner:
    description:
      - Label of the set that the objects belong to. O(purge) and M(nodenet.fabric.sweep) tell sets apart by it.
      - 1 to 64 letters, digits, C(-), C(_) or C(.).
    type: str
    default: default
  sets:
    description:
      - Several sets, each with the lists of this module and with its own O(owner) and O(purge). They are made together with
        what is given beside them.
      - Several entries may be of one owner. Of what sets of different owners say of one object, nothing may contradict.
    type: list
    elements: dict
  remove_sets_except:
    description:
      - Labels of the sets that stay. What is ours and of a set that is neither named here nor given is removed in the same
        run, whatever its sort, as M(nodenet.fabric.sweep) does.
      - Without it, nothing of other sets is removed.
    type: list
    elements: str
  remove_sets_among:
    description:
      - Labels of the sets that O(remove_sets_except) may remove. A set of any other label stays, so that tasks of your own, with an
        O(owner) of their own, are not undone by the playbook nodenet.fabric.site, which names here those of its roles.
      - Without it, O(remove_sets_except) may remove any.
    type: list
    elements: str
  keep_addresses:
    description:
      - Namespaces that keep the address that they have. Where an address of ours in a namespace would be replaced by another
        one of the subnet, the task fails before anything is touched, and says from which address to which.
      - The roles list the endpoints for which the inventory writes no address.
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
          - Prefix that the address is in; addresses outside of it may come and go.
        type: str
        required: true
  apply_queued:
    description:
      - Apply what earlier tasks have queued, too. Where the variable C(fabric_queue) is true, a task of this module without
        O(remove_sets_except) and O(apply_queued), and one of M(nodenet.fabric.prepare), only queues what it declares, does
        nothing on the node, and counts as unchanged.
      - O(adopt) of one of these tasks counts for all of them.
    type: bool
    default: false
  prepare:
    description:
      - Options of M(nodenet.fabric.prepare), which is done first, in the same run of the module.
    type: dict
extends_documentation_fragment:
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
requirements:
  - nft (Debian and Ubuntu package nftables)
notes:
  - After a change the kernel is observed again, and what it did not keep is an error.
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

- name: Take it away again
  nodenet.fabric.arrange:
    owner: lab
    purge: true
    netns: []
    bridge: []
    veth: []
    address: []
    route: []

- name: Two sets at once, and nothing left of any other
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

- name: Tell what belongs together, task by task, and make it at the end
  vars:
    fabric_queue: true
  block:
    - name: Tell of a namespace
      nodenet.fabric.arrange:
        owner: lab
        purge: true
        netns:
          - name: blue

    - name: Tell of the node
      nodenet.fabric.arrange:
        owner: forwarding
        purge: true
        forwarding:
          - family: ipv4

    - name: Make all of it
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
  description: What was found of the node, as M(nodenet.fabric.prepare) returns it.
  returned: when O(prepare) was given, by itself or by an earlier task
  type: dict
  sample: {missing_software: [], missing_features: [], findings: []}
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import COMMON
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SET, SPECS, arrange


def perform(params, check):
    """Return the module's result."""
    if params["prepare"] is None:
        return arrange(params, check)
    # as much as all the rest, and few tasks have a use for it
    from ansible_collections.nodenet.fabric.plugins.module_utils.node.prepared import (  # noqa: PLC0415
        arrange_prepared,
    )

    return arrange_prepared(params, check)


def main():
    spec = {
        **SET,
        "sets": {"type": "list", "elements": "dict"},
        "remove_sets_except": {"type": "list", "elements": "str"},
        "remove_sets_among": {"type": "list", "elements": "str"},
        "apply_queued": {"type": "bool", "default": False},
        "prepare": {"type": "dict"},
        "adopt": COMMON["adopt"],
        "promised": COMMON["promised"],
    }
    module = AnsibleModule(spec, supports_check_mode=True, required_one_of=[[*SPECS, "sets", "remove_sets_except"]])
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
