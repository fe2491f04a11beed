# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of WireGuard's devices and peers: what they become, what is refused, and that no secret is in any of it."""

import json

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError, InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.plan import make_plan
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.resource import Resource, to_plain
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.session import promises_of
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.summary import commands_of, diff_of
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.registry import by_name
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.ties import LinkKey
from ansible_collections.nodenet.fabric.plugins.module_utils.kinds.wireguard import PeerKey, WireguardKey
from ansible_collections.nodenet.fabric.plugins.module_utils.runner.options import desired_of
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import sets, wireguard, wireguard_peer
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys, x25519

PRIVATE = keys.encoded(x25519.clamped(bytes(range(1, 33))))
OTHER_PRIVATE = keys.encoded(x25519.clamped(bytes(range(2, 34))))
PUBLIC, OTHER_PUBLIC = (keys.encoded(x25519.public_of(keys.decoded(one))) for one in (PRIVATE, OTHER_PRIVATE))
PRESHARED, OTHER_PRESHARED = keys.encoded(bytes(range(100, 132))), keys.encoded(bytes(range(60, 92)))
SECRETS = [PRIVATE, OTHER_PRIVATE, PRESHARED, OTHER_PRESHARED]
PEER = keys.encoded(bytes([7] * 32))
KINDS = by_name()
SPECS = {"wireguard": wireguard.SPEC, "wireguard_peer": wireguard_peer.SPEC}


def desired(module, **options):
    spec = SPECS[module]
    found = ArgumentSpecValidator(spec.argument_spec()).validate(options)
    assert not found.error_messages, found.error_messages
    return desired_of(found.validated_parameters, spec)


def only(module, **options):
    return {entry.resource.kind: entry.resource for entry in desired(module, **options)}


def test_a_device_is_a_link_and_its_settings_by_the_name_of_its_key():
    found = only("wireguard", name="wg0", private_key=PRIVATE, listen_port=51820, fwmark=7, mtu=1420)
    assert found["link"].key == LinkKey("", "wg0") and found["link"].values["type"] == "wireguard"
    assert found["wireguard"].key == WireguardKey("", "wg0")
    assert found["wireguard"].values == {"public_key": PUBLIC, "listen_port": 51820, "fwmark": 7}


def test_any_port_and_no_port_are_not_managed():
    for options in ({}, {"listen_port": 0}):
        assert only("wireguard", name="wg0", private_key=PRIVATE, **options)["wireguard"].values == {
            "public_key": PUBLIC
        }


def test_a_key_on_the_node_is_named_by_its_public_key():
    assert only("wireguard", name="wg0", public_key=PUBLIC)["wireguard"].values == {"public_key": PUBLIC}
    with pytest.raises(InputError, match="is not the public key of private_key, which is"):
        only("wireguard", name="wg0", public_key=PEER, private_key=PRIVATE)


def test_a_peer_has_its_prefixes_in_order_and_what_is_left_out_is_not_managed():
    found = only("wireguard_peer", dev="wg0", public_key=PEER, allowed_ips=["fd00::/64", "10.1.0.0/24", "10.0.0.1"])
    assert found["wireguard_peer"].key == PeerKey("", "wg0", PEER)
    assert found["wireguard_peer"].values == {"allowed_ips": ("10.0.0.1/32", "10.1.0.0/24", "fd00::/64")}
    found = only("wireguard_peer", dev="wg0", public_key=PEER, preshared_key=PRESHARED, persistent_keepalive=0)
    digest = keys.digest_of(keys.decoded(PRESHARED))
    assert found["wireguard_peer"].values == {"preshared_key": digest, "persistent_keepalive": 0}
    for options in ({"preshared_key": ""}, {"preshared_key_digest": ""}):
        found = only("wireguard_peer", dev="wg0", public_key=PEER, allowed_ips=[], **options)
        assert found["wireguard_peer"].values == {"preshared_key": "", "allowed_ips": ()}
    found = only("wireguard_peer", dev="wg0", public_key=PEER, preshared_key_digest=digest)
    assert found["wireguard_peer"].values == {"preshared_key": digest}


