# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard between two namespaces: packets, and what the kernel has after each change, as wg(8) shows it."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.apply import Applier
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, FabricError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.node.requirements import missing_features
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.system import files, keys, x25519
from test_arrange import run
from test_packets import link

LACKING = [*missing_features(["wireguard"]), *(["wg(8)"] if not shutil.which("wg") else [])]
if LACKING:
    pytest.skip(f"tested in the VM lab, as here is no {', '.join(LACKING)}", allow_module_level=True)
pytestmark = pytest.mark.usefixtures("own_etc")

PRIVATE = {
    "vm1": "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",  # RFC 7748, 6.1
    "vm2": "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
}
PUBLIC = {vm: keys.encoded(x25519.public_of(keys.decoded(key))) for vm, key in PRIVATE.items()}
PRESHARED = keys.encoded(bytes(range(100, 132)))
OTHER = keys.encoded(x25519.clamped(bytes(range(50, 82))))
SECRETS = [*PRIVATE.values(), PRESHARED, OTHER]
ADDRESS = {"vm1": "192.0.2.1", "vm2": "192.0.2.2"}
SUBNET = {"vm1": "10.0.1.0/24", "vm2": "10.0.2.0/24"}


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch):
    monkeypatch.setattr(keys, "_held", {})


def another_process(monkeypatch):
    """What a later run knows of keys: their files."""
    monkeypatch.setattr(keys, "_held", {})


@pytest.fixture
def underlay(node):
    """Two nodes on one L2."""
    node.task("netns", config=[{"name": name, "ipv6": False} for name in ADDRESS])
    node.task("veth", config=[link(("vm1", "eth0"), ("vm2", "eth0"))])
    for vm, address in ADDRESS.items():
        node.task("address", netns=vm, dev="eth0", address=f"{address}/24")
    return node


def tunnel(vm, **options):
    return {"netns": vm, "name": "wg0", "private_key": PRIVATE[vm], "listen_port": 51820, **options}


def peer_of(vm, **options):
    other = "vm2" if vm == "vm1" else "vm1"
    options = {"endpoint": f"{ADDRESS[other]}:51820", "allowed_ips": [SUBNET[other]], **options}
    return {"netns": vm, "dev": "wg0", "public_key": PUBLIC[other], "preshared_key": PRESHARED, **options}


def connect(node, peers=("vm1", "vm2")):
    """Make a tunnel between both nodes, with a peer on those of ``peers``."""
    for vm in ADDRESS:
        node.task("wireguard", **tunnel(vm))
        own = SUBNET[vm].replace("0/24", "1/32")
        node.task("address", netns=vm, dev="wg0", address=own)
        node.task("route", netns=vm, prefix="10.0.0.0/16", dev="wg0")
        if vm in peers:
            node.task("wireguard_peer", **peer_of(vm))


def shown(node, vm="vm1"):
    """Return what wg(8) shows of the tunnel, with its secrets."""
    return node.sh(f"ip netns exec {vm} wg showconf wg0")


MARK = b"nodenet-payload!"


def asked(node, target):
    """Ping ``target`` from vm1 with a marked payload; return whether it answers, and what was on the wire."""
    ping = f"ip netns exec vm1 ping -n -c 2 -i 0.2 -W 1 -p {MARK.hex()} {target}"
    capture = "ip netns exec vm2 timeout 3 tcpdump -U -n -i eth0 -w /run/wire 2>/dev/null"
    said = node.sh(f"{capture} & sleep 0.5; {ping}; wait; true")
    with open("/run/wire", "rb") as wire:
        return " 0% packet loss" in said, wire.read()


@pytest.mark.parametrize("peers", [("vm1", "vm2"), ("vm1",)])
def test_a_tunnel_carries_packets_and_without_the_peer_does_not(underlay, peers):
    connect(underlay, peers)
    answers, wire = asked(underlay, "10.0.2.1")
    assert answers is (len(peers) == 2) and MARK not in wire and len(wire) > 200
    assert underlay.sh("ip netns exec vm1 wg show wg0 latest-handshakes").split()[1] == "0" or answers
    # beside the tunnel the same payload is there to read
    answers, wire = asked(underlay, ADDRESS["vm2"])
    assert answers and MARK in wire


