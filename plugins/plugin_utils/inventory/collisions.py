# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and prefixes of different variables that collide. Pure Python."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Iterable, Iterator, Tuple

from ..attachments import used_by
from ..backends import backend_of
from ..values.networks import FAMILIES, Segments, Values
from ..values.taken import Logins, Taken, covers, taken_by


def collision_faults(nodes: Dict[str, Values], underlay: Iterable[str], logins: Logins) -> Iterator[Tuple[str, str]]:
    """Yield (host, sentence) for each address that another has, and each prefix that takes others' addresses away.

    :param nodes: host name -> its normalised variables.
    :param underlay: the prefixes of the underlay.
    :param logins: host name -> (address that Ansible connects to or None, port).
    """
    taken = Taken(nodes, underlay, logins)
    for name, values in nodes.items():
        yield from ((name, sentence) for sentence in _links(values, taken))
        for attachment in used_by(values):
            yield from ((name, sentence) for sentence in attachment.address_faults(values, taken))
        yield from ((name, sentence) for sentence in _tunnel_addresses(name, values, taken))
    yield from _logins(nodes, logins)


def _links(values: Values, taken: Taken) -> Iterator[str]:
    reached = {"", *(endpoint["name"] for endpoint in values["fabric_endpoints"])}
    known: Dict[Any, str] = {}
    for number, link in enumerate(values["fabric_links"]):
        for word in ("a", "b"):
            netns = link[word].get("netns") or ""
            for key in ("address", "address6"):
                if link[word].get(key):
                    where, found = f"fabric_links[{number}].{word}.{key}", ipaddress.ip_interface(link[word][key])
                    fault = taken_by(where, found.ip, taken.whose(found.ip))
                    # in one link, and in one namespace
                    for place in (number,) if found.ip.is_link_local else (number, netns):
                        other = known.setdefault((place, found.ip), where)
                        fault = fault or (taken_by(where, found.ip, f"also {other}") if other != where else None)
                    fault = fault or (covers(where, found, taken) if netns in reached else None)
                    if fault:
                        yield fault
        yield from _apart(number, link)


def _apart(number: int, link: Dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each family in which an end of a link has no route to the other."""
    for key in ("address", "address6"):
        if not (link["a"].get(key) and link["b"].get(key)):
            continue
        one, other = (ipaddress.ip_interface(link[word][key]) for word in ("a", "b"))
        if other.ip not in one.network or one.ip not in other.network:
            yield (
                f"fabric_links[{number}] has the {key} {one} at a and {other} at b, which are not in one prefix, so that neither"
                " end reaches the other: choose both from one prefix."
            )


def _tunnel_addresses(name: str, values: Values, taken: Taken) -> Iterator[str]:
    for variable, given in backend_of(values).addresses(values):
        found = ipaddress.ip_interface(given)
        other = taken.tunnels.setdefault(found.ip, name)
        whose = taken.whose(found.ip) or (f"also the address of {other}" if other != name else None)
        fault = taken_by(variable, found.ip, whose) or covers(variable, found, taken)
        if fault:
            yield fault


def _logins(nodes: Dict[str, Values], logins: Logins) -> Iterator[Tuple[str, str]]:
    """A node routes its whole subnet to itself: a host elsewhere with an address of it is no longer reached."""
    owners = {
        values[family.subnet]: (name, family.subnet)
        for name, values in nodes.items()
        for family in FAMILIES
        if values[family.subnet]
    }
    segments = Segments(owners)
    for name, (address, _port) in logins.items():
        subnet = segments.of(address) if address else None
        if subnet:
            owner, variable = owners[subnet]
            yield (
                owner,
                f"{variable} {subnet} contains {address}, the address by which Ansible reaches {name} (ansible_host): the"
                " fabric would cut it off; choose another prefix.",
            )
