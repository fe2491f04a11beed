# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel changes on a tunnel in place, and what it must be asked for."""

from types import SimpleNamespace

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link import Link
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.link_types import BRIDGE, altered

VXLAN = {"type": "vxlan", "vni": 1, "port": 8472, "local": "192.0.2.1", "lower": "eth0", "learning": False, "ttl": 0}
IPIP = {"type": "ipip", "local": "192.0.2.1", "lower": "", "ttl": 0, "pmtudisc": True}
LINK = Link()


def resource(values):
    return Resource("link", LINK.key("", "t0"), values)


@pytest.mark.parametrize(
    ("found", "change", "fixed"),
    [
        (VXLAN, {"local": "192.0.2.2", "lower": "eth1", "learning": True, "ttl": 9}, set()),
        (VXLAN, {"vni": 2, "port": 4789}, {"vni", "port"}),
        (VXLAN, {"local": "fd00::1"}, {"local"}),
        (VXLAN, {"lower": ""}, {"lower"}),
        ({**VXLAN, "lower": ""}, {"lower": "eth0"}, set()),
        (IPIP, {"local": "192.0.2.2", "lower": "eth1", "ttl": 9, "pmtudisc": False}, set()),
        ({**IPIP, "remote": "192.0.2.8"}, {"remote": "192.0.2.9"}, set()),
        (IPIP, {"remote": "192.0.2.9"}, {"remote"}),
    ],
)
def test_what_cannot_be_changed_in_place(found, change, fixed):
    assert LINK.fixed_of(resource({**found, **change}), resource(found)) & change.keys() == fixed


def test_what_is_left_out_of_a_request_keeps_its_value_on_a_vxlan_device_and_becomes_zero_on_an_ipip_tunnel():
    assert altered({**VXLAN, "ttl": 9}, {"ttl"}) == {"ttl": 9}
    tunnel = {**IPIP, "mtu": 1480, "ttl": 9}
    assert altered(tunnel, {"ttl", "mtu"}) == {"local": "192.0.2.1", "lower": "", "ttl": 9, "pmtudisc": True}
    assert altered(tunnel, {"mtu"}) == {"mtu": 1480}


@pytest.mark.parametrize("release, has", [("4.19.0-27-amd64", False), ("5.0.0", True), ("6.18.44-fc", True)])
def test_what_a_kernel_does_not_have_is_left_out(monkeypatch, release, has):
    monkeypatch.setattr(procfs.os, "uname", lambda: SimpleNamespace(release=release))
    procfs.learns_no_linklocal.cache_clear()
    bridge = resource({"type": "bridge", "no_linklocal_learn": True})
    try:
        assert ("no_linklocal_learn" in LINK.claimed(bridge, "a").values) is has
    finally:
        procfs.learns_no_linklocal.cache_clear()


def test_a_bit_is_read_where_the_kernel_knows_it():
    field = BRIDGE["no_linklocal_learn"]
    assert field.pack(True, "") == ("IFLA_BR_MULTI_BOOLOPT", (1, 1)) and field.pack(False, "")[1] == (0, 1)
    assert [field.unpack({field.attr: pair}, None) for pair in ((3, 3), (2, 3), (2, 2))] == [True, False, False]
    assert field.unpack({}, None) is False and field.words(True) == ["no_linklocal_learn", "1"]
