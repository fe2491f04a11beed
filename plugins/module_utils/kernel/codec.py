# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink(7) messages packed and unpacked by plain ``struct``: those that come in thousands, and their neighbors.

pyroute2 does it for every message there is, by machinery that takes 0.2 ms for each and 0.1 s to import. Here is what the
engine sends and reads most: a table of attributes for each object, under pyroute2's names. What is in no table
:func:`encoded` refuses by KeyError, and :func:`decoded` leaves out; tests/kernel/test_codec.py compares both with pyroute2.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
LENGTH = struct.Struct("=I")  # its first field
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr
NESTED, NET_BYTEORDER = 0x8000, 0x4000  # linux/netlink.h: NLA_F_*
PAD = (b"", b"\0\0\0", b"\0\0", b"\0")  # by the length modulo 4


class Symbol:
    """Stands for a number that is known only when the message is sent, such as the index of a link."""

    __slots__ = ()


@dataclass(frozen=True)
class Sort:
    """How a sort of value is written in an attribute, and read.

    :param pack: value -> bytes.
    :param form: what struct reads, ``""``: all bytes of the attribute.
    :param convert: from what struct reads to the value; None: it is the value.
    """

    pack: Callable
    form: str = ""
    convert: Optional[Callable] = None


def _number(form):
    return Sort(struct.Struct("=" + form).pack, form)


def _pack_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _pack_ip(text):
    return socket.inet_pton(socket.AF_INET6, text) if ":" in text else socket.inet_aton(text)


def _ip(data):
    return socket.inet_ntoa(data) if len(data) == 4 else socket.inet_ntop(socket.AF_INET6, data)


def _text(data):
    return data.rstrip(b"\0").decode()


def _mac(data):
    return data.hex(":")


U8, U16, U32, S32 = (_number(form) for form in "BHIi")
BE16 = Sort(struct.Struct("!H").pack, "2s", lambda data: int.from_bytes(data, "big"))
TEXT = Sort(lambda text: text.encode() + b"\0", "", _text)
MAC = Sort(_pack_mac, "", _mac)
IP = Sort(_pack_ip, "", _ip)


class Table:
    """The attributes that a message, or another attribute, may hold: name -> (number, Sort or Table).

    :param form: of what stands before them.
    """

    def __init__(self, form="", **attributes):
        self.head = struct.Struct(form)
        self.by_name = attributes
        self.by_number = {
            number | flag: (name, sort)
            for name, (number, sort) in attributes.items()
            for flag in (0, NESTED, NET_BYTEORDER)
        }

    def pack(self, value, resolve):
        return bytes(self.head.size) + self.packed(value["attrs"], resolve)

    def packed(self, attrs, resolve):
        """Return ``(name, value)`` pairs as the kernel reads them.

        :param resolve: returns the number that a :class:`Symbol` stands for.
        :raises KeyError: one of them is not in this table.
        """
        packed = b""
        for name, value in attrs:
            number, sort = self.by_name[name]
            if isinstance(value, dict):
                data = sort.pack(value, resolve)
            else:
                data = sort.pack(resolve(value) if isinstance(value, Symbol) else value)
            length = 4 + len(data)
            packed += ATTRIBUTE.pack(length, number) + data + PAD[length & 3]
        return packed

    def cells(self, data, place, end):
        """Yield a :class:`Cell` for each attribute's header and each value between ``place`` and ``end``, in order."""
        place += self.head.size
        while place < end:
            length, number = ATTRIBUTE.unpack_from(data, place)
            yield Cell(place, "I")
            if number in self.by_number:
                yield from self.inside(*self.by_number[number], data, place + 4, place + length)
            elif length < 4:
                break
            place += length + 3 & -4

    def inside(self, name, sort, data, place, end):
        """Yield the cells of one attribute that is in this table."""
        if isinstance(sort, Table):
            yield from sort.cells(data, place, end)
        else:
            yield Cell(place, sort.form or f"{end - place}s", name, sort.convert)


class Info(Table):
    """IFLA_LINKINFO: the kind of a link says what its data mean."""

    KINDS = {"IFLA_INFO_DATA": "IFLA_INFO_KIND", "IFLA_INFO_SLAVE_DATA": "IFLA_INFO_SLAVE_KIND"}

    def packed(self, attrs, resolve):
        given, parts = dict(attrs), []
        for data, kind in self.KINDS.items():
            if kind in given:
                parts.append(super().packed([(kind, given[kind])], resolve))
            if data in given:
                value = TYPES[kind, given[kind]].packed(given[data]["attrs"], resolve)
                parts.append(super().packed([(data, value)], resolve))
        return b"".join(parts)

    def cells(self, data, place, end):
        kinds = {}
        for cell in super().cells(data, place, end):
            after = cell.place + struct.calcsize(cell.form)
            if cell.name in self.KINDS:
                kind = self.KINDS[cell.name]
                yield from TYPES[kind, kinds[kind]].cells(data, cell.place, after)
                continue
            if cell.name:
                kinds[cell.name] = _text(data[cell.place : after])
                yield Cell(cell.place, cell.form)  # another kind is another layout
            yield cell


