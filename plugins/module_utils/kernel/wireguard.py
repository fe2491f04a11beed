# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's devices and peers, read and written through generic netlink (linux/wireguard.h, linux/genetlink.h)."""

from __future__ import annotations

import errno
import socket
import struct
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..engine.errors import reason
from ..system import keys
from . import namespaces
from .codec import HEADER, NESTED, attribute, attributes
from .messages import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Dump, acknowledgements
from .netlink import CHUNK, open_socket

# linux/netlink.h, linux/genetlink.h
NETLINK_GENERIC, GENL_ID_CTRL = 16, 16
GENLMSGHDR = struct.Struct("=BBH")
CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 3, 1, 2
# linux/wireguard.h: WG_CMD_*, WGDEVICE_A_*, WGPEER_A_*, WGPEER_F_*, WGALLOWEDIP_A_*
GET_DEVICE, SET_DEVICE, VERSION = 0, 1, 1
IFNAME, PRIVATE_KEY, PUBLIC_KEY, LISTEN_PORT, FWMARK, PEERS = 2, 3, 4, 6, 7, 8
PEER_PUBLIC_KEY, PEER_PRESHARED_KEY, PEER_FLAGS, PEER_ENDPOINT, PEER_KEEPALIVE, PEER_ALLOWED_IPS = 1, 2, 3, 4, 5, 9
REMOVE_ME, REPLACE_ALLOWED_IPS = 1, 2
IP_FAMILY, IP_ADDRESS, IP_MASK = 1, 2, 3
U8, U16, U32 = (struct.Struct("=" + form) for form in "BHI")
# struct sockaddr_in and sockaddr_in6 (netinet/in.h): family, port, …, address, …
SOCKADDR = {socket.AF_INET: struct.Struct("=H2s4s8x"), socket.AF_INET6: struct.Struct("=H2s4x16s4x")}
# An attribute holds at most 65,535 bytes, all peers of a message are one: they go in as many messages as they need, and so
# do a peer's allowed IPs (the comment at the head of linux/wireguard.h).
MOST_BYTES = 32768


class Peer(NamedTuple):
    """A peer as the kernel has it.

    :param preshared_key: the name of the key, see :mod:`system.keys`; "": none.
    :param endpoint: ``192.0.2.1:51820``, ``[2001:db8::1]:51820``; "": none is known.
    :param persistent_keepalive: seconds; 0: off.
    """

    preshared_key: str = ""
    endpoint: str = ""
    persistent_keepalive: int = 0
    allowed_ips: Tuple[str, ...] = ()


class Device(NamedTuple):
    """A device as the kernel has it.

    :param public_key: "": it has no private key.
    :param peers: public key -> Peer.
    """

    public_key: str
    listen_port: int
    fwmark: int
    peers: Dict[str, Peer]


class Edit(NamedTuple):
    """A request about a device, or about a peer of it.

    :param values: what is set, in the names of :class:`Device` or :class:`Peer`. For ``public_key`` the device gets the private
        key behind it; ``public_key`` and ``preshared_key`` may be "", which removes the key.
    :param peer: public key of the peer; "": the device itself.
    :param remove: the peer is removed.
    """

    dev: str
    values: Dict[str, Any]
    peer: str = ""
    remove: bool = False


Answers = List[Optional[str]]
# a message: its attributes, and the numbers of the edits that are in it
Part = Tuple[bytes, List[int]]


def devices(netns: str, names: Iterable[str]) -> Dict[str, Device]:
    """Return name -> Device of those of ``names`` that are WireGuard devices in ``netns``; their secret keys are held."""
    listed = list(names)
    return namespaces.in_netns(netns, lambda: _devices(listed)) if listed else {}


def _devices(names):
    found = {}
    with open_socket(NETLINK_GENERIC) as link:
        family = _family(link)
        for sequence, name in enumerate(names, 2):
            body = attribute(IFNAME, name.encode() + b"\0")
            link.send(_message(family, NLM_F_DUMP, sequence, GET_DEVICE, body))
            try:
                chunks = list(Dump(partial(link.recv, CHUNK), sequence))
            except OSError as failure:
                if failure.errno not in (errno.ENODEV, errno.EOPNOTSUPP):  # it ended meanwhile, or is another's
                    raise
                continue
            found[name] = device_in(chunks)
    return found


