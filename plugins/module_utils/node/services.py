# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else is on the node that the fabric meets: tunnels, ports, firewalls. Each check yields what is wrong."""

from __future__ import annotations

import re

# as nft(8) and iptables(8) write IP protocol 4
IPIP = {"ipip", "ipencap"}
ANY = (None, "0.0.0.0", "::")


def vni_is_taken(facts, expected):
    """One VNI at one port is one device's (vxlan_vni_in_use, drivers/net/vxlan/vxlan_core.c)."""
    for link in facts.links:
        taken = link.details.get("vni"), link.details.get("port")
        if link.type == "vxlan" and not link.ours and taken == (expected.vxlan_vni, expected.vxlan_port):
            yield (
                f"the VXLAN device {link.name} has the VNI {expected.vxlan_vni} at UDP port {expected.vxlan_port}"
                " already (flannel's and Docker's are such): choose another fabric_vxlan_vni or fabric_vxlan_port"
            )


def tunnel_has_no_interface(facts, expected):
    """The interface that the VXLAN device stands on is the node's own; it must be there."""
    if expected.vxlan_dev and not facts.link(expected.vxlan_dev):
        there = ", ".join(link.name for link in facts.links if not link.ours and link.name != "lo")
        yield f"fabric_vxlan_dev is {expected.vxlan_dev}, and this node has no such interface: it has {there or 'none'}"


def tunnel_port_is_taken(facts, expected):
    """Another program's socket at the tunnel's port; that of a VXLAN device is shared by all devices of the port."""
    shared = {link.details.get("port") for link in facts.links if link.type == "vxlan"}
    if expected.vxlan_port is None or expected.vxlan_port in shared:
        return
    if any(one.protocol == "udp" and one.port == expected.vxlan_port for one in facts.listeners):
        yield (
            f"UDP port {expected.vxlan_port} of this node is in use by another program: choose another"
            " fabric_vxlan_port, or stop it"
        )


def ssh_is_published(facts, expected):
    """The port by which Ansible came is not led to an endpoint."""
    if facts.came_from is None:
        return
    _address, port = facts.came_from
    for one in expected.published:
        if one["protocol"] == "tcp" and port in _ports(one["port"]):
            yield (
                f"{one['name']} publishes tcp port {port}, by which Ansible comes to this node: choose another port, or"
                " reach the node by another"
            )


def published_port_has_a_listener(facts, expected):
    """A program that listens at a published port is reached from this node alone."""
    for one in expected.published:
        wanted, where = _ports(one["port"]), one.get("address")
        for found in facts.listeners:
            same = found.protocol == one["protocol"] and found.port in wanted
            if same and (where is None or found.address in (*ANY, where)) and not _is_loopback(found.address):
                yield (
                    f"{one['name']} publishes {found.protocol} port {found.port}, at which a program of this node listens"
                    f" ({found.address or 'any address'}): others reach the endpoint instead of it"
                )


def firewall_drops(facts, expected):
    """A chain of which the policy is to drop lets pass only what its rules name."""
    for chain in facts.chains:
        if chain.policy != "drop" or chain.whose in expected.handled or _names_fabric(chain, expected):
            continue
        if chain.hook == "forward":
            what = "forwarded: accept there what comes from and goes to " + _prefixes(expected)
        elif chain.hook == "input" and expected.vxlan_port is not None:
            what = f"meant for this node: accept there UDP port {expected.vxlan_port} from the peers"
        elif chain.hook == "input" and expected.backend == "ipip":
            what = "meant for this node: accept there IP protocol 4 (IPIP) from the peers"
        else:
            continue
        whose = f" ({chain.whose})" if chain.whose else ""
        yield f"the chain {chain.place}{whose} of this node's firewall drops what is {what}"


def _names_fabric(chain, expected):
    """Say whether somebody has had the chain let the fabric pass."""
    words = set(re.findall(r"[\w.:-]+", chain.text))
    if chain.hook == "input":
        tunnel = {str(expected.vxlan_port)} if expected.vxlan_port is not None else IPIP
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
