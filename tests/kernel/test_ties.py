# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that makes one of its objects anew knows all that stands on it, whatever module made that."""

from __future__ import annotations

import json

import pytest
import rendered
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.apply import Applier
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.session import Session
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.kernel import Kernel
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.wireguard import PeerKey, WireguardKey
from ansible_collections.nodenet.fabric.plugins.module_utils.ownership import Ledger
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.sets import arrange
from engines import engines  # noqa: F401 pylint: disable=unused-import

KINDS = by_name()
EXAMPLES = ("vxlan", "red-blue-bridge", "calico-routed")
MAC = "02:00:00:00:00:99"


pytestmark = pytest.mark.usefixtures("own_etc")


@pytest.fixture(autouse=True)
def no_interface_that_is_up_is_renamed(monkeypatch):
    """As before Linux 6.2: a later kernel renames what is made anew here."""
    monkeypatch.setattr(procfs, "renames_what_is_up", lambda: False)


# of each kind what the examples have none of
MORE = {
    "owner": "default",
    "veth": [{"name": "pair", "peer": {"name": "eth1", "netns": "red"}}],
    "vxlan": [{"name": "over", "vni": 5, "dev": "pair"}, {"name": "in-red", "netns": "red", "vni": 6}],
    "bridge": [{"name": "br0", "netns": "red"}],
    "bridge_port": [{"name": "in-red", "netns": "red", "bridge": "br0"}],
    "address": [
        {"dev": "pair", "address": "10.7.0.1/24"},
        {"dev": "pair", "address": "fd07::1/64", "nodad": True},
        {"dev": "over", "address": "10.8.0.1/24"},
        {"dev": "eth1", "address": "10.7.0.2/24", "netns": "red"},
    ],
    "neighbor": [
        {"dev": "pair", "address": "10.7.0.9", "mac": MAC},
        {"dev": "pair", "address": "fd07::9", "mac": MAC},
        {"dev": "over", "address": "10.8.0.9", "mac": MAC},
        {"dev": "veth-red", "address": "192.168.15.9", "mac": MAC, "netns": "red"},
    ],
    "vxlan_fdb": [
        {"dev": "over", "mac": MAC, "dst": "10.7.0.9"},
        {"dev": "in-red", "netns": "red", "mac": MAC, "dst": "10.7.0.9"},
    ],
    "forwarding": [{"family": "ipv4", "interface": "over"}, {"family": "ipv4", "interface": "in-red", "netns": "red"}],
    "proxy_arp": [
        {"interface": "over", "addresses": ["10.7.0.77"]},
        {"interface": "in-red", "netns": "red", "addresses": ["10.7.0.77"]},
    ],
    "route": [{"prefix": "10.9.0.0/16", "via": "10.7.0.9"}, {"prefix": "10.10.0.0/16", "dev": "over"}],
    "masquerade": [{"source": "10.7.0.0/24", "netns": "red"}],
    "guard": [{"name": "guard", "netns": "red", "peers": ["10.7.0.9"]}],
    "config_file": [{"path": "/etc/netns/red/hosts", "content": "127.0.0.1 localhost"}],
}


def everything():
    """Make what three examples have on a node, and more."""
    common = {**dict.fromkeys(SPECS), "owner": "default", "purge": False, "adopt": False, "promised": []}
    sets = [one for example in EXAMPLES for one in rendered.arranged(rendered.variables_of(example))["sets"]]
    sets += [MORE, {"owner": "bridge", "bridge_port": [{"name": "veth-red-br", "cost": 7}]}]
    declared = {
        **common,
        "sets": [{**one, "purge": False} for one in sets],
        "remove_sets_except": None,
        "remove_sets_among": None,
        "peer_sets": None,
    }
    arrange(json.loads(json.dumps(declared)), False)


def ours():
    """Return what is ours as the engine sees it, and how it is marked."""
    marks = {ref: {**mark, "holders": None} for ref, mark in Ledger().marks.items()}
    return {ref: (one.owner, one.values) for ref, one in snapshot.observed().items()}, marks


def remade(netns, dev, text, **options):
    return "address", {"netns": netns, "dev": dev, "address": text, "scope": "link", **options}


# what makes an object anew: the module and its options -> the object, and where what goes for good is
CASES = {
    "an address": (remade("", "pair", "10.7.0.1/24"), ("address", ("", "pair", "10.7.0.1/24")), None),
    "an address that a gateway is reached by": (
        remade("", "vxlan1", "172.245.0.0/32", owner="vxlan"),
        ("address", ("", "vxlan1", "172.245.0.0/32")),
        None,
    ),
    "the address of an endpoint": (
        remade("red", "veth-red", "192.168.15.1/24", owner="bridge"),
        ("address", ("red", "veth-red", "192.168.15.1/24")),
        None,
    ),
    "an address's length": (
        ("address", {"dev": "pair", "address": "fd07::1/60"}),
        ("address", ("", "pair", "fd07::1")),
        None,
    ),
    "a pair": (
        ("veth", {"name": "pair", "peer": {"name": "eth2", "netns": "red"}}),
        ("link", ("", "pair")),
        ("red", "eth1"),
    ),
    "a pair whose other end was elsewhere": (
        ("veth", {"name": "pair", "peer": {"name": "eth1", "netns": "blue"}}),
        ("link", ("", "pair")),
        ("red", "eth1"),
    ),
    "a bridge port": (
        ("veth", {"name": "veth-red-br", "peer": {"name": "eth2", "netns": "red"}, "owner": "bridge"}),
        ("link", ("", "veth-red-br")),
        ("red", "veth-red"),
    ),
    "a link that answers for others": (
        ("veth", {"name": "veth-wl1", "peer": {"name": "eth2", "netns": "wl1"}, "owner": "routed"}),
        ("link", ("", "veth-wl1")),
        ("wl1", "eth0"),
    ),
    "a VTEP": (
        ("vxlan", {"name": "vxlan1", "vni": 7, "local": "192.168.32.245", "owner": "vxlan"}),
        ("link", ("", "vxlan1")),
        None,
    ),
    "a device that becomes a bridge": (
        ("bridge", {"name": "pair"}),
        ("link", ("", "pair")),
        ("red", "eth1"),
    ),
}


