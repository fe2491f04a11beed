# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module of the engine."""

from __future__ import annotations


class ModuleDocFragment:
    """For C(extends_documentation_fragment)."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - Whether the objects are there.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Remove what is ours, is of the sort that this module makes, belongs to the set O(owner), and is not listed.
        Without a
        namespace given for the whole task, on the whole node.
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
notes:
  - Everything in one task is done as a whole. If part of it fails the node is as it was before, and the error says
    what failed.
  - After a change the kernel is observed again, and what it did not keep is an error.
"""

    # for all that the action plugin stands before
    PROMISED = r"""
options:
  promised:
    description:
      - What earlier tasks of the same run in check mode would have made. The collection itself passes it on; leave it unset.
    type: list
    elements: dict
    default: []
"""

    # for the modules whose objects lie in a namespace
    NETNS = r"""
options:
  netns:
    description:
      - The network namespace to act in, by name or by the path of its file. Unset, the node's own.
      - A name is always a name, one that is a number too; O(pid) is for a process.
    type: str
  pid:
    description:
      - As O(netns), by the number of a process in that namespace, such as one of a running container.
    type: int
"""