@pytest.mark.parametrize(
    ("written", "normal"),
    [("192.0.2.1:51820", "192.0.2.1:51820"), ("[2001:DB8:0::1]:0051", "[2001:db8::1]:51")],
)
def test_an_endpoint_has_one_form(written, normal):
    found = only("wireguard_peer", dev="wg0", public_key=PEER, endpoint=written)["wireguard_peer"]
    assert found.values == {"endpoint": normal}


DEVICE = {"name": "wg0", "private_key": PRIVATE}
BOB = {"dev": "wg0", "public_key": PEER}
REFUSED = [
    ("wireguard", {"name": "wg0"}, "private_key: required"),
    ("wireguard", {**DEVICE, "private_key": PRIVATE[:-4]}, "private_key: is not 32 bytes in base64"),
    ("wireguard", {**DEVICE, "private_key": keys.encoded(bytes(32))}, "private_key: is all zeros"),
    ("wireguard", {**DEVICE, "listen_port": 65536}, "listen_port: 65536 is out of range"),
    ("wireguard", {**DEVICE, "fwmark": -1}, "fwmark: -1 is out of range"),
    ("wireguard", {**DEVICE, "name": "a/b"}, "name: "),
    ("wireguard_peer", {**BOB, "public_key": "x"}, "public_key: is not 32 bytes in base64"),
    ("wireguard_peer", {**BOB, "preshared_key": PRESHARED[1:]}, "preshared_key: is not 32 bytes in base64"),
    ("wireguard_peer", {**BOB, "preshared_key_digest": "x"}, "preshared_key_digest: 'x' is not the digest"),
    ("wireguard_peer", {**BOB, "preshared_key": "", "preshared_key_digest": ""}, "preshared_key_digest: stands for"),
    ("wireguard_peer", {**BOB, "endpoint": "192.0.2.1"}, "endpoint: '192.0.2.1' is not an address and a port"),
    ("wireguard_peer", {**BOB, "endpoint": "host:1"}, "endpoint: 'host:1' is not an address and a port"),
    ("wireguard_peer", {**BOB, "endpoint": "192.0.2.1:0"}, "endpoint: '192.0.2.1:0' is not an address and a port"),
    ("wireguard_peer", {**BOB, "endpoint": "192.0.2.1:70000"}, "endpoint: "),
    ("wireguard_peer", {**BOB, "endpoint": "224.0.0.1:1"}, "endpoint: 224.0.0.1 is not the unicast address"),
    ("wireguard_peer", {**BOB, "endpoint": "[192.0.2.1]:1"}, "endpoint: .*only an IPv6 address is in brackets"),
    ("wireguard_peer", {**BOB, "allowed_ips": ["10.0.0.1/24"]}, "allowed_ips: .*the prefix is 10.0.0.0/24"),
    ("wireguard_peer", {**BOB, "persistent_keepalive": 65536}, "persistent_keepalive: 65536 is out of range"),
]


@pytest.mark.parametrize(("module", "options", "refusal"), REFUSED)
def test_what_cannot_be_meant_is_refused_by_its_option_and_no_secret_is_shown(module, options, refusal):
    with pytest.raises(FabricError, match=refusal) as refused:
        desired(module, **options)
    shown = str(refused.value) + json.dumps(refused.value.facts())
    assert not any(secret[:12] in shown or secret[1:13] in shown for secret in SECRETS)


def wanted(private=PRIVATE, preshared=PRESHARED, **peer):
    return [
        *desired("wireguard", name="wg0", private_key=private, listen_port=51820),
        *desired("wireguard_peer", **BOB, preshared_key=preshared, **{"allowed_ips": ["10.1.0.0/24"], **peer}),
    ]


def planned(observed, entries):
    return make_plan(KINDS, {one.ref: one for one in observed}, entries)


def made(entries):
    """Return the objects that ``entries`` describe as they are once they are there."""
    return [KINDS[one.resource.kind].claimed(one.resource, "default") for one in entries]


