# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attachment says of itself. Pure Python."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from ..values.declaration import Check, Variable
from ..values.networks import GATEWAYS, Values, subnets_of
from ..values.ranges import hands_out
from ..values.taken import Taken
from .endpoints import Endpoint, Endpoints


class Attachment:
    """A way to connect an endpoint to its node. ``values`` are a node's normalised variables.

    :cvar name: the value of fabric_attachment and of an endpoint's attachment, the role, and the part of the node model that
        the role reads.
    :cvar variables: its own variables.
    :cvar endpoint_keys: the keys of an endpoint that are for this attachment alone, each with the check of its value.
    :cvar features: what the kernel must have (see the module prepare).
    :cvar needs_gateway: endpoints leave by an address of the node in their own subnet.
    :cvar shares_l2: the endpoints of one node are on one L2: packets between them do not pass the node.
    """

    name = ""
    variables: Sequence[Variable] = ()
    endpoint_keys: Mapping[str, Check] = {}
    features: Sequence[str] = ("netns", "veth")
    needs_gateway = False
    shares_l2 = False

    def has_work(self, values: Values) -> bool:
        """Say whether its role has anything to do on a node."""
        return self.name in attachments_of(values)

    def node_faults(self, values: Values) -> Iterator[str]:
        """Yield a sentence for each thing that it cannot do on a node."""
        yield from ()

    def address_faults(self, values: Values, taken: Taken) -> Iterator[str]:
        """Yield a sentence for each address of its own that another has."""
        yield from ()

    def devices(self, values: Values) -> Iterator[Tuple[str, str]]:
        """Yield (variable, name) of the interfaces that it makes on a node beside the ends of endpoints' veth pairs."""
        yield from ()

    def prefixes(self, values: Values) -> Iterator[Tuple[str, str]]:
        """Yield (variable, prefix) of the routes that it adds beside those to endpoints."""
        yield from ()

    def node_addresses(self, values: Values) -> List[str]:
        """Return the addresses that the node has in the endpoints' subnets for all of its endpoints."""
        return []

    def gateways(self, values: Values, endpoint: Endpoint) -> List[str]:
        """Return the addresses that the node has for this endpoint alone."""
        return []

    def part(self, endpoints: Endpoints) -> Dict[str, Any]:
        """Return what its role reads: the part of the node model that has its name."""
        raise NotImplementedError


def attachment_of(values: Values, endpoint: Endpoint) -> str:
    """Return the name of an endpoint's attachment: its own, else its node's."""
    return endpoint.get("attachment") or values["fabric_attachment"]


def attachments_of(values: Values) -> Set[str]:
    """Return the names of the attachments of a node's endpoints; its default counts if it has none, or engines' containers."""
    found = {attachment_of(values, endpoint) for endpoint in values["fabric_endpoints"]}
    if subnets_of(values) and (not found or hands_out(values)):
        found.add(values["fabric_attachment"])
    return found


def subnet_gateways(values: Values) -> List[str]:
    """Return the address of a node in each of its subnets."""
    return [values[GATEWAYS[key]] for _subnet, key in subnets_of(values)]