def test_the_kernel_has_what_was_asked_for_and_a_second_run_does_nothing(underlay):
    planned = underlay.task("wireguard", _check=True, **tunnel("vm1", fwmark=9))
    assert planned["changed"] and "wg0" not in underlay.sh("ip -n vm1 link")
    assert not os.path.exists(keys.FOLDER)
    made = underlay.task("wireguard", **tunnel("vm1", fwmark=9))
    assert made["commands"] == planned["commands"]
    peer = peer_of("vm1", persistent_keepalive=25, allowed_ips=["10.0.2.0/24", "fd00::/64"])
    planned = underlay.task("wireguard_peer", _check=True, **peer)
    assert underlay.task("wireguard_peer", **peer)["commands"] == planned["commands"]
    assert (
        shown(underlay).split()
        == (
            f"[Interface] ListenPort = 51820 FwMark = 0x9 PrivateKey = {kernel_s(PRIVATE['vm1'])}"
            f" [Peer] PublicKey = {PUBLIC['vm2']} PresharedKey = {PRESHARED} AllowedIPs = 10.0.2.0/24, fd00::/64"
            " Endpoint = 192.0.2.2:51820 PersistentKeepalive = 25"
        ).split()
    )
    assert not underlay.task("wireguard", **tunnel("vm1", fwmark=9))["changed"]
    assert not underlay.task("wireguard_peer", **peer)["changed"]


def kernel_s(private):
    return keys.encoded(x25519.clamped(keys.decoded(private)))


def test_what_differs_is_changed_in_place_and_drift_is_repaired(underlay):
    connect(underlay)
    changed = underlay.task("wireguard", **tunnel("vm1", private_key=OTHER, listen_port=51821))
    public = keys.encoded(x25519.public_of(keys.decoded(OTHER)))
    assert changed["commands"] == [
        f"ip netns exec vm1 wg set wg0 private-key {keys.private_path(public)} listen-port 51821"
    ]
    changed = underlay.task("wireguard_peer", **peer_of("vm1", preshared_key="", allowed_ips=[]))
    assert changed["commands"] == [
        f"ip netns exec vm1 wg set wg0 peer {PUBLIC['vm2']} preshared-key /dev/null allowed-ips ''"
    ]
    assert "PresharedKey" not in shown(underlay) and "AllowedIPs" not in shown(underlay)
    connect(underlay)
    before = shown(underlay)
    for drift in (
        "private-key /dev/null",
        "listen-port 1",
        f"peer {PUBLIC['vm2']} preshared-key /dev/null",
        f"peer {PUBLIC['vm2']} endpoint 192.0.2.9:1",
        f"peer {PUBLIC['vm2']} allowed-ips 10.0.2.0/24,10.0.3.0/24",
        f"peer {PUBLIC['vm2']} remove",
    ):
        underlay.sh(f"ip netns exec vm1 wg set wg0 {drift}")
        assert shown(underlay) != before, drift
        repaired = [
            underlay.task("wireguard", **tunnel("vm1")),
            underlay.task("wireguard_peer", **peer_of("vm1")),
        ]
        assert shown(underlay) == before, drift
        assert [one["changed"] for one in repaired].count(True) == 1, drift


