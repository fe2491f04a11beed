# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory, read from Ansible's variables and checked: once in a run of Ansible, whatever roles and hosts ask for it.

What was read is kept in the temporary folder of this run of Ansible, which Ansible itself removes at its end: each task of
each host is a process of its own. It is read anew where the variables of the host that asks are others than they were.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import json
import multiprocessing
import os
from contextlib import contextmanager, suppress
from typing import Any, Dict

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.utils.display import Display

from .attachments import ATTACHMENTS
from .backends import BACKENDS, backend_of, peers_of
from .inventory.host_variables import HostVariables
from .inventory.model import fabric_model
from .inventory.validation import faults_of, warnings_of
from .inventory.variables import SECRETS
from .keys import without_core_dumps
from .node import node_model

GROUP = "fabric"
# the roles that arrange a node as a variable says, which has them as its values
ARRANGED_BY = {
    "fabric_attachment": tuple(ATTACHMENTS),
    "fabric_backend": tuple(BACKENDS),
}
ARRANGING = [role for roles in ARRANGED_BY.values() for role in roles]
# Ansible splits a play by its keyword serial, before a host has variables
UNREAD = (
    "fabric_serial is not read from the inventory: give it on the command line (-e fabric_serial=1), or in the vars of"
    " import_playbook."
)

display = Display()
_views: Dict[Any, Any] = {}


class InventoryError(AnsibleError):
    """The inventory has faults, or variables that cannot be read.

    :ivar faults: a sentence for each fault.
    """

    def __init__(self, message, faults=()):
        super().__init__(message)
        self.faults = list(faults)


def fabric_variables(task_vars, group):
    """Return host -> its fabric_* variables for every host of ``group``, as a task sees them."""
    return _fabric_variables(HostVariables(task_vars), task_vars["groups"].get(group, []))


def _fabric_variables(variables, hosts):
    """Return host -> its fabric_* variables, templated, as plain data, for all ``hosts``, limited or not.

    :raises InventoryError: some cannot be templated; all that cannot are named.
    """
    found, faults = {}, []
    for host in hosts:
        found[str(host)], unreadable = variables.of(host)
        faults += [f"{host}: {fault}" for fault in unreadable]
    if faults:
        raise InventoryError(_listed("The inventory has variables that cannot be read:", faults), faults)
    return found


def _listed(head, faults):
    return "\n".join([head, *(f"  - {fault}" for fault in faults)])


def read(task_vars, group=GROUP):
    """Read and check the inventory, and keep it for the rest of the run; return the model of the fabric and warnings.

    :raises InventoryError: it has faults.
    """
    display.vvv(f"the inventory's group {group} is read")
    _keep_garbage()
    variables = HostVariables(task_vars)
    hosts = _fabric_variables(variables, task_vars["groups"].get(group, []))
    logins = {host: login for host in hosts for login in [variables.login(host)] if login}
    faults = faults_of(hosts, logins)
    faults += [UNREAD] * any(variables.is_unread("fabric_serial", host) for host in hosts)
    if faults:
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise InventoryError(_listed(f"The inventory has {count}:", faults), faults)
    model = fabric_model(hosts)
    _write(_file(group), {"model": model, "of": {host: _digest(own) for host, own in hosts.items()}})
    return model, warnings_of(hosts)


def model_of(task_vars, group=GROUP):
    """Return the model of the fabric, as an earlier task or role has read it, else read now.

    :raises InventoryError: the inventory has faults.
    """
    host = str(task_vars.get("inventory_hostname", ""))
    with _locked():
        return _model(task_vars, group, host, _digest(_own(task_vars, host)))


def node_of(task_vars, name, group=GROUP):
    """Return what the roles need of node ``name``.

    :raises InventoryError: the inventory has faults, or no such node.
    """
    _keep_garbage()
    # in a worker no variable changes
    if not _is_worker() or (group, name) not in _views:
        _views[group, name] = _view(task_vars, name, group)
    return _views[group, name]


def keys_of(task_vars, name, group=GROUP):
    """Return the secret keys of node ``name``, as the module arrange takes them. Nothing keeps them.

    :raises InventoryError: the inventory has faults.
    """
    without_core_dumps()
    model = model_of(task_vars, group)
    return backend_of(model["fabric"]).keys(peers_of(model, name, _secrets(_own(task_vars, name))))


def _secrets(own):
    """Return those of a node's variables that the model does not have."""
    return {variable: value for variable, value in own.items() if variable in SECRETS}


def _is_worker():
    """Say whether this process is one of Ansible's for one task of one host."""
    return multiprocessing.parent_process() is not None


def _keep_garbage():
    """Have a worker not look for garbage, which would copy all that it shares with the others; it ends soon."""
    if _is_worker():
        gc.disable()


def part_of(view, part):
    """Return what one role needs of a node, or another part of its ``view``.

    :raises AnsibleError: there is no such part, or the inventory arranges the node without that role.
    """
    if part not in view:
        raise AnsibleError(f"a node has no part {part!r}; there are: {', '.join(view)}")
    roles = [entry["role"] for entry in view["arrangement"]]
    if part in ARRANGING and part not in roles:
        variable, values = next((variable, values) for variable, values in ARRANGED_BY.items() if part in values)
        raise AnsibleError(
            f"nodenet.fabric.{part} has nothing to do on {view['name']}: the inventory arranges that node with"
            f" {', '.join(roles)}. Set {variable}: {part}, or leave the role out."
        )
    return view[part]


def _view(task_vars, name, group):
    own = _own(task_vars, name)
    digest, path = _digest(own), _file(group, name)
    kept = _read(path)
    if kept and kept["of"] == [digest, _age(group)]:
        return kept["view"]
    with _locked():
        model = _model(task_vars, group, name, digest)
        age = _age(group)
    if name not in model["nodes"]:
        raise InventoryError(f"there is no node {name!r}: the inventory's group {group} has no such host")
    display.vvv("the node's model is computed", host=name)
    view = node_model(model, name, _secrets(own))
    _write(path, {"of": [digest, age], "view": view})
    return view


def _model(task_vars, group, host, digest):
    kept = _read(_file(group))
    if kept and kept["of"].get(host, digest) == digest:
        return kept["model"]
    model, warnings = read(task_vars, group)
    for warning in warnings:
        display.warning(warning)
    return model


def _own(task_vars, host):
    """Return the variables of ``host`` that can be read: whoever reads the whole inventory tells of the others."""
    return HostVariables(task_vars).of(host)[0] if host in task_vars["hostvars"] else {}


def _digest(own):
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


# the run's own folder


def _file(group, host=None):
    words = json.dumps([group, host]).encode()
    return os.path.join(C.DEFAULT_LOCAL_TMP, f"nodenet-inventory-{hashlib.sha256(words).hexdigest()[:16]}")


def _age(group):
    """Return what tells one reading of the inventory from the next."""
    with suppress(FileNotFoundError):
        found = os.stat(_file(group))
        return [found.st_ino, found.st_mtime_ns]
    return None


@contextmanager
def _locked():
    """Let one process at a time read the inventory: the others find it read."""
    with open(os.path.join(C.DEFAULT_LOCAL_TMP, "nodenet-inventory.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(path):
    with suppress(FileNotFoundError), open(path, encoding="utf-8") as source:
        return json.load(source)
    return None


def _write(path, content):
    """Write ``content`` so that whoever reads meanwhile sees all of it, or what was before."""
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as target:
        json.dump(content, target)
    os.replace(f"{path}.{os.getpid()}", path)
