# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's networks, by its daemon's API (https://docs.docker.com/reference/api/engine/, Networks)."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from typing import Any, Dict, Iterable, List, Tuple

from ..engine.errors import FabricError
from ..kernel.netlink import Netlink
from ..system import engines
from ..system.engines import docker
from ..system.systemd import has_systemd, is_active
from .network_parts import MARK, Values
from .shell import inside

# networks are not files that are there without the engine
FILES = False
# https://docs.docker.com/engine/network/drivers/bridge/, "Options"
BRIDGE = "com.docker.network.bridge.name"
MTU = "com.docker.network.driver.mtu"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
TRUSTED = "com.docker.network.bridge.trusted_host_interfaces"
# Since 28.0 Docker drops what other hosts send to a container's address (raw PREROUTING, before any rule of the user); from
# this version on it accepts the interfaces that the network names (moby#49832).
SINCE = (28, 2)
# fields of a network that its creation takes as they are read
TAKEN = ("Name", "Driver", "EnableIPv4", "EnableIPv6", "IPAM", "Internal", "Attachable", "Options", "Labels")
PING_SECONDS = 5.0


def settled(values: Values) -> Values:
    """Return desired values as the daemon's version can have them: ``trusted``, names, or nothing of that."""
    others = {name: value for name, value in values.items() if not name.startswith("trusted_")}
    if engines.numbers(engines.version("docker")) < SINCE:
        return others
    names = {*values.get("trusted_interfaces", ()), *holders(values.get("trusted_addresses", ()))}
    return {**others, "trusted": tuple(sorted(names))}


def holders(addresses: Iterable[str]) -> List[str]:
    """Return the names of the node's interfaces that have one of ``addresses``."""
    asked = set(addresses)
    if not asked:
        return []
    names = dict(socket.if_nameindex())
    with closing(Netlink()) as netlink:
        found = [
            (fields["index"], attrs.get("IFA_LOCAL") or attrs.get("IFA_ADDRESS"))
            for fields, attrs in netlink.dump("", "addr")
        ]
    return [names[index] for index, address in found if address in asked and index in names]


def unavailable() -> str:
    """Return why the daemon cannot be asked without starting it, or "".

    At boot it starts after the fabric: a connection to the socket that systemd listens on would wait for it for ever.
    """
    if not os.path.exists(docker.SOCKET):
        return "docker's daemon does not run"
    if has_systemd() and not is_active("docker.service") and is_active("docker.socket"):
        return "docker.service does not run yet"
    try:
        docker.ask("GET", "/_ping", seconds=PING_SECONDS)
    except FabricError as failure:
        return str(failure)
    return ""


def networks() -> Dict[str, Values]:
    """Return name -> values of all of the daemon's networks."""
    return {one["Name"]: _values(one) for one in docker.ask("GET", "/networks")}


def _values(found):
    options, labels = found.get("Options") or {}, found.get("Labels") or {}
    values = {
        "bridge": options.get(BRIDGE, ""),
        "mtu": _number(options.get(MTU, "")),
        "subnets": _subnets(found),
        "owner": labels.get(MARK, ""),
        "trusted": tuple(sorted(filter(None, options.get(TRUSTED, "").split(":")))),
    }
    expected = body(found["Name"], values)
    values["intact"] = all(found.get(name) == expected[name] for name in ("Driver", "EnableIPv6", "Internal")) and (
        expected["Options"].items() <= options.items()
    )
    if not values["owner"]:
        values["raw"] = json.dumps({name: found[name] for name in TAKEN if name in found})
    return values


def _subnets(found):
    listed = (found.get("IPAM") or {}).get("Config") or ()
    parts = [(one.get("Subnet", ""), one.get("Gateway", ""), one.get("IPRange", "")) for one in listed]
    return tuple(sorted(parts, key=lambda part: ":" in part[0]))


def _number(text):
    return int(text) if text.isdigit() else 0


def body(name: str, values: Values) -> Dict[str, Any]:
    """Return what the daemon is sent to create a network."""
    names = ("Subnet", "Gateway", "IPRange")
    options = {BRIDGE: values["bridge"], MTU: str(values["mtu"]), MASQUERADE: "false"}
    if values.get("trusted"):
        options[TRUSTED] = ":".join(values["trusted"])
    return {
        "Name": name,
        "CheckDuplicate": True,  # before API 1.44 a second network of the same name was possible
        "Driver": "bridge",
        "EnableIPv6": any(":" in part[0] for part in values["subnets"]),
        "Internal": False,
        "IPAM": {
            "Driver": "default",
            "Config": [{key: text for key, text in zip(names, part) if text} for part in values["subnets"]],
        },
        "Options": options,
        "Labels": {MARK: values["owner"]},
    }


def create(name: str, values: Values) -> None:
    """Create a network.

    :raises FabricError: the daemon refuses it.
    """
    sent = body(name, values) if values["owner"] else json.loads(values["raw"])
    docker.ask("POST", "/networks/create", sent)


def delete(name: str) -> None:
    """Remove a network; a bridge that the daemon did not make stays.

    :raises FabricError: the daemon refuses it.
    """
    for one in docker.ask("GET", "/networks"):
        if one["Name"] == name:
            docker.ask("DELETE", f"/networks/{one['Id']}")


def creation(name: str, values: Values) -> List[str]:
    """Return the command that creates a network."""
    sent = body(name, values)
    words: List[str] = ["--ipv6"] if sent["EnableIPv6"] else []
    flags: Tuple[Tuple[str, str], ...] = (("Subnet", "subnet"), ("Gateway", "gateway"), ("IPRange", "ip-range"))
    for part in sent["IPAM"]["Config"]:
        words += [f"--{flag}={part[key]}" for key, flag in flags if key in part]
    words += [f"--opt={option}={value}" for option, value in sent["Options"].items()]
    words += [f"--label={MARK}={values['owner']}"]
    return [inside("", "docker", "network", "create", "--driver=bridge", *words, name)]


def deletion(name: str) -> List[str]:
    """Return the command that removes a network."""
    return [inside("", "docker", "network", "rm", name)]