def test_an_undo_restores_keys_peers_and_prefixes(underlay, monkeypatch):
    connect(underlay)
    before = shown(underlay)

    def fail(*_words):
        raise RuntimeError("made to fail")

    changes = [
        ("wireguard", tunnel("vm1", private_key=OTHER, fwmark=3)),
        ("wireguard", {"netns": "vm1", "name": "wg0", "state": "absent"}),
        ("wireguard_peer", peer_of("vm1", preshared_key=OTHER, endpoint="192.0.2.7:7", allowed_ips=["10.9.0.0/16"])),
        ("wireguard_peer", {**peer_of("vm1"), "public_key": keys.encoded(bytes([9] * 32)), "allowed_ips": []}),
        ("wireguard_peer", {"netns": "vm1", "dev": "wg0", "public_key": PUBLIC["vm2"], "state": "absent"}),
    ]
    for module, options in changes:
        with monkeypatch.context() as patch:
            patch.setattr(Applier, "_verify", fail)
            patch.setattr(Applier, "_all_gone", fail)
            with pytest.raises(KernelError, match="made to fail.*as it was before"):
                underlay.task(module, **options)
        assert shown(underlay) == before, options
    assert underlay.ping("vm1", "10.0.2.1")


def test_a_saved_fabric_has_no_secret_and_is_restored_with_keys_from_their_files(underlay, monkeypatch):
    connect(underlay)
    before = {vm: shown(underlay, vm) for vm in ADDRESS}
    snapshot.save()
    text = files.saved_text()
    assert PUBLIC["vm1"] in text and not any(secret[:10] in text for secret in SECRETS)
    assert len(keys.kept()) == 3  # two private, one preshared
    for vm in ADDRESS:
        underlay.sh(f"ip -n {vm} link del wg0")
    another_process(monkeypatch)
    snapshot.restore()
    assert {vm: shown(underlay, vm) for vm in ADDRESS} == before and underlay.ping("vm1", "10.0.2.1")
    # a key that is not on the node: nothing is half done, and the way out is said
    underlay.sh("ip -n vm1 link del wg0")
    os.unlink(keys.private_path(PUBLIC["vm1"]))
    another_process(monkeypatch)
    with pytest.raises(FabricError, match="the private key of WireGuard device 'wg0'.*is not on this node"):
        snapshot.restore()


def test_a_key_s_file_goes_with_the_last_object_that_has_it(underlay):
    connect(underlay)
    modes = {os.stat(path).st_mode & 0o777 for path in keys.kept()}
    assert modes == {0o600} and os.stat(keys.FOLDER).st_mode & 0o777 == 0o700
    paths = [keys.private_path(PUBLIC["vm1"]), keys.private_path(PUBLIC["vm2"])]
    underlay.task("wireguard", netns="vm1", name="wg0", state="absent")
    assert keys.private_path(PUBLIC["vm1"]) not in keys.kept() and paths[1] in keys.kept()
    underlay.task("wireguard", netns="vm2", name="wg0", state="absent")
    assert not os.path.exists(keys.FOLDER)


def test_sets_share_a_device_and_each_removes_its_own_peers(underlay):
    underlay.task("wireguard", **tunnel("vm1"))
    mine, theirs = (keys.encoded(bytes([number] * 32)) for number in (7, 8))
    on = {"netns": "vm1", "dev": "wg0"}
    underlay.task("wireguard_peer", **on, public_key=mine, allowed_ips=["10.7.0.0/16"], owner="mine")
    underlay.task("wireguard_peer", **on, public_key=theirs, allowed_ips=["10.8.0.0/16"], owner="theirs")
    with pytest.raises(Conflict, match="belongs to the set 'theirs'"):
        underlay.task("wireguard_peer", **on, public_key=theirs, allowed_ips=[], owner="mine")
    with pytest.raises(Conflict, match="10.8.0.0/16 is of two peers of 'wg0'"):
        underlay.task("wireguard_peer", **on, public_key=mine, allowed_ips=["10.8.0.0/16"], owner="mine")
    gone = underlay.task("wireguard_peer", config=[], owner="mine", purge=True)
    assert gone["commands"] == [f"ip netns exec vm1 wg set wg0 peer {mine} remove"]
    assert theirs in shown(underlay) and mine not in shown(underlay)
    # a prefix passes to another peer in one run
    underlay.task("wireguard_peer", **on, public_key=mine, allowed_ips=["10.7.0.0/16"], owner="mine")
    swapped = [
        {**on, "public_key": mine, "allowed_ips": ["10.8.0.0/16"]},
        {**on, "public_key": theirs, "allowed_ips": ["10.7.0.0/16"]},
    ]
    underlay.task("wireguard_peer", config=swapped, adopt=True)
    assert not underlay.task("wireguard_peer", config=swapped)["changed"]


