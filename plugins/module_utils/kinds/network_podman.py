# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman's networks: files for netavark, as podman itself writes them (podman-network(1), podman-network-create(1))."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import time
from contextlib import suppress
from typing import Any, Dict, List

from ..engine.errors import FabricError
from ..system import engines
from ..system.engines import podman
from . import network_parts as parts
from .network_parts import MARK, Values
from .shell import inside

FILES = True
FOLDER = engines.NETWORKING["podman"]
# containers-storage.conf(5), graphroot
STORAGE = "/var/lib/containers/storage"
# what podman info, which takes a second, would say
CHOICE = f"{STORAGE}/defaultNetworkBackend"
CONFIGURATION = "/etc/containers/containers.conf"
# netavark from this version on leaves a bridge as it is if the network says so; before it has no such mode
SINCE = (1, 14)
UNMANAGED = "unmanaged"
# of no importance
OWN = ("id", "created")


def settled(values: Values) -> Values:
    """Return desired values as netavark's version can have them.

    :raises FabricError: podman's networks are not netavark's.
    """
    if os.path.isdir(STORAGE):  # else podman was never used, and chooses when the network is made
        check_backend()
    mode = UNMANAGED if engines.numbers(engines.version("netavark")) >= SINCE else ""
    return {**parts.settled(values), "mode": mode}


def check_backend() -> None:
    """Refuse podman if its networks are not netavark's.

    :raises FabricError: they are CNI's.
    """
    backend = choose_backend()
    if backend != "netavark":
        raise FabricError(
            f"podman makes its networks by {backend} on this node, and the fabric's is one of netavark: write"
            ' network_backend = "netavark" below [network] in /etc/containers/containers.conf'
        )


def choose_backend() -> str:
    """Return by what podman makes its networks.

    It chooses once, at its first start, and chooses CNI if /etc/cni/net.d then has a network beside podman's own
    (defaultNetworkBackend in libnetwork/network/interface.go).
    """
    configured = (_text(path) for path in (CONFIGURATION, *glob.glob(f"{CONFIGURATION}.d/*.conf")))
    chosen = "" if any(re.search(r"(?m)^\s*network_backend\b", text) for text in configured) else _text(CHOICE)
    return chosen.strip() or podman.ask("info", "--format", "{{.Host.NetworkBackend}}").strip()


def _text(path):
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as source:
        return source.read()
    return ""


def unavailable() -> str:
    """Return "": the files can always be read."""
    return ""


def networks() -> Dict[str, Values]:
    """Return name -> values of all networks that have a file."""
    found = parts.files(FOLDER, (".json",))
    return {os.path.basename(path)[: -len(".json")]: _values(path, *content) for path, content in found.items()}


def _values(path, text, found):
    options, labels = found.get("options") or {}, found.get("labels") or {}
    mtu = str(options.get("mtu", ""))
    values = {
        "bridge": found.get("network_interface", ""),
        "mtu": int(mtu) if mtu.isdigit() else 0,
        "subnets": tuple(_subnet(one) for one in found.get("subnets") or ()),
        "owner": labels.get(MARK, ""),
        "mode": options.get("mode", ""),
    }
    if not values["owner"]:
        return {**values, "intact": False, "raw": text}
    expected = document(os.path.basename(path)[: -len(".json")], values)
    values["intact"] = {**found, **dict.fromkeys(OWN)} == {**expected, **dict.fromkeys(OWN)}
    return values


def _subnet(found):
    lease = found.get("lease_range") or {}
    subnet = found.get("subnet", "")
    return subnet, found.get("gateway", ""), parts.part_of(subnet, lease.get("start_ip", ""), lease.get("end_ip", ""))


def document(name: str, values: Values) -> Dict[str, Any]:
    """Return what a network's file has."""
    options = {"mtu": str(values["mtu"])}
    if values["mode"]:
        options["mode"] = values["mode"]
    return {
        "name": name,
        # any 64 hexadecimal digits: the same name gives the same
        "id": hashlib.sha256(name.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": values["bridge"],
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "subnets": [_written(*part) for part in values["subnets"]],
        "ipv6_enabled": any(":" in part[0] for part in values["subnets"]),
        "internal": False,
        "dns_enabled": False,
        "labels": {MARK: values["owner"]},
        "options": options,
        "ipam_options": {"driver": "host-local"},
    }


def _written(subnet, gateway, part):
    found: Dict[str, Any] = {"subnet": subnet}
    if gateway:
        found["gateway"] = gateway
    if part:
        first, last = parts.bounds(subnet, part)
        found["lease_range"] = {"start_ip": first, "end_ip": last}
    return found


def path_of(name: str) -> str:
    """Return the path of a network's file."""
    return f"{FOLDER}/{name}.json"


def create(name: str, values: Values) -> None:
    """Write the file of a network.

    :raises FabricError: podman's networks are not netavark's.
    """
    if values["owner"]:
        check_backend()
    parts.put(path_of(name), document(name, values), None if values["owner"] else values["raw"])


def delete(name: str) -> None:
    """Remove the file of a network."""
    parts.remove([path_of(name)])


def creation(name: str, values: Values) -> List[str]:
    """Return the command that writes the file: podman itself takes no bridge that is there."""
    timeless = {key: value for key, value in document(name, values).items() if key != "created"}
    return [parts.put_by_hand(path_of(name), timeless)]


def deletion(name: str) -> List[str]:
    """Return the command that removes the file."""
    return [inside("", "rm", path_of(name))]
