#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: requirements
short_description: Check that a node has what the fabric needs
version_added: 0.1.0
description:
  - Says which programs, libraries and kernel features a node lacks. Each feature is tried in a namespace that is
    thrown away,
    so that what is told is what the kernel does, not what a list of modules says.
author:
  - The nodenet.fabric authors (@nodenet)
options:
  features:
    description:
      - What the kernel must be able to do.
    type: list
    elements: str
    choices: [netns, veth, bridge, vlan_filtering, ipv6, vxlan, ipip, wireguard, masquerade]
    default: [netns, veth, bridge]
extends_documentation_fragment:
  - nodenet.fabric.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
"""

EXAMPLES = r"""
- name: Check what the bridge and NAT need
  nodenet.fabric.requirements:
    features: [netns, veth, bridge, masquerade]
"""

RETURN = r"""
missing_software:
  description: What is to be installed, a sentence for each.
  returned: always
  type: list
  elements: str
  sample: []
missing_features:
  description: What the kernel lacks, a sentence for each, with what the kernel said.
  returned: always
  type: list
  elements: str
  sample: ["IPIP tunnels (CONFIG_NET_IPIP, module ipip): Error: Unknown device type."]
versions:
  description: Versions of the kernel, pyroute2, iproute2 and nftables.
  returned: always
  type: dict
  sample: {pyroute2: 0.9.7, kernel: 6.1.0-18-amd64, iproute2: ip utility, nftables: nftables v1.0.6}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.requirements import (
    FEATURES,
    missing_features,
    missing_software,
    versions,
)


def perform(params):
    """Return the module's result for ``params``."""
    software = missing_software()
    return {
        "changed": False,
        "missing_software": software,
        "missing_features": missing_features(params["features"]),
        "versions": versions(),
    }


def main():
    module = AnsibleModule(
        {
            "features": {
                "type": "list",
                "elements": "str",
                "choices": list(FEATURES),
                "default": ["netns", "veth", "bridge"],
            }
        },
        supports_check_mode=True,
    )
    result = perform(module.params)
    lacks = [f"this node's kernel lacks {sentence}" for sentence in result["missing_features"]]
    lacks += [f"this node lacks {sentence}" for sentence in result["missing_software"]]
    if lacks:
        module.fail_json(msg="; ".join(lacks), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
