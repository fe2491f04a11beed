#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sweep
short_description: Remove the objects of the collection from a node
version_added: 0.1.0
description:
  - Removes every object that the modules of this collection made on the node, of all kinds, and restores the sysctls that they
    changed. Foreign objects are left unchanged.
  - Forwarding stays on, as other programs may depend on it by then. A warning names the command that turns it off.
  - With O(except_sets), objects of these sets stay.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.arrange
    description: Objects of several kinds in one transaction.
  - module: nodenet.fabric.fabric_info
    description: Reads the kernel's objects.
  - module: nodenet.fabric.persist
    description: Restores the fabric at boot.
  - ref: ansible_collections.nodenet.fabric.persist_role
    description: The role C(nodenet.fabric.persist) restores the fabric at boot.
  - name: ip-link(8)
    link: https://man7.org/linux/man-pages/man8/ip-link.8.html
    description: The commands for interfaces.
options:
  except_sets:
    description:
      - Labels of the sets whose objects stay. The label is O(nodenet.fabric.netns#module:owner) of the tasks that made them.
    type: list
    elements: str
    default: []
  engines:
    description:
      - Container engines that may have networks of the collection, as in the variable C(fabric_engines). If one of them answers by
        a daemon (docker) that is installed and does not run, the task fails before it removes anything, as it can neither see nor
        remove the network. Engines without a daemon need not be named.
    type: list
    elements: str
    default: []
  engines_optional:
    description:
      - Whether the networks of such an engine are left behind instead, with a warning.
    type: bool
    default: false
extends_documentation_fragment:
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
requirements:
  - nft (Debian and Ubuntu package nftables)
"""

EXAMPLES = r"""
- name: Remove the objects of roles that are no longer used
  nodenet.fabric.sweep:
    except_sets: [bridge, host_gw, nat]

- name: Remove all objects of the collection
  nodenet.fabric.sweep:

- name: Remove all objects of the collection, with Docker's network
  nodenet.fabric.sweep:
    engines: [docker]
"""

RETURN = r"""
commands:
  description:
    - The iproute2, sysctl(8) and nft(8) commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["ip netns del ns245", "ip link del dev lab-br0"]
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
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import all_kinds
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import PROMISED
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.run import execute
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import lost_ports
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.container_network import check_reachable
from ansible_collections.nodenet.fabric.plugins.module_utils.system.pending import forget


def perform(params, check):
    """Return the module's result for ``params``.

    :raises FabricError: an engine does not answer, or something cannot be removed.
    """
    warnings = check_reachable(params.get("engines") or (), params.get("engines_optional", False))
    result = execute(
        all_kinds(),
        [],
        check,
        params["promised"],
        purge=lambda found: found.owner is not None and found.owner not in params["except_sets"],
        refuse_plan=lambda plan: warnings.extend(lost_ports.warnings(plan)),
    )
    if not (check or params["except_sets"]):
        forget()
    return {**result, "warnings": [*warnings, *result.get("warnings", ())]} if warnings else result


def main():
    module = AnsibleModule(
        {
            "except_sets": {"type": "list", "elements": "str", "default": []},
            "engines": {"type": "list", "elements": "str", "default": []},
            "engines_optional": {"type": "bool", "default": False},
            **PROMISED,
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