class Cell(NamedTuple):
    """A place in a message that struct reads by ``form``: the value of attribute ``name``, or (None) what tells layouts apart."""

    place: int
    form: str
    name: Optional[str] = None
    convert: Optional[Callable] = None


class Layout:
    """Where the values of a message are, learned from one: those of others like it are read at once.

    A kernel writes messages about objects of one sort alike. A message is read by a layout only if the header of every
    attribute is where it was, and says the same.
    """

    def __init__(self, cells, data, offset):
        marks = [cell for cell in cells if cell.name is None]
        values = [cell for cell in cells if cell.name is not None]
        self._marks, self._values = _struct(marks, offset), _struct(values, offset)
        self._expected = self._marks.unpack_from(data, offset)
        self._names = [cell.name for cell in values]
        self._converted = [(cell.name, cell.convert) for cell in values if cell.convert]

    def fits(self, data, offset):
        """Say whether the message at ``offset`` is laid out like this."""
        return self._marks.unpack_from(data, offset) == self._expected

    def read(self, data, offset):
        """Return name -> value of all attributes that are in a table, those of nested ones beside the others."""
        found = dict(zip(self._names, self._values.unpack_from(data, offset)))
        for name, convert in self._converted:
            found[name] = convert(found[name])
        return found


def _struct(cells, offset):
    """Return what reads ``cells`` of a message that begins at ``offset``."""
    forms, place = ["="], offset
    for cell in cells:
        forms.append(f"{cell.place - place}x{cell.form}")
        place = cell.place + struct.calcsize("=" + cell.form)
    return struct.Struct("".join(forms))


DATA = Sort(bytes)

# linux/if_link.h
# of the many settings of linux/ipv6.h (DEVCONF_*), numbers of 32 bits in a row, only the one that is asked for: disable_ipv6
CONF = Sort(bytes, f"{26 * 4}xI")
INET6 = Table(IFLA_INET6_CONF=(2, CONF), IFLA_INET6_ADDR_GEN_MODE=(8, U8))
INFO = Info(
    IFLA_INFO_KIND=(1, TEXT),
    IFLA_INFO_DATA=(2, DATA),
    IFLA_INFO_SLAVE_KIND=(4, TEXT),
    IFLA_INFO_SLAVE_DATA=(5, DATA),
)
LINK_ATTRIBUTES = {
    "IFLA_ADDRESS": (1, MAC),
    "IFLA_IFNAME": (3, TEXT),
    "IFLA_MTU": (4, U32),
    "IFLA_LINK": (5, U32),
    "IFLA_MASTER": (10, U32),
    "IFLA_LINKINFO": (18, INFO),
    "IFLA_IFALIAS": (20, TEXT),
    "IFLA_AF_SPEC": (26, Table(AF_INET6=(10, INET6))),
    "IFLA_NET_NS_FD": (28, U32),
    "IFLA_EXT_MASK": (29, U32),
    "IFLA_NUM_TX_QUEUES": (31, U32),
    "IFLA_NUM_RX_QUEUES": (32, U32),
    "IFLA_LINK_NETNSID": (37, S32),
}
LINK_HEAD = "=BxHiII"
BRIDGE = Table(
    IFLA_BR_FORWARD_DELAY=(1, U32),
    IFLA_BR_HELLO_TIME=(2, U32),
    IFLA_BR_MAX_AGE=(3, U32),
    IFLA_BR_AGEING_TIME=(4, U32),
    IFLA_BR_STP_STATE=(5, U32),
    IFLA_BR_PRIORITY=(6, U16),
    IFLA_BR_VLAN_FILTERING=(7, U8),
    IFLA_BR_MCAST_SNOOPING=(23, U8),
    IFLA_BR_VLAN_DEFAULT_PVID=(39, U16),
)
PORT = Table(
    IFLA_BRPORT_PRIORITY=(2, U16),
    IFLA_BRPORT_COST=(3, U32),
    IFLA_BRPORT_MODE=(4, U8),
    IFLA_BRPORT_GUARD=(5, U8),
    IFLA_BRPORT_PROTECT=(6, U8),
    IFLA_BRPORT_FAST_LEAVE=(7, U8),
    IFLA_BRPORT_LEARNING=(8, U8),
    IFLA_BRPORT_UNICAST_FLOOD=(9, U8),
    IFLA_BRPORT_MCAST_FLOOD=(27, U8),
    IFLA_BRPORT_NEIGH_SUPPRESS=(32, U8),
    IFLA_BRPORT_ISOLATED=(33, U8),
)
VXLAN = Table(
    IFLA_VXLAN_ID=(1, U32),
    IFLA_VXLAN_LINK=(3, U32),
    IFLA_VXLAN_LOCAL=(4, IP),
    IFLA_VXLAN_TTL=(5, U8),
    IFLA_VXLAN_LEARNING=(7, U8),
    IFLA_VXLAN_PORT=(15, BE16),
    IFLA_VXLAN_LOCAL6=(17, IP),
)
# linux/if_tunnel.h: IFLA_IPTUN_*
IPIP = Table(
    IFLA_IPIP_LINK=(1, U32),
    IFLA_IPIP_LOCAL=(2, IP),
    IFLA_IPIP_REMOTE=(3, IP),
    IFLA_IPIP_TTL=(4, U8),
    IFLA_IPIP_PMTUDISC=(10, U8),
)
# What the data of a link mean, by the attribute that tells its kind; those of another kind are pyroute2's to read
TYPES = {
    ("IFLA_INFO_KIND", "veth"): Table(VETH_INFO_PEER=(1, Table(LINK_HEAD, **LINK_ATTRIBUTES))),
    ("IFLA_INFO_KIND", "bridge"): BRIDGE,
    ("IFLA_INFO_KIND", "vxlan"): VXLAN,
    ("IFLA_INFO_KIND", "ipip"): IPIP,
    ("IFLA_INFO_SLAVE_KIND", "bridge"): PORT,
}


