# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is refused by the option's name before anything is touched."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, InputError


def test_every_fault_of_the_input_is_told_together_and_nothing_is_touched(node):
    before = node.snapshot()
    with pytest.raises(FabricError) as failure:
        node.task(
            "address",
            config=[
                {"dev": "a" * 16, "address": "10.0.0.1/24"},
                {"dev": "eth0", "address": "10.0.0.1"},
                {"dev": "eth0", "address": "10.0.0.300/24"},
            ],
        )
    for expected in (
        "config[0].dev: 'aaaaaaaaaaaaaaaa' has 16 characters",
        "config[1].address: '10.0.0.1' has no prefix length",
        "config[2].address: '10.0.0.300/24' is not an address",
    ):
        assert expected in str(failure.value)
    assert node.snapshot() == before


@pytest.mark.parametrize(
    "module, options, expected",
    [
        (
            "route",
            {"prefix": "10.0.0.5/24", "via": "10.0.0.1"},
            "prefix: '10.0.0.5/24' has host bits set: the prefix is 10.0.0.0/24",
        ),
        (
            "route",
            {"prefix": "10.0.0.0/24", "via": "fd00::1"},
            "via: fd00::1 and prefix 10.0.0.0/24 are not of one family",
        ),
        ("route", {"prefix": "10.0.0.0/24"}, "via: the route to 10.0.0.0/24 has no gateway and no interface"),
        ("route", {"prefix": "fd00::/64", "dev": "lo", "scope": "link"}, "scope: .*IPv6"),
        ("route", {"prefix": "10.0.0.0/24", "dev": "eth7"}, "dev: there is no interface 'eth7'"),
        (
            "route",
            {"prefix": "10.0.0.0/24", "dev": "lo", "netns": "nowhere"},
            "netns: there is no network namespace 'nowhere'",
        ),
        ("address", {"dev": "lo", "address": "10.0.0.1/24", "nodad": True}, "nodad: .*IPv4"),
        (
            "address",
            {"dev": "lo", "address": "fd00::1/64", "broadcast": "10.0.0.255"},
            "broadcast: .*fd00::1/64 is IPv6",
        ),
        (
            "address",
            {"dev": "lo", "address": "10.0.0.1/24", "broadcast": "224.0.0.1"},
            "broadcast: 224.0.0.1 is no IPv4 broadcast",
        ),
        (
            "address",
            {"dev": "lo", "address": "10.0.0.1/24", "pid": 999999999},
            "pid: there is no process 999999999",
        ),
        (
            "address",
            {"dev": "lo", "address": "10.0.0.1/24", "netns": "/nowhere/ns"},
            "netns: there is no network namespace at /nowhere/ns",
        ),
        ("bridge", {"name": "br0", "mac": "01:00:00:00:00:01"}, "mac: .*group address"),
        ("bridge", {"name": "br0", "mtu": 20}, "mtu: 20 is out of range"),
        ("bridge", {"name": "br/0"}, "name: 'br/0' is not an interface name"),
        ("veth", {"name": "v0"}, "peer: required: the other end of 'v0'"),
        ("veth", {"name": "v0", "peer": {"name": "v0"}}, "peer.name: 'v0' is the name of both ends"),
        (
            "veth",
            {"name": "v0", "peer": {"name": "eth0", "netns": "nowhere"}},
            "netns: there is no network namespace 'nowhere'",
        ),
        ("veth", {"name": "v0", "master": "br9", "peer": {"name": "v1"}}, "master: there is no interface 'br9'"),
        ("bridge_port", {"name": "eth7", "bridge": "br0"}, "name: there is no interface 'eth7'"),
        ("netns", {"name": "a/b"}, "name: 'a/b' is not a namespace name"),
        (
            "masquerade",
            {"source": "10.0.0.0/24", "exclude": ["fd00::/64"]},
            "exclude: fd00::/64 and source 10.0.0.0/24",
        ),
        (
            "vxlan_fdb",
            {"mac": "02:00:00:00:00:05", "dev": "lo", "dst": "192.0.2.2"},
            "dev: 'lo' is a device and no VXLAN device",
        ),
        (
            "neighbor",
            {"mac": "02:00:00:00:00:05", "dev": "lo", "address": "192.0.2.2"},
            "dev: lo is the loopback interface",
        ),
        (
            "neighbor",
            {"mac": "02:00:00:00:00:05", "dev": "eth0", "address": "::ffff:192.0.2.2"},
            "address: ::ffff:192.0.2.2 is IPv4 written as IPv6: write 192.0.2.2",
        ),
        ("address", {"dev": "lo", "address": "fe80::1%lo/64"}, "address: fe80::1%lo/64 has a zone: leave %lo out"),
        ("bridge", {"name": "lo"}, "name: 'lo' is reserved by the kernel"),
        ("bridge", {"name": "a%d"}, "name: 'a%d' is not an interface name"),
        ("netns", {"name": "red", "owner": "a b"}, "owner: 'a b' is not a label"),
    ],
)
def test_bad_input_is_refused_with_the_options_name(node, module, options, expected):
    before = node.snapshot()
    with pytest.raises(InputError, match=expected):
        node.task(module, **options)
    assert node.snapshot() == before