def is_on(ref, place):
    """Say whether an object is the link ``place`` (namespace, name), or on it, or leads through it in that namespace."""
    return (
        place is not None and ref[0] != "netns" and (ref[1][:2] == place or (ref[0], ref[1][0]) == ("route", place[0]))
    )


@pytest.mark.parametrize("case", CASES)
def test_what_stands_on_an_object_that_is_made_anew_is_planned_undone_and_there_again(node, case, monkeypatch):
    (module, options), ref, lost = CASES[case]
    everything()
    before, marks = ours()
    planned = node.task(module, _check=True, **options)
    with monkeypatch.context() as patch:
        patch.setattr(Applier, "_verify", fail)
        with pytest.raises(KernelError, match="made to fail.*as it was before"):
            node.task(module, **options)
    assert ours() == (before, marks)
    done = node.task(module, **options)
    assert "made anew" in done["reasons"][0]
    assert done["commands"] == planned["commands"]
    after, marks_after = ours()
    same = {one for one in before if one != ref and not is_on(one, lost)}
    assert {one: after.get(one) for one in same} == {one: before[one] for one in same}
    assert {one: marks_after.get(one) for one in same} == {one: marks.get(one) for one in same}
    assert not node.task(module, **options)["changed"]


def fail(*_words):
    raise RuntimeError("made to fail")


def test_every_module_with_something_to_make_anew_is_tried_here():
    tried = {module for (module, _options), _ref, _lost in CASES.values()}
    can = {name for name, spec in SPECS.items() if any(kind.fixed for kind in spec.kinds)}
    # a link as the others, which not every kernel makes; and what nothing stands on, in test_container_networks.py
    assert can == tried | {"ipip_tunnel", "wireguard", "container_network"}


def test_what_falls_with_an_address_and_with_a_link_is_in_diff_and_commands(node):
    everything()
    found = node.task("address", dev="pair", address="10.7.0.1/24", scope="link")
    diff = found["diff"]()[0]
    assert "pair 10.7.0.9" in diff["before"]["neighbor"] and "pair 10.7.0.9" in diff["after"]["neighbor"]
    assert f"ip neighbor replace 10.7.0.9 lladdr {MAC} dev pair nud permanent" in found["commands"]
    found = node.task("veth", name="veth-wl1", peer={"name": "eth2", "netns": "wl1"}, owner="routed")
    assert "sysctl -qw net.ipv4.conf.veth-wl1.proxy_arp=1" in found["commands"]
    assert "net.ipv4.conf.veth-wl1.proxy_arp" in found["diff"]()[0]["before"]["sysctl"]


def test_a_mac_address_that_changes_ends_the_neighbors_and_they_are_there_again(node, monkeypatch):
    everything()
    before = ours()
    given = {"name": "over", "vni": 5, "dev": "pair", "mac": "02:00:00:00:00:77"}
    planned = node.task("vxlan", _check=True, **given)
    with monkeypatch.context() as patch:
        patch.setattr(Applier, "_verify", fail)
        with pytest.raises(KernelError, match="made to fail.*as it was before"):
            node.task("vxlan", **{**given, "mac": "02:00:00:00:00:78"})
    assert ours()[0].keys() == before[0].keys()
    found = node.task("vxlan", **given)
    assert (
        found["commands"]
        == planned["commands"]
        == [
            "ip link set dev over address 02:00:00:00:00:77",
            f"ip neighbor replace 10.8.0.9 lladdr {MAC} dev over nud permanent",
        ]
    )
    after = ours()
    assert {ref: one for ref, one in after[0].items() if ref != ("link", ("", "over"))} == {
        ref: one for ref, one in before[0].items() if ref != ("link", ("", "over"))
    }
    assert after[1] == before[1]
    assert not node.task("vxlan", **given)["changed"]


# what not every kernel has
TUNNEL = [
    Resource("wireguard", WireguardKey("red", "wg0")),
    Resource("wireguard_peer", PeerKey("red", "wg0", "A" * 43 + "=")),
]


def test_each_kind_declares_the_kinds_that_its_objects_stand_on_and_no_others(engines):  # noqa: F811
    everything()
    engines.task("bridge", name="br7")
    bridged = {"bridge": "br7", "mtu": 1500, "subnets": [{"subnet": "10.15.10.0/24"}]}
    engines.task("container_network", engine="cni", name="fabric", **bridged)
    kernel = Kernel(Ledger())
    try:
        session = Session(KINDS, kernel)
        found = [*session.observe(session.scope([], everywhere=True)).values(), *TUNNEL]
    finally:
        kernel.close()
    tied, provided = {name: set() for name in KINDS}, {name: set() for name in KINDS}
    for one in found:
        kind = KINDS[one.kind]
        tied[one.kind].update(tie.to[0] for tie in kind.ties(one))
        provided[one.kind].update(ref[0] for ref in kind.provides(one))
    assert {name: set(kind.tied_to) for name, kind in KINDS.items()} == tied
    assert {name: set(kind.provided) for name, kind in KINDS.items()} == provided