# of one form, after which they are learned anew
MOST_LAYOUTS = 1000


class Form:
    """What one object's messages look like.

    :param fields: names of what stands in ``attributes``' head, in order.
    """

    def __init__(self, fields, attributes):
        self.fields = fields
        self.places = {name: place for place, name in enumerate(fields)}
        self.attributes = attributes
        self.first = HEADER.size + attributes.head.size
        self._layouts = {}

    def layout(self, data, offset):
        """Return the :class:`Layout` of the message at ``offset``.

        :raises KeyError: it is a link of a kind whose data are in no table.
        """
        (length,) = LENGTH.unpack_from(data, offset)
        first = offset + self.first
        alike = self._layouts.setdefault((length, data[first : first + 4]), [])
        for layout in alike:
            if layout.fits(data, offset):
                return layout
        cells = list(self.attributes.cells(data, offset + HEADER.size, offset + length))
        if len(alike) > MOST_LAYOUTS:
            alike.clear()
        alike.append(Layout(cells, data, offset))
        return alike[-1]


FORMS = {
    "link": Form(("family", "ifi_type", "index", "flags", "change"), Table(LINK_HEAD, **LINK_ATTRIBUTES)),
    # linux/if_addr.h
    "addr": Form(
        ("family", "prefixlen", "flags", "scope", "index"),
        Table("=BBBBI", IFA_ADDRESS=(1, IP), IFA_LOCAL=(2, IP), IFA_FLAGS=(8, U32)),
    ),
    # linux/rtnetlink.h
    "route": Form(
        ("family", "dst_len", "src_len", "tos", "table", "proto", "scope", "type", "flags"),
        Table(
            "=BBBBBBBBI",
            RTA_DST=(1, IP),
            RTA_OIF=(4, U32),
            RTA_GATEWAY=(5, IP),
            RTA_PRIORITY=(6, U32),
            RTA_PREFSRC=(7, IP),
            RTA_METRICS=(8, Table(RTAX_MTU=(2, U32))),
            RTA_TABLE=(15, U32),
        ),
    ),
    # linux/neighbour.h
    "neigh": Form(
        ("family", "ifindex", "state", "flags", "ndm_type"),
        Table("=BxxxiHBB", NDA_DST=(1, IP), NDA_LLADDR=(2, MAC)),
    ),
    # linux/net_namespace.h
    "nsid": Form(("rtgen_family",), Table("=Bxxx", NETNSA_NSID=(1, U32), NETNSA_FD=(3, U32))),
}


def encoded(name, kind, flags, sequence, fields, attrs, resolve):
    """Return a message about an object ``name``.

    :param resolve: returns the number that a :class:`Symbol` in ``fields`` or ``attrs`` stands for.
    :raises KeyError: it holds something that is in no table.
    """
    form = FORMS[name]
    table, head = form.attributes, [0] * len(form.fields)
    for field, value in fields.items():
        head[form.places[field]] = resolve(value) if isinstance(value, Symbol) else value
    body = table.head.pack(*head) + table.packed(attrs, resolve)
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def decoded(name, data, offset, keep=None):
    """Return ``(fields, attributes)`` of the message about an object ``name`` at ``offset`` of ``data``.

    :param keep: tells by the fields' values, in their order, whether the message is worth reading; None: it is not.
    :raises KeyError: it is a link of a kind whose data are in no table.
    """
    form = FORMS[name]
    head = form.attributes.head.unpack_from(data, offset + HEADER.size)
    if keep is not None and not keep(*head):
        return None
    fields = dict(zip(form.fields, head))
    return fields, form.layout(data, offset).read(data, offset)
