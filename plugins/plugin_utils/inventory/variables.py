# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the inventory, and whether those of one host are sound, each by itself. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

from ..attachments import ATTACHMENTS
from ..backends import BACKENDS
from ..engines import checks as of_engines
from ..values import checks as check
from ..values.checks import MTU_MAX, MTU_MIN, in_range, shown
from ..values.declaration import Variable, address, integer, subnet, switch
from ..values.networks import ip_network
from . import entries, guarded

PUBLIC_SUBNET = "public prefixes; the fabric cannot reach their owners on the Internet."
# What the playbooks set; a variable of that name would take its place.
RESERVED = ("fabric_node", "fabric_queue")
FORMATS = ("text", "json")
# seconds until a change that nobody confirms is undone; a day is for whoever looks at it by hand
LEAST_TIMEOUT, MOST_TIMEOUT = 10, 86400


def is_batch(value: Any) -> bool:
    """Say whether ``value`` is how many nodes are arranged at a time, as Ansible's keyword serial takes it."""
    if isinstance(value, list):
        return bool(value) and not any(isinstance(one, list) for one in value) and all(map(is_batch, value))
    share = value[:-1] if isinstance(value, str) and value.endswith("%") else None
    return in_range(value, 1, 10**9) if share is None else in_range(share, 1, 100)


def _mtu(where: str, value: Any) -> Iterator[str]:
    if value != "auto" and not in_range(value, MTU_MIN, MTU_MAX):
        yield f"{where} is {shown(value)}: it is auto, or a number from {MTU_MIN} to {MTU_MAX}."


def _underlay(where: str, value: Any) -> Iterator[str]:
    yield from entries.is_list(where, value)
    for position, entry in enumerate(value if isinstance(value, list) else ()):
        yield from check.prefix(f"{where}[{position}]", "" if entry is None else entry)


def _format(where: str, value: Any) -> Iterator[str]:
    yield from check.choice(where, value, FORMATS)


def _output(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value.isprintable():
        yield f"{where} is {shown(value)}, not the path of a file."


def _lab(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not entries.HOST.fullmatch(value):
        yield f"{where} is {shown(value)}, not a name: use letters, digits, '.', '_' and '-', and begin with a letter or digit."


def _serial(where: str, value: Any) -> Iterator[str]:
    if not is_batch(value):
        yield f"{where} is {shown(value)}: it is a number of nodes, or a share of them such as 30%."


def _timeout(where: str, value: Any) -> Iterator[str]:
    is_off = value in (0, "0") and not isinstance(value, bool)
    if not is_off and not in_range(value, LEAST_TIMEOUT, MOST_TIMEOUT):
        yield (
            f"{where} is {shown(value)}: it is a number of seconds from {LEAST_TIMEOUT} to {MOST_TIMEOUT}, or 0 to change the"
            " nodes without a commit."
        )


def _commit(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not entries.HOST.fullmatch(value):
        yield f"{where} is {shown(value)}, not the id of a commit such as 20261128-040512-3f9a."


def _listed(name: str, fabric_wide: bool = False) -> Variable:
    return Variable(name, "list", [], entries.entry_faults, fabric_wide=fabric_wide)


def _networks(underlay: List[str]) -> List[str]:
    return [str(ip_network(text)) for text in underlay]


# what the model of the fabric has, beside the variables of backends and attachments
COMMON = (
    Variable("fabric_backend", default=next(iter(BACKENDS)), fabric_wide=True),
    Variable("fabric_attachment", default=next(iter(ATTACHMENTS))),
    switch("fabric_cross_subnet", False, fabric_wide=True),
    Variable("fabric_mtu", default="auto", check=_mtu, normal=lambda mtu: mtu if mtu == "auto" else int(mtu)),
    switch("fabric_masquerade", True),
    Variable("fabric_underlay", "list", [], _underlay, _networks, fabric_wide=True),
    integer("fabric_underlay_mtu", 1500, MTU_MIN, MTU_MAX),
    _listed("fabric_endpoints"),
    _listed("fabric_links"),
    _listed("fabric_publish"),
    Variable("fabric_engines", "list", [], of_engines.engines),
    Variable("fabric_engine_range", "raw", check=of_engines.ranges),
    switch("fabric_engines_optional", False),
    switch("fabric_hosts_file", False),
    _listed("fabric_outside", fabric_wide=True),
    switch("fabric_guard", False, fabric_wide=True),
    switch("fabric_guard_tunnels", True, fabric_wide=True),
    switch("fabric_guard_metadata", False, fabric_wide=True),
    Variable("fabric_expose", "list", [], guarded.expose, _networks, fabric_wide=True),
    Variable("fabric_groups", "dict", {}, guarded.groups, fabric_wide=True),
    Variable("fabric_policy", "list", [], guarded.policy, fabric_wide=True),
    switch("fabric_policy_bridge", True, fabric_wide=True),
    address("fabric_node_address", 4),
    subnet("fabric_node_subnet", 4, PUBLIC_SUBNET),
    address("fabric_node_address6", 6),
    subnet("fabric_node_subnet6", 6, PUBLIC_SUBNET),
)
OF_ATTACHMENTS = tuple(variable for attachment in ATTACHMENTS.values() for variable in attachment.variables)
OF_BACKENDS = tuple(variable for backend in BACKENDS.values() for variable in backend.variables)
# what playbooks, roles and the lab read, and the model does not have
OF_RUNS = (
    Variable("fabric_lab", check=_lab),
    Variable("fabric_serial", check=_serial),
    Variable("fabric_confirm_timeout", "int", 120, _timeout),
    Variable("fabric_commit", check=_commit),
    Variable("fabric_verify_format", default="text", check=_format),
    Variable("fabric_verify_output", check=_output),
    *(
        switch(f"fabric_{name}", False)
        for name in ("persist", "repair", "readdress", "adopt", "verify_change", "verify_engines")
    ),
)
OF_MODEL = (*COMMON, *OF_ATTACHMENTS, *OF_BACKENDS)
VARIABLES: Dict[str, Variable] = {variable.name: variable for variable in (*OF_MODEL, *OF_RUNS)}
DEFAULTS = {variable.name: variable.default for variable in OF_MODEL}
# What is one for the whole fabric; the first node says it, and the others must agree.
FABRIC_WIDE = tuple(variable.name for variable in OF_MODEL if variable.fabric_wide)
# What nothing shows, and the model does not have.
SECRETS = tuple(variable.name for variable in OF_MODEL if variable.secret)


def variable_faults(variables: Dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each fault of the ``variables`` of one host, each looked at by itself."""
    for name in variables:
        if name in RESERVED:
            yield f"{name} is set by the collection's playbooks: rename your variable."
        elif name not in VARIABLES:
            otherwise = "; the prefix fabric_ is reserved: rename your variable."
            yield f"there is no variable {name}{check.meant(name, VARIABLES) or otherwise}"
    for name, variable in VARIABLES.items():
        if variables.get(name) is not None:
            yield from variable.check(name, variables[name])
