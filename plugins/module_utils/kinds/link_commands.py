# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that do by hand what is done to links: ip-link(8), sysctl(8)."""

from __future__ import annotations

from . import devconf
from .link_types import OF_LINK, TYPES, asked_for, port_settings, words
from .shell import ip

# what ip-link(8), or sysctl(8), sets in a command of its own after "add"
LATER = {"alias", "addrgenmode", "master", "arp", "up", *OF_LINK, *devconf.FIELDS}


def creation(step):
    """Return the command that makes a link and its companions; what it cannot say at once is :func:`settings`."""
    resource = step.after
    kind = resource.values["type"]
    typed = words(TYPES[kind], asked_for(kind, resource.values))
    for other in step.companions:
        typed += ["peer", *_named(other)]
        if other.netns != resource.netns:
            typed += ["netns", other.netns or "/proc/self/ns/net"]
    return ip(resource.netns, "link", "add", *_named(resource), "type", resource.values["type"], *typed)


def _named(resource):
    named = ["name", resource.key.name]
    if "mac" in resource.values:
        named += ["address", resource.values["mac"]]
    if "mtu" in resource.values:
        named += ["mtu", resource.values["mtu"]]
    return named + (["numtxqueues", 1, "numrxqueues", 1] if resource.values["type"] == "veth" else [])


def settings(resource, fields):
    """Return one command for each thing that is set on a link that is there, up last."""
    netns, name = resource.key
    values = resource.values
    commands = []
    typed = words(TYPES.get(values.get("type"), {}), {field: values[field] for field in fields})
    if typed:
        commands.append(ip(netns, "link", "set", "dev", name, "type", values["type"], *typed))
    for field, word in (("mac", "address"), ("mtu", "mtu"), ("alias", "alias"), ("addrgenmode", "addrgenmode")):
        if field in fields:
            commands.append(ip(netns, "link", "set", "dev", name, word, values[field]))
    if "master" in fields:
        commands.append(
            ip(netns, "link", "set", "dev", name, *(["master", values["master"]] if values["master"] else ["nomaster"]))
        )
    as_port = words(OF_LINK, port_settings(values, fields))
    if as_port:
        commands.append(ip(netns, "link", "set", "dev", name, "type", "bridge_slave", *as_port))
    commands += devconf.commands(resource, set(fields))
    if "arp" in fields:
        commands.append(ip(netns, "link", "set", "dev", name, "arp", "on" if values["arp"] else "off"))
    if "up" in fields:
        commands.append(ip(netns, "link", "set", "dev", name, "up" if values["up"] else "down"))
    return commands
