# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wireguard: encrypted IP in UDP, through one device for all peers. Pure Python.

Each peer's subnets are its allowed IPs: they choose the peer on the way out and check the source on the way in. Every key is
known from the inventory alone, whichever nodes a run is limited to. Where a peer's route has gone, with the device or while
it is made anew, a blackhole of a higher metric drops what would leave in the clear.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ...module_utils.reachability.encapsulation import UDP, Encapsulation
from ...module_utils.system import keys as named
from ..keys import KeyFault, preshared_key, private_key, public_key
from ..values.checks import shown
from ..values.declaration import Variable, integer, interface_name, switch
from ..values.networks import Values
from .base import Backend, Device, Fault, Port
from .peers import Peers

USUAL_PORT = 51820
SECRET, PUBLIC = "fabric_wireguard_secret", "fabric_wireguard_public_key"
MAKES_KEYS = "nodenet.fabric.wireguard_keys"


def _secret(where: str, value: Any) -> Iterator[str]:
    """Yield why no key can be derived from ``value``, which is not shown."""
    if not isinstance(value, str):
        yield f"{where} is not text."
        return
    try:
        private_key(value, "", 0)
    except KeyFault as fault:
        yield f"{where} {fault}."


def _public_key(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or named.decoded(value) in (None, named.NO_KEY):
        yield f"{where} is {shown(value)}, not a public key as wg pubkey prints it."


class Wireguard(Backend):
    """A route to each peer's subnet over one device.

    The kernel takes one private key for a device: each epoch has a device of its own, so that the old keys and the new ones
    stand side by side while packets move from one to the other.
    """

    name = "wireguard"
    title = "WireGuard"
    features = ("wireguard",)
    variables = (
        Variable(SECRET, check=_secret, fabric_wide=True, secret=True),
        integer("fabric_wireguard_epoch", 1, 1, 9999, fabric_wide=True),
        switch("fabric_wireguard_preshared", False, fabric_wide=True),
        # the second of two ports is that of every other epoch
        integer("fabric_wireguard_port", USUAL_PORT, 1, 65534, fabric_wide=True),
        interface_name("fabric_wireguard_name"),
        Variable(PUBLIC, check=_public_key, normal=lambda text: text.strip()),
    )

    def overhead(self, version: Optional[int]) -> int:
        return 80 if version == 6 else 60

    def node_faults(self, values: Values, peers: int) -> Iterator[str]:
        if not (values[SECRET] or values[PUBLIC]):
            yield (
                f"{PUBLIC} is missing: set {SECRET} for the group, from which all keys are derived, or run the playbook"
                f" {MAKES_KEYS}, which has the node make its key and writes the public one into its host_vars."
            )
        if values["fabric_wireguard_preshared"] and not values[SECRET]:
            yield f"fabric_wireguard_preshared derives a key for each pair of nodes from {SECRET}: set that for the group."

    def faults(self, nodes: Dict[str, Values]) -> Iterator[Fault]:
        yield from super().faults(nodes)
        owners: Dict[str, str] = {}
        try:
            for name, values in self.public(nodes).items():
                other = owners.setdefault(values[PUBLIC], name) if values[PUBLIC] else name
                if other != name:
                    yield name, f"{PUBLIC} {values[PUBLIC]} is also that of {other}: each node needs a key of its own."
        except KeyFault as fault:
            yield None, f"{fault}."

    def warnings(self, values: Values) -> Iterator[str]:
        if values["fabric_cross_subnet"]:
            yield (
                "fabric_cross_subnet: packets between nodes on one L2 are not encrypted, WireGuard is for the others only:"
                " omit it to encrypt all."
            )

    def public(self, nodes: Dict[str, Values]) -> Dict[str, Values]:
        return {name: {**values, PUBLIC: values[PUBLIC] or _derived(name, values)} for name, values in nodes.items()}

    def devices(self, values: Values) -> Iterator[Device]:
        yield Device("fabric_wireguard_name", _device(values))

    def ports(self, values: Values) -> Iterator[Port]:
        for port in sorted({_port(values), *_both_ports(values)}, key=_port(values).__ne__):
            yield Port("fabric_wireguard_port", UDP, port)

    def encapsulation(self, values: Values) -> Optional[Encapsulation]:
        return Encapsulation(UDP, _port(values), encrypted=True)

    def tunnels(self, values: Values) -> List[str]:
        return [_device(values)]

    def part(self, peers: Peers, mtu: int) -> Dict[str, Any]:
        values = peers.values
        found: Dict[str, Dict[str, Any]] = {}
        for one in peers.tunnelled:
            peer = found.setdefault(one.peer, self._peer(peers, one.peer, one.values))
            peer["allowed_ips"].append(one.subnet)
        return {
            "name": _device(values),
            "port": _port(values),
            "public_key": values[PUBLIC],
            "mtu": mtu,
            "addresses": peers.own_addresses(),
            "peers": list(found.values()),
            "routes": [
                {"name": one.peer, "subnet": one.subnet, "mtu": peers.route_mtu(one.values)} for one in peers.tunnelled
            ],
        }

    def _peer(self, peers: Peers, name: str, values: Values) -> Dict[str, Any]:
        end, port = peers.tunnel_end(values), _port(peers.values)
        return {
            "name": name,
            "public_key": values[PUBLIC],
            "endpoint": f"[{end}]:{port}" if ":" in end else f"{end}:{port}",
            "allowed_ips": [],
            "preshared": self._digest(peers, name),
        }

    @staticmethod
    def _digest(peers: Peers, name: str) -> Optional[str]:
        """Return the name of a preshared key; "": there is none, None: the secret is not at hand."""
        if not peers.values["fabric_wireguard_preshared"]:
            return ""
        key = named.decoded(_preshared(peers, name))
        return named.digest_of(key) if key else None

    def keys(self, peers: Peers) -> Dict[str, List[str]]:
        values = peers.values
        if not values.get(SECRET):
            return {}
        own = private_key(values[SECRET], peers.name, values["fabric_wireguard_epoch"])
        others = [_preshared(peers, name) for name in dict.fromkeys(one.peer for one in peers.tunnelled)]
        return {
            # a key that was made on the node is there
            "private": [own] if public_key(own) == values[PUBLIC] else [],
            "preshared": [key for key in others if key],
        }


def _derived(name: str, values: Values) -> Optional[str]:
    """Return the public key of a node as the secret has it, or None: there is no secret."""
    secret = values.get(SECRET)
    return public_key(private_key(secret, name, values["fabric_wireguard_epoch"])) if secret else None


def _preshared(peers: Peers, name: str) -> str:
    """Return the preshared key of a node and its peer, or "": they have none, or the secret is not at hand."""
    values = peers.values
    if not (values["fabric_wireguard_preshared"] and values.get(SECRET)):
        return ""
    return preshared_key(values[SECRET], peers.name, name, values["fabric_wireguard_epoch"])


def _both_ports(values: Values) -> List[int]:
    """Return the ports of two epochs that follow each other: their devices cannot share one."""
    return [values["fabric_wireguard_port"], values["fabric_wireguard_port"] + 1]


def _port(values: Values) -> int:
    return _both_ports(values)[(values["fabric_wireguard_epoch"] - 1) % 2]


def _device(values: Values) -> str:
    """Return the name of a node's device.

    Another key or port in place would lose packets until the last peer knows it: with another epoch or port the node has
    another name, too, so that old and new stand side by side.
    """
    epoch, port = values["fabric_wireguard_epoch"], values["fabric_wireguard_port"]
    usual = f"wgfab{epoch}" if port == USUAL_PORT else f"wgfab{epoch}-{port}"
    return values["fabric_wireguard_name"] or usual
