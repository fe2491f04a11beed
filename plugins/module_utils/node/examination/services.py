# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other tunnels, listening ports and firewalls of the node. Each check yields a sentence for each fault."""

from __future__ import annotations

import re
from typing import Iterator

from ..expected import Expected
from ..facts.model import Facts

ANY = (None, "0.0.0.0", "::")


def vni_is_taken(facts: Facts, expected: Expected) -> Iterator[str]:
    """Only one device may have a VNI and a port (vxlan_vni_in_use, drivers/net/vxlan/vxlan_core.c)."""
    for link in facts.links:
        taken = link.details.get("vni"), link.details.get("port")
        if link.type == "vxlan" and not link.ours and taken == (expected.vxlan_vni, expected.tunnel_port):
            yield (
                f"the VXLAN device {link.name} already has VNI {expected.vxlan_vni} and UDP port {expected.tunnel_port}"
                f" (flannel and Docker make such devices): choose another fabric_vxlan_vni or {expected.port_variable}"
            )


def tunnel_has_no_interface(facts: Facts, expected: Expected) -> Iterator[str]:
    """A tunnel needs its lower interface, which the collection does not make."""
    for lower in expected.lower_interfaces:
        if not facts.link(lower["interface"]):
            there = ", ".join(link.name for link in facts.links if not link.ours and link.name != "lo")
            yield (
                f"{lower['name']} is {lower['interface']}, and this node has no such interface; it has {there or 'none'}"
            )


def tunnel_port_is_taken(facts: Facts, expected: Expected) -> Iterator[str]:
    """Another program listens on the tunnel's port; VXLAN devices with one port share its socket, and WireGuard's may be ours."""
    kinds = {True: ("vxlan", "wireguard"), False: ("vxlan",)}
    known = {link.details.get("port") for link in facts.links if link.type in kinds[link.ours]}
    if expected.tunnel_port is None or expected.tunnel_port in known:
        return
    if any(one.protocol == "udp" and one.port == expected.tunnel_port for one in facts.listeners):
        yield (
            f"UDP port {expected.tunnel_port} of this node is in use by another program: choose another"
            f" {expected.port_variable}, or stop that program"
        )


def ssh_is_published(facts: Facts, expected: Expected) -> Iterator[str]:
    """The port of Ansible's SSH connection may not be forwarded to an endpoint."""
    if facts.ssh_client is None:
        return
    _address, port = facts.ssh_client
    for one in expected.published:
        if one["protocol"] == "tcp" and port in _ports(one["port"]):
            yield (
                f"{one['name']} publishes tcp port {port}, the port of Ansible's SSH connection to this node: publish another"
                " port, or connect to another SSH port"
            )


def published_port_has_a_listener(facts: Facts, expected: Expected) -> Iterator[str]:
    """Other hosts no longer reach a program that listens on a published port."""
    for one in expected.published:
        wanted, where = _ports(one["port"]), one.get("address")
        for found in facts.listeners:
            same = found.protocol == one["protocol"] and found.port in wanted
            if same and (where is None or found.address in (*ANY, where)) and not _is_loopback(found.address):
                yield (
                    f"{one['name']} publishes {found.protocol} port {found.port}, on which a program of this node listens"
                    f" ({found.address or 'any address'}): other hosts reach the endpoint instead of the program"
                )


def firewall_drops(facts: Facts, expected: Expected) -> Iterator[str]:
    """A chain with the policy drop accepts only what its rules accept."""
    for chain in facts.chains:
        if chain.policy != "drop" or chain.whose in expected.handled or _names_fabric(chain, expected):
            continue
        if chain.hook == "forward":
            what = f"forwarded packets: accept packets from and to {_prefixes(expected)} in it"
        elif chain.hook == "input" and expected.tunnel:
            what = f"packets to this node: accept {expected.tunnel.title} from the peers in it"
        else:
            continue
        whose = f" ({chain.whose})" if chain.whose else ""
        yield f"the chain {chain.place}{whose} of this node's firewall drops {what}"


def _names_fabric(chain, expected):
    """Say whether rules of the chain name the fabric: somebody has made them for it."""
    words = set(re.findall(r"[\w.:-]+", chain.text))
    if chain.hook == "input":
        tunnel = expected.tunnel.names if expected.tunnel else set()
        return bool(words & (tunnel | {peer["address"] for peer in expected.peers}))
    wanted = {prefix.split("/")[0] for _network, prefix, _name in expected.networks}
    return bool(words & (wanted | set(expected.interfaces)))


def _prefixes(expected):
    prefixes = [prefix for _network, prefix, _name in expected.networks]
    return ", ".join(prefixes[:3]) + (f" and {len(prefixes) - 3} more" if len(prefixes) > 3 else "")


def _ports(text):
    first, _dash, last = str(text).partition("-")
    return range(int(first), int(last or first) + 1)


def _is_loopback(address):
    return address is not None and (address.startswith("127.") or address == "::1")