def submit(netns: str, edits: List[Edit]) -> Answers:
    """Carry ``edits`` out, the devices' own first; return for each None, or why it failed."""
    try:
        return namespaces.in_netns(netns, lambda: _submit(edits))
    except OSError as failure:
        return [reason(failure)] * len(edits)


def _submit(edits):
    answers: Answers = [None] * len(edits)
    with open_socket(NETLINK_GENERIC) as link:
        set_device = partial(_set_device, link, _family(link))
        for part, numbers in parts(edits):
            failed = set_device(part)
            if failed and len(numbers) > 1:  # which of them it is, each alone says: what is set twice is as set once
                for number in numbers:
                    for alone, _number in parts([edits[number]]):
                        answers[number] = answers[number] or set_device(alone)
            elif failed:
                answers[numbers[0]] = failed
    return answers


def _set_device(link, family, part):
    """Send one message; return None, or why it failed."""
    link.send(_message(family, NLM_F_ACK, 1, SET_DEVICE, part))
    for _sequence, code, text in acknowledgements(partial(link.recv, CHUNK), 1):
        return text if code else None
    return None


def _family(link):
    """Return the number of the family "wireguard", which the kernel gives when the module is loaded.

    :raises OSError: this kernel has no WireGuard.
    """
    body = attribute(CTRL_ATTR_FAMILY_NAME, b"wireguard\0")
    link.send(_message(GENL_ID_CTRL, NLM_F_ACK, 1, CTRL_CMD_GETFAMILY, body))
    number = 0
    answer = link.recv(CHUNK)
    size, kind = HEADER.unpack_from(answer)[:2]
    if kind == GENL_ID_CTRL:
        for name, start, _end in attributes(answer, HEADER.size + GENLMSGHDR.size, size):
            if name == CTRL_ATTR_FAMILY_ID:
                number = U16.unpack_from(answer, start)[0]
        answer = link.recv(CHUNK)  # the acknowledgement
    if not number:
        raise OSError(errno.ENOENT, "this kernel has no WireGuard (CONFIG_WIREGUARD, module wireguard)")
    return number


def _message(kind, flags, sequence, command, body):
    length = HEADER.size + GENLMSGHDR.size + len(body)
    head = HEADER.pack(length, kind, flags | NLM_F_REQUEST, sequence, 0)
    return head + GENLMSGHDR.pack(command, VERSION, 0) + body


# requests


def parts(edits: List[Edit]) -> Iterator[Part]:
    """Yield the messages that carry ``edits`` out, in order: many peers of a device go in one."""
    by_device: Dict[str, List[int]] = {}
    for number, edit in enumerate(edits):
        by_device.setdefault(edit.dev, []).append(number)
    for dev, numbers in by_device.items():
        head = attribute(IFNAME, dev.encode() + b"\0")
        for number in numbers:
            if not edits[number].peer:
                yield head + _packed(edits[number].values, DEVICE), [number]
        yield from _of_peers(head, [(number, edits[number]) for number in numbers if edits[number].peer])


def _of_peers(head, numbered):
    body = b""
    within: List[int] = []
    for number, edit in numbered:
        for piece in _pieces(edit):
            if body and len(body) + len(piece) > MOST_BYTES:
                yield head + attribute(PEERS | NESTED, body), within
                body, within = b"", []
            body += piece
            within = within if number in within[-1:] else [*within, number]
    if body:
        yield head + attribute(PEERS | NESTED, body), within


def _pieces(edit):
    """Yield a peer as one attribute, or as several if its allowed IPs are too many for one."""
    key = attribute(PEER_PUBLIC_KEY, keys.decoded(edit.peer) or b"")
    values = dict(edit.values)
    prefixes = [_allowed_ip(prefix) for prefix in values.pop("allowed_ips", ())]
    flags = (REMOVE_ME if edit.remove else 0) | (REPLACE_ALLOWED_IPS if "allowed_ips" in edit.values else 0)
    rest = attribute(PEER_FLAGS, U32.pack(flags)) + _packed(values, PEER)
    while True:
        some, size = [], 0
        while prefixes and size < MOST_BYTES // 2:
            some.append(prefixes.pop(0))
            size += len(some[-1])
        listed = attribute(PEER_ALLOWED_IPS | NESTED, b"".join(some)) if some else b""
        yield attribute(NESTED, key + rest + listed)
        if not prefixes:
            return
        rest = b""  # what follows adds to what is there