def test_a_foreign_peer_is_refused_and_another_link_has_none(underlay):
    underlay.sh("ip -n vm1 link add wg0 type wireguard")
    underlay.sh(f"ip netns exec vm1 wg set wg0 peer {PUBLIC['vm2']}")
    with pytest.raises(Conflict, match="interface 'wg0'.*does not belong to the fabric"):
        underlay.task("wireguard", **tunnel("vm1"))
    with pytest.raises(Conflict, match="WireGuard peer.*does not belong to the fabric"):
        underlay.task("wireguard_peer", **peer_of("vm1"))
    with pytest.raises(FabricError, match="'eth0' is a veth and no WireGuard device"):
        underlay.task("wireguard_peer", **{**peer_of("vm1"), "dev": "eth0"})
    with pytest.raises(FabricError, match="there is no interface 'wg9'"):
        underlay.task("wireguard_peer", **{**peer_of("vm1"), "dev": "wg9"})


def test_a_device_is_not_its_own_peer(underlay):
    options = {**peer_of("vm1"), "public_key": PUBLIC["vm1"]}
    underlay.task("wireguard", **tunnel("vm1"))
    with pytest.raises(Conflict, match="is the public key of 'wg0' itself"):
        underlay.task("wireguard_peer", **options)
    sets = {
        "keys": {"private": [PRIVATE["vm2"]]},
        "wireguard": [{"name": "wg0", "netns": "vm2", "public_key": PUBLIC["vm2"]}],
        "wireguard_peer": [{"dev": "wg0", "netns": "vm2", "public_key": PUBLIC["vm2"]}],
    }
    with pytest.raises(Conflict, match="is the public key of 'wg0' itself"):
        run(sets)


def test_five_thousand_peers_go_in_a_few_messages(underlay):
    underlay.task("wireguard", **tunnel("vm1"))
    peers = [
        {
            "public_key": keys.encoded(number.to_bytes(32, "big")),
            "allowed_ips": [f"10.{number >> 8}.{number & 255}.0/24"],
        }
        for number in range(1, 5001)
    ]
    config = [{"netns": "vm1", "dev": "wg0", **one} for one in peers]
    assert underlay.task("wireguard_peer", config=config)["changed"]
    assert underlay.sh("ip netns exec vm1 wg show wg0 peers").count("\n") == 5000
    found = underlay.task("wireguard_peer", config=config[:4000], purge=True)
    assert len(found["commands"]) == 1000 and all(one.endswith(" remove") for one in found["commands"])
    assert not underlay.task("wireguard_peer", config=config[:4000], purge=True)["changed"]


def test_arrange_makes_a_tunnel_with_keys_apart(underlay):
    sets = {
        "keys": {"private": [PRIVATE["vm1"]], "preshared": [PRESHARED]},
        "wireguard": [{"name": "wg0", "netns": "vm1", "public_key": PUBLIC["vm1"]}],
        "wireguard_peer": [
            {
                "dev": "wg0",
                "netns": "vm1",
                "public_key": PUBLIC["vm2"],
                "preshared_key_digest": keys.digest_of(keys.decoded(PRESHARED)),
            }
        ],
    }
    assert run(sets)["changed"] and not run(sets)["changed"]
    assert kernel_s(PRIVATE["vm1"]) in shown(underlay) and PRESHARED in shown(underlay)


def test_a_key_that_is_not_on_the_node_is_named_before_anything_is_touched(underlay):
    with pytest.raises(Conflict, match=f"whose public key is {re.escape(PUBLIC['vm1'])} to /etc/nodenet/wireguard/"):
        underlay.task("wireguard", netns="vm1", name="wg0", public_key=PUBLIC["vm1"])
    assert "wg0" not in underlay.sh("ip -n vm1 link")
