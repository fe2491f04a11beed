# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's messages are those of pyroute2, byte for byte, whatever number of peers and prefixes they carry."""

from __future__ import annotations

import ipaddress
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import wireguard
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.codec import HEADER, attributes
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel.wireguard import Device, Edit, Peer
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys
from pyroute2.netlink.generic.wireguard import wgmsg

FAMILY = 33
SET = {"type": FAMILY, "flags": 0x5, "sequence_number": 1, "pid": 0}


def key(number):
    return number.to_bytes(32, "big")


def text(number):
    return keys.encoded(key(number))


PRIVATE = bytes([8, *range(1, 31), 64])
PUBLIC = keys.hold_private(PRIVATE)
PRESHARED = keys.hold_preshared(key(77))
ENDPOINTS = {
    "192.0.2.2:51820": {"addr": "192.0.2.2", "port": 51820},
    "[2001:db8::2]:1": {"addr": "2001:db8::2", "port": 1, "family": 10, "flowinfo": 0, "scope_id": 0},
}


def allowed(prefix):
    network = ipaddress.ip_network(prefix)
    family = 2 if network.version == 4 else 10
    attrs = [
        ["WGALLOWEDIP_A_FAMILY", family],
        ["WGALLOWEDIP_A_IPADDR", network.network_address.packed],
        ["WGALLOWEDIP_A_CIDR_MASK", network.prefixlen],
    ]
    return {"attrs": attrs}


def encoded(command, header, attrs):
    """Return what pyroute2 makes of a message."""
    message = wgmsg()
    message["cmd"], message["version"] = command, 1
    message["header"].update(header)
    message["attrs"] = attrs
    message.encode()
    data = bytearray(message.data)
    for number, start, end in attributes(data, HEADER.size + 4, len(data)):
        if number == wireguard.PEERS:
            for _peer, first, last in unnumbered(data, start, end):
                for inner, begin, stop in attributes(data, first, last):
                    list(unnumbered(data, begin, stop) if inner == wireguard.PEER_ALLOWED_IPS else ())
    return bytes(data)


def unnumbered(data, start, end):
    """Yield the elements of a list, and give them the number 0 of linux/wireguard.h: pyroute2 counts them."""
    for element in attributes(data, start, end):
        yield element
        data[element[1] - 2 : element[1]] = (0x8000).to_bytes(2, sys.byteorder)


def sent(edits):
    """Return the messages of ``edits``, and the numbers in each."""
    found = list(wireguard.parts(edits))
    return [wireguard._message(FAMILY, 0x4, 1, 1, part) for part, _numbers in found], [one for _part, one in found]


def peer_attrs(number, flags, **values):
    names = {
        "preshared": "PRESHARED_KEY",
        "endpoint": "ENDPOINT",
        "keepalive": "PERSISTENT_KEEPALIVE_INTERVAL",
        "allowed": "ALLOWEDIPS",
    }
    attrs = [["WGPEER_A_PUBLIC_KEY", text(number)], ["WGPEER_A_FLAGS", flags]]
    return {"attrs": attrs + [[f"WGPEER_A_{names[name]}", value] for name, value in values.items()]}


@pytest.mark.parametrize(
    ("edit", "attrs"),
    [
        (
            Edit("wg0", {"public_key": PUBLIC, "listen_port": 51820, "fwmark": 7}),
            [
                ["WGDEVICE_A_PRIVATE_KEY", keys.encoded(PRIVATE)],
                ["WGDEVICE_A_LISTEN_PORT", 51820],
                ["WGDEVICE_A_FWMARK", 7],
            ],
        ),
        (Edit("wg0", {"public_key": ""}), [["WGDEVICE_A_PRIVATE_KEY", text(0)]]),
        (
            Edit("wg0", {"endpoint": "192.0.2.2:51820", "persistent_keepalive": 25}, text(1)),
            [["WGDEVICE_A_PEERS", [peer_attrs(1, 0, endpoint=ENDPOINTS["192.0.2.2:51820"], keepalive=25)]]],
        ),
        (
            Edit(
                "wg0",
                {
                    "preshared_key": PRESHARED,
                    "endpoint": "[2001:db8::2]:1",
                    "allowed_ips": ("10.0.0.0/8", "fd00::/64", "192.0.2.1/32"),
                },
                text(2),
            ),
            [
                [
                    "WGDEVICE_A_PEERS",
                    [
                        peer_attrs(
                            2,
                            2,
                            preshared=text(77),
                            endpoint=ENDPOINTS["[2001:db8::2]:1"],
                            allowed=[allowed("10.0.0.0/8"), allowed("fd00::/64"), allowed("192.0.2.1/32")],
                        )
                    ],
                ]
            ],
        ),
        (Edit("wg0", {"preshared_key": ""}, text(3)), [["WGDEVICE_A_PEERS", [peer_attrs(3, 0, preshared=text(0))]]]),
        (Edit("wg0", {"allowed_ips": ()}, text(3)), [["WGDEVICE_A_PEERS", [peer_attrs(3, 2)]]]),
        (Edit("wg0", {}, text(3), remove=True), [["WGDEVICE_A_PEERS", [peer_attrs(3, 1)]]]),
    ],
    ids=["a device", "no key", "IPv4", "IPv6 and more", "no preshared key", "no prefixes", "removed"],
)
def test_a_request_is_that_of_pyroute2(edit, attrs):
    assert sent([edit]) == ([encoded(1, SET, [["WGDEVICE_A_IFNAME", "wg0"], *attrs])], [[0]])


