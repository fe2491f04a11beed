# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of the module container_network mean: networks of container engines."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..engine.errors import FabricError, InputError
from ..engine.resource import Resource
from ..kinds.container_network import ContainerNetwork, NetworkKey
from ..kinds.fields import in_range, interface, prefix, unicast
from ..kinds.network_parts import MARK
from ..system import engines
from ..system.engines import NETWORKING
from .spec import Options, Spec

OPTIONS = {
    "name": {"type": "str"},
    "engine": {"type": "str", "choices": list(NETWORKING)},
    "bridge": {"type": "str"},
    "mtu": {"type": "int"},
    "subnets": {
        "type": "list",
        "elements": "dict",
        "options": {
            "subnet": {"type": "str", "required": True},
            "gateway": {"type": "str"},
            "range": {"type": "str"},
        },
    },
    "trusted_interfaces": {"type": "list", "elements": "str", "default": []},
    "trusted_addresses": {"type": "list", "elements": "str", "default": []},
    "optional": {"type": "bool", "default": False},
}
# what each engine accepts as the name of a network (moby's RestrictedNameChars, podman's NameRegex, CNI's spec)
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# those that mean something else to an engine
RESERVED = {
    "docker": ("bridge", "default", "host", "none"),
    "podman": ("bridge", "container", "host", "none", "ns", "pasta", "podman", "private", "slirp4netns"),
    "cni": (),
}
# a file name, with an ending
NAME_MAX = 200


def resources(options: Options) -> List[Resource]:
    """Return the network that ``options`` describe; none of an engine that may be missing and is."""
    name, engine = _name(options["name"], options["engine"])
    key = NetworkKey("", engine, name)
    if options["state"] == "absent":
        return [Resource("container_network", key)]
    subnets = _subnets(options["subnets"] or [], engine)
    for option in ("bridge", "mtu"):
        if not options[option]:
            raise InputError(option, f"required: {engine} network {name!r} has no {option} of its own")
    addresses = options["trusted_addresses"]
    values: Dict[str, Any] = {
        "bridge": interface(options["bridge"], "bridge"),
        # linux/if_ether.h: ETH_MIN_MTU, ETH_MAX_MTU
        "mtu": in_range(options["mtu"], 68, 65535, "mtu"),
        "subnets": subnets,
        "trusted_interfaces": tuple(interface(one, "trusted_interfaces") for one in options["trusted_interfaces"]),
        "trusted_addresses": tuple(unicast(one, "trusted_addresses") for one in addresses),
    }
    return [] if left_out(options) else [Resource("container_network", key, values)]


def left_out(options: Options) -> List[str]:
    """Return a warning if the network is left out, because its engine may be missing, or not run, and so it is."""
    engine = options["engine"]
    if not (options["optional"] and engine) or options["state"] == "absent":
        return []
    package = engines.missing(engine)
    if package:
        return [f"{engine} is not installed on this node, and was left out: apt-get install {package}"]
    problem = engines.silent(engine)
    return [f"{engine} was left out: {problem}"] if problem else []


def check_reachable(names: Iterable[str], optional: bool) -> List[str]:
    """Check that the engines ``names`` can be asked for the networks that are to be removed; return warnings about those.

    :param optional: a network may be left behind.
    :raises FabricError: one is installed, does not answer, and is not ``optional``.
    """
    found = [name for name in names if name in engines.DAEMONS and not engines.missing(name)]
    problems = {name: problem for name, problem in ((name, engines.silent(name)) for name in found) if problem}
    later = {name: f"{name} network rm $({name} network ls -q --filter label={MARK})" for name in problems}
    if problems and not optional:
        raise FabricError(
            "; ".join(
                f"{problem}, so that its network of the fabric can be removed, or leave that behind"
                f" (fabric_engines_optional: true) and type later: {later[name]}"
                for name, problem in problems.items()
            )
            + "; nothing was changed"
        )
    return [
        f"{name}'s network of the fabric is left if there is one: {problem}, and type {later[name]}"
        for name, problem in problems.items()
    ]


def _name(name: str, engine: Optional[str]) -> Tuple[str, str]:
    if not engine:
        raise InputError("engine", f"required: the engine of network {name!r}: {', '.join(NETWORKING)}")
    if not NAME.fullmatch(name) or len(name) > NAME_MAX:
        raise InputError("name", f"{name!r} is not a name of a network: use letters, digits, '.', '_' and '-'")
    if name in RESERVED[engine]:
        raise InputError("name", f"{name!r} means something else to {engine}: choose another name")
    return name, engine


def _subnets(listed: List[Dict[str, Any]], engine: str) -> Tuple[Tuple[str, str, str], ...]:
    """Return (subnet, gateway, range) of each family, IPv4 first; "" is none."""
    if not listed:
        raise InputError("subnets", "required: a subnet, or one of each family")
    found = [_subnet(one, f"subnets[{number}].") for number, one in enumerate(listed)]
    families = [":" in part[0] for part in found]
    if len(set(families)) < len(families):
        raise InputError("subnets", "give one subnet of IPv4 and one of IPv6 at most")
    if engine == "docker" and False not in families:
        raise InputError("subnets", "docker needs one of IPv4")
    return tuple(sorted(found, key=lambda part: ":" in part[0]))


def _subnet(given: Dict[str, Any], option: str) -> Tuple[str, str, str]:
    subnet = prefix(given["subnet"], option + "subnet")
    whole: Any = ipaddress.ip_network(subnet)
    gateway = unicast(given["gateway"], option + "gateway") if given["gateway"] else ""
    if gateway and ipaddress.ip_address(gateway) not in whole:
        raise InputError(option + "gateway", f"{gateway} is outside of the subnet {subnet}")
    part = prefix(given["range"], option + "range") if given["range"] else ""
    if part:
        inner: Any = ipaddress.ip_network(part)
        if inner.version != whole.version or not inner.subnet_of(whole):
            raise InputError(option + "range", f"{part} is outside of the subnet {subnet}")
    return subnet, gateway, part


SPEC = Spec(
    options=OPTIONS,
    required=["name", "engine"],
    kinds=[ContainerNetwork()],
    resources=resources,
    purges=lambda found: found.kind == "container_network",
    netns=False,
    warnings=left_out,
)
