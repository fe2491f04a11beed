# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CNI's networks: a configuration list for the plugins bridge, host-local and portmap (https://www.cni.dev/docs/spec/)."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, List

from ..system import engines
from ..system.engines import cni
from . import network_parts as parts
from . import network_podman
from .network_parts import MARK, Values
from .shell import inside

FILES = True
FOLDER = engines.NETWORKING["cni"]
# libcni's ConfFiles, and what podman adds
ENDINGS = (".conflist", ".conf", ".json")
# the newest that plugins before 1.0 know (Ubuntu 22.04); newer ones know it too
VERSION = "0.4.0"
USUAL = "fabric"


def settled(values: Values) -> Values:
    """Return desired values as the plugins can have them."""
    return parts.settled(values)


def unavailable() -> str:
    """Return "": the files can always be read."""
    return ""


def path_of(name: str) -> str:
    """Return the path of a network's file, early in the order in which runtimes choose one."""
    return f"{FOLDER}/10-nodenet{'' if name == USUAL else '-' + name}.conflist"


def networks() -> Dict[str, Values]:
    """Return name -> values of all networks; of two of one name the foreign one counts, which is in the way."""
    found: Dict[str, Values] = {}
    for path, (text, content) in parts.files(FOLDER, ENDINGS).items():
        name = content.get("name")
        if isinstance(name, str) and (name not in found or found[name]["owner"]):
            found[name] = _values(path, text, content)
    return found


def _values(path, text, found):
    owner = found.get(MARK, "")
    try:
        bridge = found["plugins"][0]
        values = {
            "bridge": bridge.get("bridge", ""),
            "mtu": bridge.get("mtu", 0),
            "subnets": tuple(_subnet(*alternatives) for alternatives in bridge["ipam"]["ranges"]),
        }
    except (KeyError, IndexError, TypeError, AttributeError):  # of another shape: not as we write it
        values = {"bridge": "", "mtu": 0, "subnets": ()}
    values["owner"] = owner
    if not owner:
        return {**values, "intact": False, "raw": text, "path": path}
    values["intact"] = path == path_of(found["name"]) and found == document(found["name"], values)
    return values


def _subnet(found):
    subnet = found.get("subnet", "")
    part = parts.part_of(subnet, found.get("rangeStart", ""), found.get("rangeEnd", ""))
    return subnet, found.get("gateway", ""), part


def document(name: str, values: Values) -> Dict[str, Any]:
    """Return what a network's file has."""
    families = [":" in part[0] for part in values["subnets"]]
    return {
        "cniVersion": VERSION,
        "name": name,
        MARK: values["owner"],
        "plugins": [
            {
                "type": "bridge",
                "bridge": values["bridge"],
                "isGateway": False,  # the bridge has its address from the fabric
                "ipMasq": False,
                "hairpinMode": True,
                "mtu": values["mtu"],
                "ipam": {
                    "type": "host-local",
                    "ranges": [[_written(*part)] for part in values["subnets"]],
                    "routes": [{"dst": "::/0" if six else "0.0.0.0/0"} for six in families],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _written(subnet, gateway, part):
    found = {"subnet": subnet}
    if part:
        found["rangeStart"], found["rangeEnd"] = parts.bounds(subnet, part)
    if gateway:
        found["gateway"] = gateway
    return found


def create(name: str, values: Values) -> None:
    """Write the file of a network; podman, if it is installed, chooses before that how it makes networks.

    :raises FabricError: podman does not answer.
    """
    if not values["owner"]:
        parts.put(values["path"], {}, values["raw"])
        return
    if not engines.missing("podman"):
        network_podman.choose_backend()
    parts.put(path_of(name), document(name, values), None)


def delete(name: str) -> None:
    """Remove the files of a network, and what host-local keeps when it has handed out nothing."""
    found = parts.files(FOLDER, ENDINGS)
    parts.remove(path for path, (_text, content) in found.items() if content.get("name") == name)
    if not cni.containers(name):
        shutil.rmtree(os.path.join(cni.LEASES, name), ignore_errors=True)


def creation(name: str, values: Values) -> List[str]:
    """Return the command that writes the file."""
    return [parts.put_by_hand(path_of(name), document(name, values))]


def deletion(name: str) -> List[str]:
    """Return the command that removes the file."""
    return [inside("", "rm", path_of(name))]
