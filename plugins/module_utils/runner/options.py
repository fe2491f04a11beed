# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's options to desired resources: entries, the namespace that they name, the owner, and all faults in one error."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from ..engine.errors import FabricError, InputError
from ..engine.resource import Desired, Resource
from ..kernel import namespaces
from ..kinds import fields
from ..ownership import DEFAULT_OWNER

# what earlier tasks of a run in check mode would have changed, handed over by the collection's action plugin
PROMISED = {"promised": {"type": "list", "elements": "dict", "default": []}}

# the ways to name a namespace, one at a time
NETNS = {"netns": {"type": "str"}, "pid": {"type": "int"}}
COMMON = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **NETNS,
    "purge": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": DEFAULT_OWNER},
    **PROMISED,
}


def desired_of(params: Dict[str, Any], spec: Any) -> List[Desired]:
    """Return the desired resources of a module's options, or of each entry of its ``config``."""
    entries = params["config"]
    listed = (
        [(f"config[{number}].", entry) for number, entry in enumerate(entries)]
        if entries is not None
        else [("", {name: params[name] for name in spec.options})]
    )
    return desired_in([(spec, *entry) for entry in listed], params["owner"], params["state"], params)


def desired_in(
    listed: Iterable[Tuple[Any, str, Dict[str, Any]]],
    owner: str,
    usual_state: str = "present",
    usual: Optional[Dict[str, Any]] = None,
    place: str = "",
) -> List[Desired]:
    """Return the desired resources of ``(spec, where it is written, entry)``; one error reports all faults.

    :param usual_state: of an entry that has none; ``usual``: options that name the namespace of an entry that names none.
    :param place: where ``owner`` is written.
    """
    owner = _owner(owner, place)
    desired, faults = [], []
    for spec, option, entry in listed:
        state = entry.get("state") or usual_state
        try:
            if spec.netns:
                entry["netns"] = reference(entry if names_netns(entry) else usual or {})
            desired += [
                Desired(spec.by_name[resource.kind].claimed(resource, owner), state == "present", option)
                for resource in spec.resources({**entry, "state": state})
            ]
        except InputError as fault:
            faults.append(InputError(option + fault.option, fault.problem))
    refuse(faults)
    return desired


def purge_of(
    params: Dict[str, Any], purges: Callable[[Resource], bool], netns: bool = True
) -> Callable[[Resource], bool]:
    """Return what says of an observed resource whether the option ``purge`` reaches it; ``netns``: it lives in a namespace."""
    where = reference(params) if netns and names_netns(params) else None

    def in_reach(resource):
        return resource.owner == params["owner"] and (where is None or resource.netns == where) and purges(resource)

    return in_reach


def names_netns(options: Dict[str, Any]) -> bool:
    """Say whether ``options`` name a namespace."""
    return options.get("pid") is not None or bool(options.get("netns"))


def reference(options: Dict[str, Any], place: str = "") -> str:
    """Return the reference of the namespace that ``options`` name by a name, a path or a pid; "" is the node's own.

    A name is always a name, one that is a number too.

    :param place: what stands before the names of the options in errors, such as ``peer.``.
    :raises InputError: the name cannot be one, or there is no such process or file.
    """
    pid, text = options.get("pid"), options.get("netns")
    if pid is not None:
        return _by_path(f"/proc/{pid}/ns/net", f"{place}pid", f"there is no process {pid}")
    if not text or "/" not in text:
        return fields.netns_name(text, f"{place}netns") if text else ""
    return _by_path(
        text,
        f"{place}netns",
        f"there is no network namespace at {text}" if text.isprintable() else f"{text!r} is no path",
    )


def _by_path(path, option, otherwise):
    found = namespaces.identity(path) if path.isprintable() else None
    if not found:
        raise InputError(option, otherwise)
    if found == namespaces.identity(""):
        return ""
    return next((name for name, identity in namespaces.named().items() if identity == found), path)


def _owner(label, place):
    if not label or not all(character.isalnum() or character in "-_." for character in label) or len(label) > 64:
        raise InputError(f"{place}owner", f"{label!r} is not a label: 1 to 64 letters, digits, '-', '_' or '.'")
    return label


def refuse(faults: Sequence[FabricError]) -> None:
    """Raise all of ``faults`` as one error, if there are any."""
    if faults:
        raise faults[0] if len(faults) == 1 else _Faults(faults)


class _Faults(FabricError):
    """Several faults of the input in one error."""

    def __init__(self, faults):
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = [text for fault in faults for text in getattr(fault, "faults", [str(fault)])]

    def facts(self):
        return {"faults": self.faults}