def test_many_peers_go_in_few_messages_in_order_and_each_is_in_one():
    edits = [Edit("wg0", {"allowed_ips": (f"10.{n // 256}.{n % 256}.0/24",)}, text(n + 1)) for n in range(5000)]
    messages, numbers = sent(edits)
    assert [number for part in numbers for number in part] == list(range(5000))
    assert len(messages) < 20 and max(map(len, messages)) <= wireguard.MOST_BYTES + 1000
    assert set(read(messages).peers) == {text(n + 1) for n in range(5000)}


def test_a_device_s_own_settings_precede_its_peers_and_devices_do_not_mix():
    edits = [Edit("wg0", {}, text(1)), Edit("wg1", {}, text(2)), Edit("wg0", {"fwmark": 1}), Edit("wg0", {}, text(3))]
    assert sent(edits)[1] == [[2], [0, 3], [1]]


def test_a_peer_with_more_prefixes_than_a_message_holds_goes_on_in_the_next():
    prefixes = tuple(str(one) for one in ipaddress.ip_network("10.0.0.0/8").subnets(new_prefix=20))
    edits = [
        Edit("wg0", {"endpoint": "192.0.2.2:1", "allowed_ips": prefixes}, text(1)),
        Edit("wg0", {"allowed_ips": ("fd00::/64",)}, text(2)),
    ]
    messages, numbers = sent(edits)
    assert max(map(len, messages)) < 65535 and {number for part in numbers for number in part} == {0, 1}
    found = read(messages).peers
    assert set(found[text(1)].allowed_ips) == set(prefixes) and found[text(1)].endpoint == "192.0.2.2:1"
    assert found[text(2)].allowed_ips == ("fd00::/64",)
    # the prefixes that are there are removed by the first piece alone
    assert sum(message.count(bytes.fromhex("08000300 02000000")) for message in messages) == 2


def read(messages):
    """Return the device that messages describe; without one of its own settings it has zeros."""
    own = encoded(0, {"type": FAMILY}, [["WGDEVICE_A_LISTEN_PORT", 0], ["WGDEVICE_A_FWMARK", 0]])
    return wireguard.device_in([(own, 0), *((message, 0) for message in messages)])


def answer(peers, *attrs):
    return encoded(0, {"type": FAMILY}, [["WGDEVICE_A_IFNAME", "wg0"], *attrs, ["WGDEVICE_A_PEERS", peers]])


def answered(number, **values):
    found = peer_attrs(number, 0, **values)
    del found["attrs"][1]
    return found


def test_an_answer_of_several_messages_is_one_device():
    """As linux/wireguard.h says: a peer may go on in the next message, with its key and its prefixes alone."""
    own = [
        ["WGDEVICE_A_PRIVATE_KEY", keys.encoded(PRIVATE)],
        ["WGDEVICE_A_PUBLIC_KEY", PUBLIC],
        ["WGDEVICE_A_LISTEN_PORT", 51820],
        ["WGDEVICE_A_FWMARK", 1],
    ]
    whole = {"preshared": text(77), "endpoint": ENDPOINTS["[2001:db8::2]:1"], "keepalive": 25}
    first = answer([answered(1, **whole, allowed=[allowed("10.0.1.0/24")])], *own)
    second = answer(
        [
            answered(1, allowed=[allowed("10.0.0.0/24"), allowed("fd00::/64")]),
            answered(2, preshared=text(0), keepalive=0, endpoint=ENDPOINTS["192.0.2.2:51820"]),
            answered(3, preshared=text(0), keepalive=0),
        ]
    )
    chunk = first + second  # two messages that were read at once
    found = wireguard.device_in([(chunk, 0), (chunk, len(first))])
    assert HEADER.unpack_from(chunk, len(first))[0] == len(second)
    assert found == Device(
        PUBLIC,
        51820,
        1,
        {
            text(1): Peer(PRESHARED, "[2001:db8::2]:1", 25, ("10.0.0.0/24", "10.0.1.0/24", "fd00::/64")),
            text(2): Peer("", "192.0.2.2:51820", 0, ()),
            text(3): Peer("", "", 0, ()),
        },
    )
    assert keys.find(keys.private_path(PUBLIC)) == PRIVATE


def test_a_device_without_a_key_has_no_public_key():
    found = wireguard.device_in([(answer([], ["WGDEVICE_A_LISTEN_PORT", 9], ["WGDEVICE_A_FWMARK", 0]), 0)])
    assert found == Device("", 9, 0, {})


def test_a_kernel_without_wireguard_says_so():
    """Or has it, and no such device: then nothing is read."""
    try:
        assert wireguard.devices("", ["no-such-device"]) == {}
    except OSError as failure:
        assert "No such file" in str(failure) or "no WireGuard" in str(failure)
