# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a lab has after site what the inventory alone declares: the state for which everything is proven."""

import json

import yaml
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.nft_table import values_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.declared.states import declared_states
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.lab.processes import Entrance, hosts_of
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.nft import GUARDS
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.state import ENTRIES, node_state, to_plain
from observer import Observer

# what tells an entry from others of its sort
KEYS = {
    "links": ("name",),
    "addresses": ("dev", "address"),
    "rules": ("family", "priority"),
    "routes": ("table", "prefix", "dev", "metric"),
    "neighbors": ("dev", "address"),
    "proxies": ("dev", "address"),
    "fdb": ("dev", "mac", "master"),
}
# which of two devices was made first, nobody declares
UNDECLARED = ("index",)


def undeclared(one, *options):
    """Return what a lab does not have as the inventory declares it: (node, namespace, entry, fields that differ or None)."""
    given = dict(word.split("=") for word in options if "=" in word)
    files = (one.inventory / name for name in ("hosts.yml", "lab.yml"))
    group, lab = (yaml.safe_load(path.read_text(encoding="utf-8"))["fabric"] for path in files)
    # what a lab says of the whole group beside Ansible's own variables
    common = {name: value for name, value in lab.get("vars", {}).items() if name.startswith("fabric_")}
    hosts = {name: {**group.get("vars", {}), **common, **own, **given} for name, own in group["hosts"].items()}
    # the lab's interface of the underlay
    declared = json.loads(json.dumps(declared_states(fabric_model(hosts))).replace('"underlay0"', '"eth0"'))
    entrances = {name: Entrance(hosts_of(one.lab)[name]) for name in declared}
    observer = Observer(entrances)
    try:
        observed = observer.read(declared)
    finally:
        observer.close()
        for entrance in entrances.values():
            entrance.close()
    assert any(one["namespaces"] for one in declared.values())
    return [fault for name, state in declared.items() for fault in _of_node(name, state, observed[name])]


def _of_node(name, declared, observed):
    declared, observed = (to_plain(node_state(one))["namespaces"] for one in (declared, observed))
    for netns, record in declared.items():
        there = observed.get(netns, {})
        for part in ENTRIES:
            found = {_key(part, one): one for one in there.get(part, ())}
            for one in record[part]:
                other = found.get(_key(part, one))
                fields = [
                    field for field in one if other and one[field] != other.get(field) and field not in UNDECLARED
                ]
                if not one.get("assumed") and (other is None or fields):
                    yield name, netns, {part: one}, {field: (other or {}).get(field) for field in fields} or None
        for sysctl, value in record["sysctls"].items():
            if there.get("sysctls", {}).get(sysctl) != value:
                yield name, netns, {sysctl: value}, there.get("sysctls", {}).get(sysctl)
        if _rules(record) != _rules(there):
            yield name, netns, {"nftables": _rules(record)}, _rules(there)


def _key(part, entry):
    return tuple(entry.get(field) for field in KEYS[part])


def _rules(record):
    """Return the tables, chains and rules of nftables, without what only nft counts; nobody orders chains.

    Those of guards are read as the modules read them.
    """
    plain, guards = [], {}
    for entry in record.get("nftables") or ():
        ((sort, one),) = entry.items()
        table = one["family"], one["name" if sort == "table" else "table"]
        if table[1] in GUARDS:
            guards.setdefault(table, []).append(entry)
        else:
            plain.append({sort: {key: value for key, value in one.items() if key not in ("handle", "owner")}})
    read = [{" ".join(table): values_of(found)} for table, found in guards.items()]
    return sorted(json.dumps(entry, sort_keys=True) for entry in [*plain, *read])
