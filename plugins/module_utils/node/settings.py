# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the node's kernel that stop what the fabric forwards or answers. Each check yields a warning."""

from __future__ import annotations

import fnmatch
import os

from .files import LAST

LAST_FILE = "99-zzz-nodenet-fabric.conf"  # of ours, to come after others'

VERSIONS = {4: "ipv4", 6: "ipv6"}
# what the fabric sets on the node, by the IP version that asks for it
FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


def uplink_does_not_forward(facts, expected):
    """Forwarding is turned on for all interfaces only where it was off as a whole (inet_forward_change, net/ipv4/devinet.c)."""
    for version in expected.versions:
        if facts.sysctls.get(FORWARDING[version]) != "1":
            continue
        for dev in facts.uplinks(expected):
            name = f"net.{VERSIONS[version]}.conf.{dev.replace('.', '/')}.forwarding"
            if facts.sysctls.get(name) == "0":
                yield f"{dev} does not forward what arrives there for endpoints ({name}=0): set it to 1, for good in /etc/sysctl.d"


def addresses_are_not_answered(facts, expected):
    """arp_ignore in ip-sysctl (the kernel's documentation): from 2 on who asks must be in the address' own subnet."""
    value = facts.sysctls.get("net.ipv4.conf.all.arp_ignore", "0")
    if 4 in expected.versions and value.isdecimal() and int(value) > 1:
        yield (
            f"net.ipv4.conf.all.arp_ignore is {value}: this node answers ARP only for some of those who ask, and endpoints"
            " that are not in its subnet may lose it; set it to 0 or 1"
        )


def settings_are_undone(facts, expected):
    """A file that turns off what the fabric turns on, at the next boot or ``sysctl --system``, and that no file comes after."""
    wanted = [FORWARDING[version] for version in expected.versions]
    for name in wanted:
        for setting in undoing(facts.settings, name, "1"):
            if setting.path == LAST or "sysctl" not in expected.handled or os.path.basename(setting.path) > LAST_FILE:
                yield (
                    f"{setting.path} sets {setting.name} = {setting.value}: at the next 'sysctl --system' this node forwards no"
                    " more; remove the line"
                )


def undoing(settings, name, value):
    """Return those of ``settings`` after which ``name`` is not ``value``."""
    last = [setting for setting in settings if _is_about(setting.name, name)]
    return [setting for setting in last[-1:] if setting.value != value]


def _is_about(written, name):
    """Say whether what a file says is about the sysctl ``name``; sysctl.d(5) writes dots or slashes, and patterns."""
    same = {"net.ipv4.conf.all.forwarding": "net.ipv4.ip_forward"}
    plain = written.lstrip("-").replace("/", ".")
    return fnmatch.fnmatchcase(name, same.get(plain, plain))


def neighbor_tables(facts, expected):
    """Return name -> value of the limits that hold this many endpoints, none for few; one that is higher now stays.

    Both ends of an endpoint's link learn each other, and all namespaces of a machine share one table, whose entries beyond
    gc_thresh3 are refused (neigh_alloc in net/core/neighbour.c).
    """
    needed = 1024
    while needed < 8 * expected.endpoints:
        needed *= 2
    wanted = {}
    for version in expected.versions if needed > 2048 else ():
        for number, share in ((1, 4), (2, 2), (3, 1)):
            name = f"net.{VERSIONS[version]}.neigh.default.gc_thresh{number}"
            if facts.sysctls.get(name, "").isdecimal():
                wanted[name] = str(max(needed // share, int(facts.sysctls[name])))
    return wanted
