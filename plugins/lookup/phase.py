# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: phase
author: The nodenet.fabric authors (@nodenet)
version_added: 0.1.0
short_description: Nodes that have something to do in a phase of the playbook site
description:
  - Returns the names of the nodes for which the run of the playbook nodenet.fabric.site has something left to do. The playbook
    takes them as the hosts of its plays, so that a play for which nothing is left is skipped.
  - What is left is known from the results of M(nodenet.fabric.arrange) earlier in the same run of Ansible. No node is asked.
seealso:
  - module: nodenet.fabric.arrange
    description: Does one phase of a change.
  - module: nodenet.fabric.commit
    description: Confirms or cancels a change.
  - plugin: nodenet.fabric.node
    plugin_type: lookup
    description: The model of one node.
options:
  _terms:
    description:
      - V(switch) and V(contract) are the nodes that have something left in that phase; none if a node has failed.
      - V(prove) is all nodes in check mode, and none otherwise.
      - V(before) and V(after) are the nodes that are asked before and after a change, if C(fabric_verify_change) is true.
      - V(end) is the nodes on which the change is to be confirmed or cancelled, and those that have failed.
    type: str
    required: true
  title:
    description: Return a title of the play instead.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Run a task where something is left to do
  hosts: "{{ query('nodenet.fabric.phase', 'switch') }}"
  gather_facts: false
  tasks:
    - name: Show the node
      ansible.builtin.debug:
        var: inventory_hostname
"""

RETURN = r"""
_raw:
  description: The names of the nodes, or one title.
  type: list
  elements: str
"""

from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..plugin_utils import progress
from ..plugin_utils.inventory.host_variables import HostVariables
from ..plugin_utils.reader import GROUP

display = Display()


class LookupModule(LookupBase):
    """Reads the notes of this run."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        name, found = str(terms[0]) if terms else "", progress.nodes()
        if name not in ("before", "switch", "contract", "after", "end", "prove"):
            raise AnsibleError(f"nodenet.fabric.phase: there is no phase {name!r}")
        if self.get_option("title"):
            return [_title(name, found)]
        if name == "switch":  # the first that knows what the nodes have said
            for sentence in progress.disagreements(found):
                display.warning(sentence)
        hosts = [str(host) for host in (variables or {}).get("groups", {}).get(GROUP, [])]
        chosen = _chosen(name, found, variables or {}, hosts)
        return [host for host in hosts if host in chosen] + sorted(chosen - {*hosts})


def _chosen(name, found, variables, hosts):
    if name == "end":
        return {node.name for node in found.values() if node.is_open}
    if name == "prove":
        return set(hosts) if context.CLIARGS.get("check") else set()
    if any(node.failed for node in found.values()):
        return set()
    if name == "before":
        return set(hosts) if _is_asked(variables, hosts) else set()
    if name == "after":
        changed = any(node.touched for node in found.values())
        return set(found) if changed and _is_asked(variables, hosts) else set()
    return {node.name for node in found.values() if name in node.remaining}


def _is_asked(variables, hosts):
    """Say whether the fabric is asked before and after the change: one variable for all nodes."""
    if not hosts or context.CLIARGS.get("check") or "hostvars" not in variables:
        return False
    read, _faults = HostVariables(variables).of(hosts[0])
    return boolean(read.get("fabric_verify_change", False), strict=False)


def _title(name, found):
    """Return what a person reads of a play before it begins."""
    bad = [node for node in found.values() if node.failed]
    if name == "end":
        return _title_of_end(found, bad)
    head = name.capitalize()
    if bad:
        return f"{head}: left out, as {progress.which(bad)}"
    if context.CLIARGS.get("check"):
        return f"{head}: would change {progress.done_in(name, found)}"
    left = {node.name: node for node in found.values() if name in node.remaining}
    return f"{head}: {progress.done_in(name, left)}"


def _title_of_end(found, bad):
    commits = [node.commit["id"] for node in found.values() if node.is_pending]
    if commits and not bad:
        return f"Confirm the commit {commits[0]}"
    if bad:
        return f"{f'Cancel the commit {commits[0]}' if commits else 'End'}: {progress.which(bad)}"
    if not any(any(node.objects.values()) for node in found.values()):
        return "Nothing to confirm: no node needs a change"
    how = "check mode" if context.CLIARGS.get("check") else "without a commit"
    return f"Nothing to confirm, {how}: {progress.phases_line(found)}"
