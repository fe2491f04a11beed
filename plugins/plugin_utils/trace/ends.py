# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ends of walks by the names that the matrix has for them: endpoints, nodes, hosts outside. Pure Python."""

from __future__ import annotations

import difflib
import ipaddress
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..reachability.expectations import ADDRESSES, Expectations, netns_of
from ..values.networks import subnets_of
from ..walk.hop import Place

Plain = Dict[str, Any]
# names in a message
MOST_NAMED = 40


class EndFault(ValueError):
    """A name that nobody has, or ends that cannot be the two of one walk; the text is for a person."""


class Ends:
    """Every end of a fabric.

    :param model: the model of the fabric.
    """

    def __init__(self, model: Plain) -> None:
        self.expectations = Expectations(model)
        self.places: Dict[str, List[Place]] = {}  # label -> one for each of its families
        self.outside = [Place(one["name"], None, "", one["address"]) for one in model["fabric"]["fabric_outside"]]
        for place in [*self._inside(model), *self.outside]:
            mine = self.places.setdefault(place.label, [])
            if _version(place) not in map(_version, mine):
                mine.append(place)

    def _inside(self, model: Plain) -> Iterator[Place]:
        label_of = self.expectations.label_of
        for node, values in model["nodes"].items():
            for endpoint in values["fabric_endpoints"]:
                for _subnet, key in subnets_of(values):
                    if endpoint.get(key):
                        yield Place(label_of(node, endpoint["name"]), node, netns_of(endpoint), endpoint[key])
            for link in values["fabric_links"]:
                for end in (link["a"], link["b"]):
                    for key in ("address", "address6"):
                        if end.get(key) and end.get("netns"):
                            address = end[key].partition("/")[0]
                            yield Place(label_of(node, end["netns"]), node, end["netns"], address)
        for node, values in model["nodes"].items():
            for key in ADDRESSES:
                if values[key]:
                    yield Place(node, node, "", values[key])

    def named(self, text: str) -> List[Place]:
        """Return the places of a label, of ``node/endpoint``, or of an address, one for each family.

        :raises EndFault: nobody has that name.
        """
        found = self.places.get(text) or self._by_node(text)
        if found:
            return found
        try:
            address = str(ipaddress.ip_address(text))
        except ValueError:
            raise EndFault(self._unknown(text)) from None
        for places in self.places.values():
            for one in places:
                if one.address == address:
                    return [one._replace(label=text)]
        return [Place(text, None, "", address)]

    def _by_node(self, text: str) -> List[Place]:
        node, slash, name = text.partition("/")
        return [
            one._replace(label=text)
            for places in (self.places.values() if slash else ())
            for one in places
            if one.node == node and name in (one.netns, one.label)
        ]

    def _unknown(self, text: str) -> str:
        near = difflib.get_close_matches(text, self.places, 1)
        names = list(self.places)
        more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"there is no {text!r} in the fabric.{hint} There is: {', '.join(names[:MOST_NAMED])}{more}; or write an address"

    def pairs(self, start: Optional[str], end: Optional[str], family: Optional[int]) -> List[Tuple[Place, Place]]:
        """Return the pairs from ``start`` to ``end``; None: all that there are, each with each of its families.

        :raises EndFault: a name is unknown, or the two have no family in common.
        """
        sources = [self.named(start)] if start else [places for places in self.places.values() if places[0].node]
        targets = [self.named(end)] if end else list(self.places.values())
        found = []
        for several in sources:
            for others in targets:
                if not _is_same(several[0], others[0]):
                    found += _common(several, others, family, bool(start and end))
        if start and end and not found:
            same = _is_same(sources[0][0], targets[0][0])
            raise EndFault(
                "the two ends are the same" if same else f"{start} and {end} have no addresses of one family"
            )
        return found


def _is_same(one, other):
    """Say whether two places are one namespace; outside of the fabric it is the address that counts."""
    return one[1:3] == other[1:3] if one.node else one.address == other.address


def _common(sources, targets, family, only_first):
    """Return the pairs of places of one family; an end without an address in it has none."""
    found = [
        (one, other)
        for other in targets
        for one in sources
        if _version(one) == _version(other) and family in (None, _version(one))
    ]
    found.sort(key=lambda pair: _version(pair[0]))
    return found[:1] if only_first else found


def _version(place: Place) -> int:
    return 6 if ":" in place.address else 4
