# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """For C(extends_documentation_fragment)."""

    # for every module of one kind of object
    DOCUMENTATION = r"""
options:
  state:
    description:
      - Whether the objects exist.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Remove objects of this module that belong to the set O(owner) and are not listed, in the namespace given for the whole
        task. Without one, on the whole node.
    type: bool
    default: false
"""

    # for every module that makes objects of a set
    SET = r"""
options:
  adopt:
    description:
      - Take over a foreign object with the same name. Without it, a foreign object is a conflict, and is left unchanged.
    type: bool
    default: false
  owner:
    description:
      - Label of the set that the objects belong to. O(purge) and M(nodenet.fabric.sweep) remove objects by their set.
      - 1 to 64 letters, digits, C(-), C(_) or C(.).
    type: str
    default: default
notes:
  - The objects of a task are one transaction. If one of them fails, the node is restored to its earlier state, and the error
    names the failed object.
  - After a change the kernel is read again. A difference from what was requested is an error.
"""

    # for every module that the collection's action plugin runs
    PROMISED = r"""
options:
  promised:
    description:
      - Changes planned by earlier tasks of the same run in check mode. The collection passes it on; leave it unset.
    type: list
    elements: dict
    default: []
"""

    # for the modules whose objects are in a namespace
    NETNS = r"""
options:
  netns:
    description:
      - The network namespace of the objects, by name or by the path of its file. If omitted, the node's own.
      - A number is a name, too; for a process use O(pid).
    type: str
  pid:
    description:
      - As O(netns), by the PID of a process in that namespace, such as one of a running container.
    type: int
"""
