# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host's variables as Ansible has them, templated as a task of that host would see them.

``hostvars`` alone has the inventory, facts, what tasks have set or registered, and extra vars. Variables of the play, which
``import_playbook`` takes too, are only in those of the task that asks: what it has otherwise than its host's ``hostvars``
counts for every host of the group.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from contextlib import contextmanager, suppress

from ansible import constants as C
from ansible import errors
from ansible.template import Templar

from ..templated import OMITTED, plain
from .variables import RESERVED, VARIABLES

# what site itself registers
REGISTERED = "fabric_checked"
# connections that come by the network, to a port that a node may publish
NETWORKED = ("ssh", "ansible.builtin.ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.paramiko_ssh")
# ansible-core 2.19 and later: a template that came to omit
_Omitted = getattr(errors, "AnsibleValueOmittedError", ())


class HostVariables:
    """The variables of all hosts, as a task sees them.

    :param task_vars: the variables of the task that asks.
    """

    def __init__(self, task_vars):
        self._hostvars = task_vars["hostvars"]
        self._omit = task_vars.get("omit")
        asking = task_vars.get("inventory_hostname")
        self._read, self._merged = {}, {}
        own = self._inventory_of(asking) if asking in self._hostvars else {}
        self._of_play = {
            name: value
            for name, value in task_vars.items()
            if name in VARIABLES and not (name in own and own[name] == value)
        }

    def of(self, host):
        """Return (fabric_* name -> its value as plain data, sentences on those that cannot be read) of one host."""
        raw, by_tasks = self._raw(host)
        template = self._template(raw)
        found, faults = {}, []
        for name in raw:
            if not name.startswith("fabric_") or name == REGISTERED:
                continue
            if name in by_tasks and name not in VARIABLES and name not in RESERVED:
                continue  # somebody's own
            try:
                value = plain(template(raw[name]), self._omit)
            except _Omitted:
                continue
            except Exception as failure:  # whatever a template runs into
                faults.append(f"{name} cannot be read: {failure}")
                continue
            if value is not OMITTED:
                found[str(name)] = value
        # newer ansible-core tags what it reads; what has been text between is plain
        return json.loads(json.dumps(found)), faults

    def login(self, host):
        """Return (address or None, TCP port) by which Ansible comes to ``host``, or None where it comes otherwise."""
        raw, _by_tasks = self._raw(host)
        template = self._template(raw)

        def read(*names):
            for name in names:
                with suppress(Exception):  # what cannot be read here is reported where the connection is made
                    if raw.get(name) is not None:
                        return str(template(raw[name]))
            return None

        if (read("ansible_connection") or C.DEFAULT_TRANSPORT) not in NETWORKED:
            return None
        port = read("ansible_port", "ansible_ssh_port") or str(getattr(C, "DEFAULT_REMOTE_PORT", None) or 22)
        try:
            address = str(ipaddress.ip_address(read("ansible_host", "ansible_ssh_host") or str(host)))
        except ValueError:  # a name
            address = None
        return (address, int(port)) if port.isdecimal() and len(port) < 6 else None

    def is_unread(self, name, host):
        """Say whether ``name`` is set for ``host`` by the inventory alone, where no play looks for it."""
        raw, by_tasks = self._raw(host)
        extra = getattr(getattr(self._hostvars, "_variable_manager", None), "_extra_vars", {})
        return raw.get(name) is not None and name not in by_tasks and name not in extra and name not in self._of_play

    def _raw(self, host):
        if host not in self._merged:
            raw, by_tasks = self._inventory_of(host), self._set_by_tasks(host)
            of_play = {name: value for name, value in self._of_play.items() if name not in by_tasks}
            self._merged[host] = {**raw, **of_play, "hostvars": self._hostvars}, by_tasks
        return self._merged[host]

    def _inventory_of(self, host):
        host = str(host)
        if host not in self._read:
            with _without_facts(getattr(self._hostvars, "_variable_manager", None), host):
                self._read[host] = self._hostvars.raw_get(host)
        return self._read[host]

    def _template(self, raw):
        """Return what gives a value of ``raw`` as a task would see it; most are no templates, and Ansible is slow to see that."""

        def template(value):
            if not _may_be_template(value):
                return value
            return Templar(loader=getattr(self._hostvars, "_loader", None), variables=raw).template(value)

        return template

    def _set_by_tasks(self, host):
        """Return the names that tasks have set for ``host``, by register, set_fact, include_vars or as facts."""
        manager, found = getattr(self._hostvars, "_variable_manager", None), set()
        for cache in ("_nonpersistent_fact_cache", "_vars_cache", "_fact_cache"):
            with suppress(KeyError, AttributeError):  # where there is nothing of the host
                found.update(getattr(manager, cache).get(str(host)) or ())
        return found


@contextmanager
def _without_facts(manager, host):
    """Let Ansible not look for facts of a host that has none: for each host it lists the folders of all connection plugins."""
    facts = None
    with suppress(KeyError, AttributeError):
        facts = manager._fact_cache.get(str(host))
    usual = C.INJECT_FACTS_AS_VARS
    C.INJECT_FACTS_AS_VARS = usual and bool(facts)
    try:
        yield
    finally:
        C.INJECT_FACTS_AS_VARS = usual


def _may_be_template(value):
    """Say whether Ansible may see something else in ``value``, such as a template, or a text that is encrypted."""
    if isinstance(value, str):
        return "{" in value or value.startswith("#jinja2:")
    if isinstance(value, Mapping):
        return any(_may_be_template(member) for pair in value.items() for member in pair)
    if isinstance(value, (list, tuple)):
        return any(map(_may_be_template, value))
    return not (value is None or isinstance(value, (bool, int, float)))
