# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and prefixes of different variables that get into each other's way. Pure Python."""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from contextlib import suppress

from ..backends import backend_of
from .addresses import assigned
from .model import attachment_of, attachments_of
from .networks import GATEWAYS, Segments, subnets_of

NODES = ("fabric_node_address", "fabric_node_address6")


def collision_faults(nodes, underlay, logins):
    """Yield (host, sentence) for each address that somebody else has, and each prefix that takes others' addresses away.

    :param nodes: host name -> its normalised variables.
    :param underlay: the prefixes of the underlay.
    :param logins: host name -> (address that Ansible connects to or None, port).
    """
    concerned = {name: values for name, values in nodes.items() if _is_concerned(values)}
    taken = _Taken(nodes, underlay, logins) if concerned else None  # in a large fabric that takes its time
    for name, values in concerned.items():
        found = [
            *_links(values, taken),
            *_host_addresses(values, taken),
            *_routed_gateway(values, taken),
            *_tunnel_addresses(name, values, taken),
        ]
        yield from ((name, sentence) for sentence in found)
    yield from _logins(nodes, logins)


def _is_concerned(values):
    return values["fabric_links"] or any(backend_of(values).addresses(values)) or attachments_of(values) != {"bridge"}


class _Taken:
    """Who has which address, in the whole fabric."""

    def __init__(self, nodes, underlay, logins):
        self.underlay = Segments(underlay)
        self.networks = [ipaddress.ip_network(text) for text in underlay]
        self._whose = {}
        for name, values in nodes.items():
            for variable in NODES:
                self._add(values[variable], f"the address of {name}")
            for endpoint, address in _endpoints(values):
                self._add(address, f"the address of endpoint {endpoint} on {name}")
            for variable in GATEWAYS.values():
                self._add(values[variable], f"the address of the bridge on {name}")
        for entry in next(iter(nodes.values()))["fabric_outside"]:
            self._add(entry["address"], f"the address of {entry['name']} outside")
        for name, (address, _port) in logins.items():
            self._add(address, f"the address by which Ansible reaches {name}")
        self._numbers = {version: sorted(int(ip) for ip in self._whose if ip.version == version) for version in (4, 6)}
        self.tunnels = {}

    def _add(self, text, whose):
        if text:
            self._whose.setdefault(ipaddress.ip_address(text), whose)

    def whose(self, ip):
        """Return whose address ``ip`` is, or None."""
        return self._whose.get(ip)

    def covered(self, network):
        """Return what a route to ``network`` would take away: an address and whose it is, or a prefix of the underlay."""
        numbers = self._numbers[network.version]
        at = bisect_left(numbers, int(network.network_address))
        if at < len(numbers) and numbers[at] <= int(network.broadcast_address):
            ip = type(network.network_address)(numbers[at])
            return f"{ip}, {self._whose[ip]}"
        near = (one for one in self.networks if one.version == network.version and one.overlaps(network))
        return next((f"{one} of the underlay" for one in near), None)


def _endpoints(values):
    """Yield (name, address) of a node's endpoints, given or assigned; of a subnet that is full only those given."""
    for endpoint in values["fabric_endpoints"]:
        yield from ((endpoint["name"], endpoint[key]) for key in GATEWAYS if endpoint.get(key))
    for subnet, key in subnets_of(values):
        if not all(endpoint.get(key) for endpoint in values["fabric_endpoints"]):
            with suppress(ValueError):
                yield from assigned(values["fabric_endpoints"], subnet, key, values[GATEWAYS[key]]).items()


def _links(values, taken):
    reached = {"", *(endpoint["name"] for endpoint in values["fabric_endpoints"])}
    known = {}
    for number, link in enumerate(values["fabric_links"]):
        for word in ("a", "b"):
            netns = link[word].get("netns") or ""
            for key in ("address", "address6"):
                if link[word].get(key):
                    where, found = f"fabric_links[{number}].{word}.{key}", ipaddress.ip_interface(link[word][key])
                    fault = _taken_by(where, found.ip, taken.whose(found.ip))
                    # in one link, and in one namespace
                    for place in (number,) if found.ip.is_link_local else (number, netns):
                        other = known.setdefault((place, found.ip), where)
                        fault = fault or (_taken_by(where, found.ip, f"that of {other}") if other != where else None)
                    fault = fault or (_covers(where, found, taken) if netns in reached else None)
                    if fault:
                        yield fault


def _taken_by(where, ip, whose):
    return f"{where} is {ip}, which is {whose}: give it another." if whose else None


def _covers(where, interface, taken):
    """Say what the route that an address brings along takes away from whoever has the interface."""
    covered = None if interface.ip.is_link_local else taken.covered(interface.network)
    if not covered:
        return None
    return f"{where} {interface} makes {interface.network} part of that link, and with it {covered}: choose another prefix."


def _host_addresses(values, taken):
    """The host's end of a direct endpoint; several ends may have one address, as the node's own."""
    for number, endpoint in enumerate(values["fabric_endpoints"]):
        given = endpoint.get("host_address")
        if given and attachment_of(values, endpoint) == "direct" and given != values[GATEWAYS["address"]]:
            ip = ipaddress.ip_address(given)
            fault = _taken_by(f"fabric_endpoints[{number}].host_address", ip, taken.whose(ip))
            if fault:
                yield fault


def _routed_gateway(values, taken):
    """The node answers for the gateway of routed endpoints, and has no way to whoever really has that address."""
    gateway = values["fabric_routed_gateway"]
    if "routed" not in attachments_of(values):
        return
    ip = ipaddress.ip_address(gateway)
    whose = taken.whose(ip) or (taken.underlay.of(gateway) and f"in {taken.underlay.of(gateway)} of the underlay")
    if whose:
        yield f"fabric_routed_gateway is {ip}, which is {whose}: choose one that nobody has, such as 169.254.1.1."


def _tunnel_addresses(name, values, taken):
    for variable, given in backend_of(values).addresses(values):
        found = ipaddress.ip_interface(given)
        other = taken.tunnels.setdefault(found.ip, name)
        whose = taken.whose(found.ip) or (f"that of {other} too" if other != name else None)
        fault = _taken_by(variable, found.ip, whose) or _covers(variable, found, taken)
        if fault:
            yield fault


def _logins(nodes, logins):
    """A node that has a subnet has all of it on itself: whoever has an address of it elsewhere is not reached any more."""
    owners = {subnet: name for name, values in nodes.items() for subnet, _key in subnets_of(values)}
    segments = Segments(owners)
    for name, (address, _port) in logins.items():
        subnet = segments.of(address) if address else None
        if subnet:
            yield (
                owners[subnet],
                f"the node's subnet {subnet} holds {address}, by which Ansible reaches {name}: choose another prefix.",
            )