def _packed(values, table):
    return b"".join(attribute(number, pack(values[name])) for name, (number, pack) in table.items() if name in values)


def _key_at(path_of: Callable[[str], str], name: str) -> bytes:
    found = keys.find(path_of(name)) if name else keys.NO_KEY
    if found is None:
        raise OSError(errno.ENOENT, f"the key {path_of(name)} is not on this node")
    return found


def _sockaddr(endpoint):
    address, _colon, port = endpoint.rpartition(":")
    family = socket.AF_INET6 if address.startswith("[") else socket.AF_INET
    return SOCKADDR[family].pack(family, int(port).to_bytes(2, "big"), socket.inet_pton(family, address.strip("[]")))


def _allowed_ip(prefix):
    address, _slash, length = prefix.partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = attribute(IP_FAMILY, U16.pack(family)) + attribute(IP_ADDRESS, socket.inet_pton(family, address))
    return attribute(NESTED, found + attribute(IP_MASK, U8.pack(int(length))))


DEVICE = {
    "public_key": (PRIVATE_KEY, partial(_key_at, keys.private_path)),
    "listen_port": (LISTEN_PORT, U16.pack),
    "fwmark": (FWMARK, U32.pack),
}
PEER = {
    "preshared_key": (PEER_PRESHARED_KEY, partial(_key_at, keys.preshared_path)),
    "endpoint": (PEER_ENDPOINT, _sockaddr),
    "persistent_keepalive": (PEER_KEEPALIVE, U16.pack),
}


# answers


def device_in(chunks: Iterable[Tuple[bytes, int]]) -> Device:
    """Return the device that messages of the kernel describe together, each ``(chunk, offset)``; hold its secret keys."""
    own: Dict[int, bytes] = {}
    peers: Dict[str, Peer] = {}
    for data, offset in chunks:
        end = offset + HEADER.unpack_from(data, offset)[0]
        for number, start, stop in attributes(data, offset + HEADER.size + GENLMSGHDR.size, end):
            if number == PEERS:
                _read_peers(data, start, stop, peers)
            else:
                own.setdefault(number, data[start:stop])
    public = keys.encoded(own[PUBLIC_KEY]) if PRIVATE_KEY in own else ""
    if public:
        keys.hold_private(own[PRIVATE_KEY], public)
    return Device(public, U16.unpack(own[LISTEN_PORT])[0], U32.unpack(own[FWMARK])[0], peers)


def _read_peers(data, place, end, peers):
    """Add peers to ``peers``; one that goes on from the message before has there only its allowed IPs."""
    for _number, start, stop in attributes(data, place, end):
        found = {number: (begin, until) for number, begin, until in attributes(data, start, stop)}

        def value(number, found=found):
            return data[slice(*found[number])] if number in found else b""

        public = keys.encoded(value(PEER_PUBLIC_KEY))
        prefixes = tuple(_prefixes(data, *found[PEER_ALLOWED_IPS])) if PEER_ALLOWED_IPS in found else ()
        if public in peers:
            peers[public] = peers[public]._replace(allowed_ips=sorted_prefixes(peers[public].allowed_ips + prefixes))
            continue
        preshared = keys.hold_preshared(value(PEER_PRESHARED_KEY) or keys.NO_KEY)
        keepalive = U16.unpack(value(PEER_KEEPALIVE) or bytes(U16.size))[0]
        peers[public] = Peer(preshared, _endpoint(value(PEER_ENDPOINT)), keepalive, sorted_prefixes(prefixes))


def _endpoint(data):
    if not data:
        return ""
    family, port, address = SOCKADDR[U16.unpack_from(data)[0]].unpack_from(data)
    text = socket.inet_ntop(family, address)
    return f"{f'[{text}]' if family == socket.AF_INET6 else text}:{int.from_bytes(port, 'big')}"


def _prefixes(data, place, end):
    for _number, start, stop in attributes(data, place, end):
        found = {number: data[begin:until] for number, begin, until in attributes(data, start, stop)}
        family = U16.unpack(found[IP_FAMILY])[0]
        yield f"{socket.inet_ntop(family, found[IP_ADDRESS])}/{found[IP_MASK][0]}"


def sorted_prefixes(prefixes: Iterable[str]) -> Tuple[str, ...]:
    """Return prefixes in the order in which all that compares them has them."""
    return tuple(sorted(set(prefixes)))
