# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backend says of itself. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...module_utils.reachability.encapsulation import Encapsulation
from ..values.checks import MTU_MIN
from ..values.declaration import Variable
from ..values.networks import Segments, Values, endpoint_mtu, underlay_version
from .peers import Peers

# RFC 8200, 5
MTU_MIN_IPV6 = 1280
Fault = Tuple[Optional[str], str]


class Device(NamedTuple):
    """An interface that a backend uses in the node's own namespace.

    :param variable: names it.
    :param lower: an interface of the underlay, on which a tunnel is.
    """

    variable: str
    name: str
    lower: bool = False

    @property
    def title(self) -> str:
        """Return what it is, in a sentence."""
        return f"{self.variable}, an interface of the underlay" if self.lower else self.variable


class Port(NamedTuple):
    """A port of the node at which a backend's tunnel ends."""

    variable: str
    protocol: str
    number: int


class Backend:
    """A way for packets from a node to its peers' subnets.

    ``values`` are a node's normalised variables together with those of the whole fabric.

    :cvar name: the value of fabric_backend, the role, and the part of the node model that the role reads.
    :cvar title: what people call it.
    :cvar variables: its own variables.
    :cvar features: what the kernel must have (see the module prepare).
    """

    name = title = ""
    variables: Sequence[Variable] = ()
    features: Sequence[str] = ()

    def overhead(self, version: Optional[int]) -> int:
        """Return the bytes that it adds to each packet on an underlay of IP ``version``."""
        return 0

    def node_faults(self, values: Values, peers: int) -> Iterator[str]:
        """Yield a sentence for each thing that it cannot do on a node with so many ``peers``."""
        yield from ()

    def reach_faults(self, nodes: Dict[str, Values], segments: Segments) -> Iterator[Fault]:
        """Yield (host or None, sentence) for nodes that it cannot connect on this underlay."""
        yield from ()

    def warnings(self, values: Values) -> Iterator[str]:
        """Yield a sentence for each variable that is allowed and without effect."""
        yield from ()

    def devices(self, values: Values) -> Iterator[Device]:
        """Yield the interfaces that it uses on a node, but for those of single peers."""
        yield from ()

    def names_peers_by(self, values: Values) -> Optional[str]:
        """Return the variable by which a node has one interface for each peer, called as :meth:`peer_device` says, or None."""
        return None

    def peer_device(self, peer: str) -> str:
        """Return the name of the interface for the peer ``peer``."""
        raise NotImplementedError

    def addresses(self, values: Values) -> Iterator[Tuple[str, str]]:
        """Yield (variable, address with the length of its prefix) of each address that the inventory gives its interfaces."""
        yield from ()

    def ports(self, values: Values) -> Iterator[Port]:
        """Yield the ports of the node at which its tunnels end."""
        yield from ()

    def encapsulation(self, values: Values) -> Optional[Encapsulation]:
        """Return what its tunnels put on the wire; None: it has no tunnels, and plain routes lead to all peers."""
        return None

    def open_tunnels(self, values: Values) -> Dict[str, List[int]]:
        """Return the options of the module guard that say which packets its tunnels take from anybody; nothing: none."""
        return {}

    def tunnels(self, values: Values) -> List[str]:
        """Return the names of a node's tunnels, or patterns of them (glob(7))."""
        return []

    def part(self, peers: Peers, mtu: int) -> Dict[str, Any]:
        """Return what its role reads: the part of the node model that has its name."""
        raise NotImplementedError

    def public(self, nodes: Dict[str, Values]) -> Dict[str, Values]:
        """Return ``nodes`` with what all may know of their secrets, such as public keys: the model has no secrets.

        :raises KeyFault: it cannot be computed; :meth:`faults` says so, too.
        """
        return nodes

    def keys(self, peers: Peers) -> Dict[str, List[str]]:
        """Return the secret keys of a node as the module arrange takes them; the variables of ``peers`` have the secrets."""
        return {}

    def expected(self, values: Values) -> Dict[str, Any]:
        """Return what only it has in the option ``expected`` of the module prepare."""
        return {}

    # what follows from these

    def most_mtu(self, version: Optional[int], values: Values) -> int:
        """Return the largest packet in bytes that fits on the underlay of a node."""
        return values["fabric_underlay_mtu"] - self.overhead(version)

    def mtu(self, version: Optional[int], values: Values) -> int:
        """Return the MTU of a node's endpoints in bytes."""
        return endpoint_mtu(values, self.overhead(version))

    def faults(self, nodes: Dict[str, Values]) -> Iterator[Fault]:
        """Yield (host or None, sentence) for each thing that it cannot do on one of ``nodes``."""
        version = underlay_version(nodes.values())
        for name, values in nodes.items():
            yield from ((name, sentence) for sentence in self._mtu_faults(version, values))
            yield from ((name, sentence) for sentence in self.node_faults(values, len(nodes) - 1))
        reachable = (values["fabric_node_address"] or values["fabric_node_address6"] for values in nodes.values())
        if version is None and all(reachable) and self.encapsulation(list(nodes.values())[0]):
            yield (
                None,
                f"fabric_backend {self.name} needs addresses of one IP version on all nodes: some nodes have only"
                " fabric_node_address, others only fabric_node_address6.",
            )

    def _mtu_faults(self, version: Optional[int], values: Values) -> Iterator[str]:
        most, mtu = self.most_mtu(version, values), self.mtu(version, values)
        least = MTU_MIN_IPV6 if values["fabric_node_subnet6"] else MTU_MIN
        if mtu > most:
            yield (
                f"fabric_mtu is {mtu}, and with {self.name} at most {most} bytes fit on the underlay, whose MTU is"
                f" {values['fabric_underlay_mtu']} (fabric_underlay_mtu): set it to auto."
            )
        elif mtu < least:
            yield f"the MTU of endpoints is {mtu} by fabric_mtu and fabric_underlay_mtu: it must be at least {least}."
