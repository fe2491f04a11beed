# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with a fabric, another fabric to change it to, and tasks of arrange with a commit."""

import time

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.system import deadman, pending
from ansible_collections.nodenet.fabric.plugins.modules import arrange as module
from snapshot import differences

MARKS = "/run/nodenet/state.json"


def veth(color, number, **further):
    """A pair with fixed addresses."""
    peer = {"name": "eth0", "netns": color, "mac": f"02:00:00:00:01:0{number}", **further}
    return {"name": f"v-{color}", "master": "br0", "mac": f"02:00:00:00:00:0{number}", "peer": peer, **further}


OLD = {
    "netns": [{"name": "red"}],
    "bridge": [{"name": "br0", "mac": "02:00:00:00:00:01", "addrgenmode": "none"}],
    "veth": [veth("red", 2)],
    "address": [{"dev": "br0", "address": "10.0.0.1/24"}, {"dev": "eth0", "netns": "red", "address": "10.0.0.2/24"}],
    "route": [
        {"netns": "red", "prefix": "default", "via": "10.0.0.1"},
        {"prefix": "10.9.0.0/24", "via": "192.0.2.9"},
    ],
    "forwarding": [{"family": "ipv4"}],
    "masquerade": [{"source": "10.0.0.0/24"}],
}
VXLAN = {"name": "vx1", "vni": 1, "local": "192.0.2.1", "mac": "02:00:00:00:00:04", "mtu": 1400, "addrgenmode": "none"}
# a mtu and a route change, a rule ends, an endpoint and a tunnel come
NEW = {
    **OLD,
    "netns": [{"name": "red"}, {"name": "blue"}],
    "veth": [veth("red", 2, mtu=1400), veth("blue", 3)],
    "vxlan": [VXLAN],
    "route": [
        {"netns": "red", "prefix": "default", "via": "10.0.0.1"},
        {"prefix": "10.9.0.0/24", "via": "10.9.0.0", "dev": "vx1", "onlink": True},
    ],
    "masquerade": [],
}


def options(lists):
    given = {"owner": "lab", "purge": True, **lists, "remove_sets_except": []}
    found = ArgumentSpecValidator(module.ARGUMENTS).validate(given)
    assert not found.error_messages
    return found.validated_parameters


def arrange(lists, id=None, timeout=60, **further):
    """Run the module arrange, with a commit if it has an ``id``."""
    given = {"id": id, "timeout": timeout, "holder": "me@here"} if id else None
    return module.perform({**options(lists), "commit": given, **further}, False)


@pytest.fixture
def arranged(node):
    """A node with the old state; returns what it is."""
    node.sh("ip link add eth9 address 02:00:00:00:00:99 type bridge && sysctl -qw net.ipv6.conf.eth9.disable_ipv6=1")
    node.sh("ip link set eth9 up && ip address add 192.0.2.1/24 dev eth9 && ip route add 10.7.0.0/24 via 192.0.2.7")
    arrange(OLD)
    yield node
    found = pending.read()
    if found:
        deadman.disarm(found.id)


def everything(node):
    with open(MARKS, encoding="utf-8") as source:
        return node.snapshot(), source.read()


def same(before, node):
    now = everything(node)
    return differences(before[0], now[0]) == [] and before[1] == now[1]


def waited(condition, seconds):
    """Wait until ``condition`` holds; return the seconds that it took."""
    since = time.monotonic()
    while not condition():
        assert time.monotonic() - since < seconds
        time.sleep(0.05)
    return time.monotonic() - since
