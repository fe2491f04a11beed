# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which saved objects stand without the uplink."""

from __future__ import annotations

from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.address import AddressKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.netns import NetnsKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.route import RouteKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.sysctl import SysctlKey
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence.waiting import parted


def test_what_waits_is_what_stands_on_others_things_and_all_that_stands_on_that():
    kinds = by_name()
    alone = [
        Resource(
            "netns",
            NetnsKey(
                "red",
            ),
        ),
        Resource("link", LinkKey("", "v-red"), {"type": "veth", "peer": ("red", "eth0")}),
        Resource("link", LinkKey("red", "eth0"), {"type": "veth", "peer": ("", "v-red")}),
        Resource("address", AddressKey("red", "lo", "10.0.0.9/32")),
        Resource("address", AddressKey("", "v-red", "10.0.0.1/32")),
        Resource("route", RouteKey("", 254, "10.0.0.2/32", 0), {"dev": "v-red", "src": "10.0.0.1"}),
        Resource("sysctl", SysctlKey("", "net.ipv4.ip_forward"), {"value": "1"}),
    ]
    waits = [
        Resource("route", RouteKey("", 254, "10.8.0.0/24", 0), {"dev": "eth0", "via": "192.0.2.8"}),
        Resource("route", RouteKey("", 254, "10.7.0.0/24", 0), {"dev": "v-red", "src": "192.0.2.1"}),
        Resource("link", LinkKey("", "vx1"), {"type": "vxlan", "lower": "eth0"}),
        Resource("address", AddressKey("", "vx1", "10.0.0.0/32")),
        Resource("link", LinkKey("", "v-blue"), {"type": "veth", "peer": ("blue", "eth0"), "master": "br-lan"}),
        Resource("link", LinkKey("blue", "eth0"), {"type": "veth", "peer": ("", "v-blue")}),
        Resource("address", AddressKey("blue", "eth0", "10.0.0.3/24")),
        Resource("address", AddressKey("/proc/7/ns/net", "eth0", "10.0.0.4/24")),
    ]
    namespace = Resource("netns", NetnsKey("blue"))
    mixed = [*reversed(waits), namespace, *alone]
    assert parted(kinds, mixed) == ([namespace, *alone], list(reversed(waits)))
    assert parted(kinds, alone) == (alone, [])
    # a setting of an uplink that is there needs no address of it; without it, forwarding would end what it learns
    setting = Resource("sysctl", SysctlKey("", "net.ipv6.conf.eth0.accept_ra"), {"value": "2"})
    forwarding = Resource("sysctl", SysctlKey("", "net.ipv6.conf.all.forwarding"), {"value": "1"})
    assert parted(kinds, [setting, forwarding], {("link", ("", "eth0"))}) == ([setting, forwarding], [])
    assert parted(kinds, [forwarding, setting]) == ([], [forwarding, setting])
