# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that do a step of a link by hand: ip-link(8), sysctl(8)."""

from __future__ import annotations

from typing import Collection, List

from ..engine.resource import Resource
from ..engine.step import Step
from . import devconf
from .link_types import OF_LINK, TYPES, asked_for, port_settings, words
from .shell import ip
from .ties import LinkKey

# what ip-link(8), or sysctl(8), sets in a command of its own after "add"
LATER = {"alias", "addrgenmode", "master", "arp", "up", *OF_LINK, *devconf.FIELDS}


def creation(step: Step) -> str:
    """Return the command that makes a link and its companions; :func:`settings` follow."""
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


def settings(resource: Resource[LinkKey], fields: Collection[str]) -> List[str]:
    """Return one command for each thing that is set on a link that is there, up last."""
    netns, name = resource.key
    values = resource.values
    lines = []
    typed = words(TYPES.get(values.get("type", ""), {}), {field: values[field] for field in fields})
    if typed:
        lines.append(ip(netns, "link", "set", "dev", name, "type", values["type"], *typed))
    for field, word in (("mac", "address"), ("mtu", "mtu"), ("alias", "alias"), ("addrgenmode", "addrgenmode")):
        if field in fields:
            lines.append(ip(netns, "link", "set", "dev", name, word, values[field]))
    if "master" in fields:
        lines.append(
            ip(netns, "link", "set", "dev", name, *(["master", values["master"]] if values["master"] else ["nomaster"]))
        )
    as_port = words(OF_LINK, port_settings(values, fields))
    if as_port:
        lines.append(ip(netns, "link", "set", "dev", name, "type", "bridge_slave", *as_port))
    lines += devconf.commands(resource, set(fields))
    if "arp" in fields:
        lines.append(ip(netns, "link", "set", "dev", name, "arp", "on" if values["arp"] else "off"))
    if "up" in fields:
        lines.append(ip(netns, "link", "set", "dev", name, "up" if values["up"] else "down"))
    return lines
