#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: meddlers
short_description: Keep the fabric out of the hands of what else acts on a node's network
version_added: 0.1.0
description:
  - Looks which of systemd-udevd, systemd-networkd, NetworkManager, firewalld, Docker and a strict reverse path filter the
    node has, and writes for each that is there the file that has it leave the fabric alone.
  - What is not on the node gets no file, and a file of ours whose meddler is gone or no longer listed is removed.
author:
  - The nodenet.fabric authors (@nodenet)
options:
  state:
    description:
      - V(absent) removes all of these files and the rules that they stand for.
    type: str
    choices: [present, absent]
    default: present
  meddlers:
    description:
      - Whom to keep the fabric from, where they are on the node.
      - V(udev) gives interfaces other MAC addresses (a C(.link) file with C(MACAddressPolicy=none)).
      - V(networkd) removes foreign routes and takes interfaces over (C(ManageForeignRoutes=no), C(Unmanaged=yes)).
      - V(networkmanager) takes interfaces over (C(unmanaged-devices)).
      - V(firewalld) rejects what is forwarded, and encapsulated packets (a zone and a policy).
      - V(docker) drops what is forwarded (rules in its chain C(DOCKER-USER), by a unit that starts with it).
      - V(rp_filter) drops what arrives by a tunnel where it is strict (loose on the tunnels, by C(sysctl.d)).
    type: list
    elements: str
    choices: [udev, networkd, networkmanager, firewalld, docker, rp_filter]
    default: [udev, networkd, networkmanager, firewalld, docker, rp_filter]
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
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
"""

EXAMPLES = r"""
- name: Have whatever else acts on this node's network leave the fabric alone
  nodenet.fabric.meddlers:
    interfaces: [fabric0, veth-*, vxlan1]
    tunnels: [vxlan1]
    prefixes: [10.244.0.0/24, 10.244.1.0/24]
    remotes: [192.168.32.246]
    encapsulation: udp:8472

- name: Take that back
  nodenet.fabric.meddlers:
    state: absent
"""

RETURN = r"""
told:
  description: Each meddler that was found, and what was set against it.
  returned: success
  type: list
  elements: str
  sample: ["udev gives interfaces that were made without a MAC address another one (MACAddressPolicy=persistent): now it leaves
    the MAC addresses of the fabric's interfaces as they are"]
files:
  description: The files that differ from what they are to be, or did.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/network/10-nodenet-fabric.link]
"""

import ipaddress
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils import meddlers
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.runner import guarded


def perform(module):
    """Return the module's result."""
    params = module.params
    files, told = {}, {}
    if params["state"] == "present":
        ours = meddlers.Ours(
            *(params[name] for name in ("interfaces", "tunnels", "prefixes", "remotes", "encapsulation"))
        )
        _check(ours)
        files, told = meddlers.wanted(params["meddlers"], ours)
    differing = meddlers.differing(files)
    if not module.check_mode:
        meddlers.apply(files, differing)
    diff = [
        {"before_header": path, "after_header": path, "before": there or "", "after": files.get(path, "")}
        for path, there in differing.items()
    ]
    return {"changed": bool(differing), "told": list(told.values()), "files": sorted(differing), "diff": diff}


def _check(ours):
    """Refuse what would end in a file that means something else.

    :raises InputError: something would.
    """
    for option in ("interfaces", "tunnels"):
        for name in getattr(ours, option):
            if not re.fullmatch(r"[^\s/;=!\"']{1,15}", name):
                raise InputError(option, f"{name!r} is neither the name of an interface nor a pattern of names")
    for option, parse in (("prefixes", ipaddress.ip_network), ("remotes", ipaddress.ip_address)):
        for text in getattr(ours, option):
            try:
                parse(text)
            except ValueError as failure:
                raise InputError(option, str(failure)) from failure
    if ours.encapsulation and not re.fullmatch(r"ipip|udp:\d{1,5}", ours.encapsulation):
        raise InputError("encapsulation", f"{ours.encapsulation!r} is neither ipip nor udp:PORT")


def main():
    names = list(meddlers.MEDDLERS)
    listed = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "meddlers": {"type": "list", "elements": "str", "choices": names, "default": names},
            **{name: dict(listed) for name in ("interfaces", "tunnels", "prefixes", "remotes")},
            "encapsulation": {"type": "str"},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: perform(module))


if __name__ == "__main__":
    main()
