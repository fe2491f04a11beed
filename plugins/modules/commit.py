#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: commit
short_description: Confirm or cancel a change of the fabric
version_added: 0.1.0
description:
  - Ends a commit that tasks of M(nodenet.fabric.arrange) began with O(nodenet.fabric.arrange#module:commit). The node undoes such a
    change by itself unless it is confirmed in time.
  - A node on which that commit never changed anything has nothing to confirm or to cancel. The task reports no change there.
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.arrange
    description: Objects of several kinds in one transaction.
  - module: nodenet.fabric.persist
    description: Restores the fabric at boot.
  - name: RFC 6241, section 8.4
    link: https://www.rfc-editor.org/rfc/rfc6241#section-8.4
    description: The confirmed commit of NETCONF.
options:
  id:
    description:
      - The commit. If omitted, the one that is pending on the node.
    type: str
  state:
    description:
      - V(pending) only reports what is pending.
      - V(extended) gives the commit O(timeout) seconds from now, or more if it has more.
      - V(confirmed) makes the change final. The fabric is saved for the next boot first; if that fails, the commit stays pending.
      - V(cancelled) undoes the change now.
      - V(extended) and V(confirmed) fail if the commit was already undone on the node, and say how it ended.
    type: str
    choices: [pending, extended, confirmed, cancelled]
    default: pending
  timeout:
    description:
      - With O(state=extended), seconds from now until the change is undone. If omitted, as many as the commit began with.
    type: int
  persist:
    description:
      - With O(state=confirmed), options of M(nodenet.fabric.persist), which runs first. If omitted, those that M(nodenet.fabric.arrange)
        was given as O(nodenet.fabric.arrange#module:persist) when the commit began.
    type: dict
    suboptions:
      state:
        description:
          - Whether the fabric is restored at boot, as O(nodenet.fabric.persist#module:state).
        type: str
        choices: [present, absent]
        default: present
      repair:
        description:
          - Whether a timer restores missing objects every minute, as O(nodenet.fabric.persist#module:repair).
        type: bool
        default: false
extends_documentation_fragment:
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.ends
"""

EXAMPLES = r"""
- name: A change that is undone after 60 seconds, unless it is confirmed
  nodenet.fabric.arrange:
    netns:
      - name: red
    commit:
      id: example-2
      timeout: 60
      holder: me@example.net

- name: Report what is pending
  nodenet.fabric.commit:
  register: waiting

- name: Show until when
  ansible.builtin.debug:
    msg: "{{ waiting.commit }}"

- name: Give it another minute
  nodenet.fabric.commit:
    id: example-2
    state: extended
    timeout: 60

- name: Undo it
  nodenet.fabric.commit:
    id: example-2
    state: cancelled
"""

RETURN = r"""
commit:
  description: The commit that is pending on the node after this task; V(null) if there is none.
  returned: success
  type: dict
  contains:
    id:
      description: Its id.
      type: str
    holder:
      description: Who began it.
      type: str
    since:
      description: When it began, in UTC.
      type: str
    seconds_left:
      description: Seconds until it is undone.
      type: int
    extended:
      description: Whether its time was extended.
      type: bool
  sample: {id: 20261128-040512-3f9a, holder: me@example.net, since: "2026-11-28T04:05:12Z", seconds_left: 117, extended: false}
ended:
  description:
    - How the commit O(id) ended on this node, C(confirmed), C(cancelled) or C(expired); V(null) if it is pending or never began here.
      Without O(id), how the last one ended.
  returned: success
  type: str
  sample: expired
objects:
  description: Number of objects that the commit touched, or, after V(cancelled), that were changed back.
  returned: success
  type: int
  sample: 12
undone:
  description: What was undone, a sentence for each object.
  returned: success
  type: list
  elements: str
  sample: ["interface 'vxlan7' removed", "route '10.15.11.0/24' changed back"]
left:
  description: What could not be restored when the commit was undone, a sentence for each.
  returned: success
  type: list
  elements: str
  sample: []
persisted:
  description: The result of M(nodenet.fabric.persist).
  returned: when O(state=confirmed), and the fabric is saved for the next boot
  type: dict
  sample: {objects: 17, files: [/etc/nodenet/fabric.json]}
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit, install
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.exits import guarded

ARGUMENTS = {
    "id": {"type": "str"},
    "state": {"type": "str", "choices": ["pending", "extended", "confirmed", "cancelled"], "default": "pending"},
    "timeout": {"type": "int"},
    "persist": {"type": "dict", "options": install.OPTIONS},
}

if TYPE_CHECKING:  # what the program nodenet-fabric consists of is sent to the node, and not loaded
    from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import cli  # noqa: F401


def perform(params, check):
    """Return the module's result for ``params``."""
    which = params["id"]
    return {
        "pending": lambda: commit.report(which),
        "extended": lambda: commit.extend(which, params["timeout"], check),
        "confirmed": lambda: commit.confirm(which, params["persist"], check),
        "cancelled": lambda: commit.cancel(which, check),
    }[params["state"]]()


def main():
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    guarded(module, lambda: perform(module.params, module.check_mode))


if __name__ == "__main__":
    main()
