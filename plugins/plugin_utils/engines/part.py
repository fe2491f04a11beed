# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role engines reads of one node. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..backends import backend_of
from ..naming import mac_of
from ..values.networks import FAMILIES, GATEWAYS, Values, ip_network, subnets_of
from ..values.ranges import ENGINES, HANDING_OUT, hands_out, ranges_of
from .names import hosts_files

# what a container is started with: docker run --network fabric
NETWORK = "fabric"
NAMES = "names"
# the sets of the role, each with a task file of that name
TASKS = (*ENGINES, NAMES)
# netavark before 1.14 deletes a bridge with its last port: the ends of a pair that is always there, and never up
PORT, OTHER_END = "fabric-keep", "fabric-keep-b"
SUBNET_ENV, TMPFILES = "/run/flannel/subnet.env", "/etc/tmpfiles.d/nodenet-flannel.conf"
UNITS = "/etc/systemd/system"

Model = Dict[str, Any]
Entries = List[Dict[str, Any]]


def tasks_of(values: Values) -> List[str]:
    """Return the task files of the role that arrange a node."""
    return [*dict.fromkeys(values["fabric_engines"]), *([NAMES] if values["fabric_hosts_file"] else [])]


def devices_of(values: Values) -> Iterator[Tuple[str, str]]:
    """Yield (variable, name) of the interfaces that the role makes in a node."""
    if "podman" in values["fabric_engines"]:
        yield from (("fabric_engines (podman)", name) for name in (PORT, OTHER_END))


def engines_part(model: Model, name: str, mtu: int) -> Dict[str, Any]:
    """Return what the role reads of node ``name``: networks of each engine, and files of each set.

    :param mtu: that of the node's endpoints in bytes.
    """
    values = model["nodes"][name]
    networks = {engine: [_network(model, name, engine, mtu)] for engine in hands_out(values)}
    files: Dict[str, Entries] = {
        "cni": _flannel(model, values, mtu) if "cni" in networks else [],
        "systemd": [entry for one in values["fabric_endpoints"] if one.get("service") for entry in _service(one)],
        NAMES: hosts_files(model, name) if values["fabric_hosts_file"] else [],
    }
    return {
        **{engine: networks.get(engine, []) for engine in HANDING_OUT},
        "ports": [_port(name, values["fabric_bridge"], mtu)] if "podman" in networks else [],
        "files": files,
    }


def _port(node: str, bridge: str, mtu: int) -> Dict[str, Any]:
    """Return the options of the module veth for the pair that keeps the bridge."""
    ends = [
        {"name": end, "mac": mac_of(node, end), "mtu": mtu, "up": False, "addrgenmode": "none", "side": "node"}
        for end in (PORT, OTHER_END)
    ]
    return {**ends[0], "master": bridge, "peer": ends[1]}


def _network(model: Model, name: str, engine: str, mtu: int) -> Dict[str, Any]:
    """Return the options of the module container_network."""
    values = model["nodes"][name]
    ranges = ranges_of(values)[engine]
    return {
        "engine": engine,
        "name": NETWORK,
        "bridge": values["fabric_bridge"],
        "mtu": mtu,
        "subnets": [
            {"subnet": subnet, "gateway": values[GATEWAYS[key]], "range": str(ranges[key])}
            for subnet, key in subnets_of(values)
        ],
        # from where packets of the fabric come to the node
        "trusted_interfaces": _tunnels(
            {**values, **model["fabric"]}, [peer for peer in model["nodes"] if peer != name]
        ),
        "trusted_addresses": [values[family.address] for family in FAMILIES if values[family.address]],
        "optional": values["fabric_engines_optional"],
    }


def _tunnels(values: Values, peers: List[str]) -> List[str]:
    """Return the names of the tunnels of a node to its peers."""
    backend = backend_of(values)
    if backend.names_peers_by(values):
        return [backend.peer_device(peer) for peer in peers]
    return [device.name for device in backend.devices(values) if not device.lower]


def _flannel(model: Model, values: Values, mtu: int) -> Entries:
    """Return the file by which flannel tells its subnet, and what makes it anew at boot, as it is below /run."""
    lines = []
    for family, words in zip(FAMILIES, ("", "IPV6_")):
        if values[family.subnet]:
            network = _covering(one[family.subnet] for one in model["nodes"].values())
            length = values[family.subnet].split("/")[1]
            lines += [
                f"FLANNEL_{words}NETWORK={network}",
                f"FLANNEL_{words}SUBNET={values[GATEWAYS[family.key]]}/{length}",
            ]
    lines += [f"FLANNEL_MTU={mtu}", "FLANNEL_IPMASQ=false"]
    text = "".join(f"{line}\n" for line in lines)
    # tmpfiles.d(5): the argument has C's escapes; the first line is the mark of the module config_file
    argument = f"# nodenet.fabric/cni\n{text}".replace("\n", "\\n")
    anew = f"d /run/flannel 0755 root root -\nf+ {SUBNET_ENV} 0644 root root - {argument}\n"
    return [{"path": SUBNET_ENV, "content": text}, {"path": TMPFILES, "content": anew}]


def _covering(subnets: Iterable[Optional[str]]) -> str:
    """Return the smallest prefix that covers ``subnets``."""
    networks: List[Any] = [ip_network(subnet) for subnet in subnets if subnet]
    found = networks[0]
    while not all(one.subnet_of(found) for one in networks):
        found = found.supernet()
    return str(found)


def _service(endpoint: Dict[str, Any]) -> Entries:
    """Return the drop-in that runs a service in the namespace of its endpoint, and the name servers there."""
    name = endpoint["name"]
    text = f"""\
[Unit]
Wants=nodenet-fabric.service
After=nodenet-fabric.service

[Service]
NetworkNamespacePath=/run/netns/{name}
BindReadOnlyPaths=-/etc/netns/{name}/resolv.conf:/etc/resolv.conf -/etc/netns/{name}/hosts:/etc/hosts
"""
    return [
        {"path": f"{UNITS}/{endpoint['service']}.d/nodenet-fabric.conf", "content": text},
        {"path": f"/etc/netns/{name}/resolv.conf", "name_servers": True},
    ]