# what a run gives away, of each sort of step: made, changed, removed
PLANS = {
    "made": lambda: planned([], wanted()),
    "changed": lambda: planned(made(wanted()), wanted(OTHER_PRIVATE, OTHER_PRESHARED, allowed_ips=["10.2.0.0/24"])),
    "removed": lambda: planned(made(wanted()), [entry._replace(present=False) for entry in wanted()]),
}
COMMANDS = {
    "made": [
        "ip link add name wg0 type wireguard",
        "ip link set dev wg0 alias nodenet.fabric/default",
        "ip link set dev wg0 up",
        f"wg set wg0 private-key {keys.private_path(PUBLIC)} listen-port 51820",
        f"wg set wg0 peer {PEER} preshared-key {keys.preshared_path(keys.digest_of(keys.decoded(PRESHARED)))}"
        " allowed-ips 10.1.0.0/24",
    ],
    "changed": [
        f"wg set wg0 private-key {keys.private_path(OTHER_PUBLIC)}",
        f"wg set wg0 peer {PEER} preshared-key {keys.preshared_path(keys.digest_of(keys.decoded(OTHER_PRESHARED)))}"
        " allowed-ips 10.2.0.0/24",
    ],
    "removed": ["ip link del wg0"],
}


@pytest.mark.parametrize("name", PLANS)
def test_the_commands_are_those_of_wg_with_files_for_keys(name):
    assert commands_of(PLANS[name](), KINDS) == COMMANDS[name]


@pytest.mark.parametrize("name", PLANS)
def test_no_secret_is_in_anything_that_a_run_gives_away(name):
    plan = PLANS[name]()
    shown = json.dumps([commands_of(plan, KINDS), diff_of(plan, KINDS), promises_of(plan)])
    shown += json.dumps([to_plain(KINDS[step.resource.kind].saved(step.resource)) for step in plan.steps])
    shown += repr(plan) + "".join(repr(step.resource) for step in plan.steps)
    shown += repr([KINDS[one.kind].create(one, ()) for one in (step.after for step in plan.steps) if one])
    secrets = [*SECRETS, *(keys.decoded(secret).hex() for secret in SECRETS)]
    secrets += [repr(keys.decoded(secret)) for secret in SECRETS]
    assert len(shown) > 500 and not any(secret[:20] in shown for secret in secrets)


def test_an_undo_can_take_an_endpoint_away_and_a_saved_file_does_not_insist_on_none():
    kind = KINDS["wireguard_peer"]
    key = PeerKey("", "wg0", PEER)
    without = Resource(kind.name, key, {"endpoint": "", "allowed_ips": ()}, "default")
    found = Resource(kind.name, key, {"endpoint": "192.0.2.1:1", "allowed_ips": ()}, "default")
    assert kind.fixed_of(kind.wanted(without), found) == {"endpoint"} and not kind.fixed_of(kind.wanted(found), without)
    assert kind.saved(without).values == {"allowed_ips": ()} and kind.saved(found).values == found.values


def test_a_link_of_another_type_has_no_peers():
    bridge = Resource("link", LinkKey("", "wg0"), {"type": "bridge"}, "default")
    with pytest.raises(InputError, match="dev: 'wg0' is a bridge and no WireGuard device"):
        planned([bridge], desired("wireguard_peer", **BOB))


def test_arrange_has_keys_apart_from_the_objects_that_name_them():
    entry = {"name": "wg0", "private_key": PRIVATE}
    declared = {**dict.fromkeys(sets.SPECS), "owner": "default", "purge": False, "keep_addresses": [], "sets": None}
    with pytest.raises(InputError, match="wireguard.private_key. Supported parameters include: ") as refused:
        sets._desired(sets._declarations({**declared, "wireguard": [entry]}))
    assert PRIVATE not in str(refused.value)
    sets.hold({"private": [OTHER_PRIVATE], "preshared": [OTHER_PRESHARED]})
    assert keys.find(keys.private_path(OTHER_PUBLIC)) == keys.decoded(OTHER_PRIVATE)
    with pytest.raises(InputError, match=r"keys.private\[0\]: is not 32 bytes") as refused:
        sets.hold({"private": [PRIVATE[:-2]]})
    assert PRIVATE[:-4] not in str(refused.value)
