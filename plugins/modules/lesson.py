#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lesson
short_description: Put a fault into a lab, and mend it
version_added: 0.1.0
description:
  - Puts one fault of a list into one node of a lab, as people make and meet them, such as a route that is missing, a wrong MAC
    address, or a rule of NAT that is too wide. It does not say which.
  - A fault is a few commands of ip(8), bridge(8), sysctl(8) or nft(8). A note of it is kept on the node, below C(/run).
  - With O(state=absent) it says which fault it was and why it has its effect, and undoes it.
  - Only nodes of a lab are changed, those with the connection P(nodenet.fabric.lab#connection). Others are refused.
  - It runs on the controller. Run it once for a play.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.lab
    description: Makes the lab.
  - module: nodenet.fabric.matrix
    description: Prints which pairs answer.
  - name: Lessons
    link: https://github.com/nodenet/fabric/blob/main/docs/site/lessons.rst
    description: The faults, and how to find them.
options:
  state:
    description: Whether the lab has a fault. One that has a fault gets no second one; that is an error.
    type: str
    choices: [present, absent]
    required: true
  fault:
    description:
      - Name of the fault. If omitted, it is chosen by chance.
      - With V(help), the faults of this fabric are listed, and nothing else happens.
    type: str
  node:
    description: The node that is to have the fault. If omitted, it is chosen by chance.
    type: str
  seed:
    description: A text that decides instead of chance. The same text chooses the same fault on the same node.
    type: str
extends_documentation_fragment:
  - nodenet.fabric.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: A second fault is refused.
  platform:
    support: full
    platforms: linux
requirements:
  - nsenter of util-linux, on the controller
"""

EXAMPLES = r"""
- name: Put a fault into the lab
  nodenet.fabric.lesson:
    state: present
  run_once: true

- name: Say which it was, and mend it
  nodenet.fabric.lesson:
    state: absent
  run_once: true
"""

RETURN = r"""
lab:
  description: Name of the lab.
  returned: unless O(fault=help)
  type: str
  sample: vxlan-1c5f0f2e
lines:
  description: What a person reads.
  returned: success
  type: list
  elements: str
  sample: [One fault is in the lab vxlan-1c5f0f2e.]
fault:
  description: Name of the fault.
  returned: when O(state=absent) and there was one
  type: str
  sample: no-fdb-entry
title:
  description: What was wrong.
  returned: when O(state=absent) and there was one
  type: str
  sample: A VTEP has no forwarding entry for a peer
node:
  description: The node that had it.
  returned: when O(state=absent) and there was one
  type: str
  sample: vm1
entry:
  description: The entry that was wrong, with its kind, node, namespace, and words by which it is recognised.
  returned: when O(state=absent) and there was one
  type: dict
  sample: {"kind": "fdb", "node": "vm1", "netns": "", "names": ["02:bf:a7:b3:99:5a"], "direction": "forward"}
question:
  description: The packet that shows it.
  returned: when O(state=absent) and there was one
  type: dict
  sample: {"source": "ns245", "target": "ns246", "protocol": "icmp", "port": null, "size": null, "family": 4}
notices:
  description: What a user notices.
  returned: when O(state=absent) and there was one
  type: str
  sample: Endpoints of one peer cannot be reached. Nothing leaves the node.
lesson:
  description: Why it has that effect.
  returned: when O(state=absent) and there was one
  type: str
  sample: The forwarding entry says at which address of the underlay a VTEP's MAC address is.
"""
