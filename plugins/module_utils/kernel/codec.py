# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rtnetlink(7) messages packed and unpacked by plain ``struct``.

pyroute2 knows every message, but takes 0.2 ms for each and 0.1 s to import. This codec knows the attributes that
:mod:`tables` lists, under pyroute2's names. Of others :meth:`Form.encoded` raises KeyError, and :meth:`Form.decoded` leaves
them out; tests/kernel/test_codec.py compares both with pyroute2. The modules need pyroute2 for nothing today.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
LENGTH = struct.Struct("=I")  # its first field
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr
NESTED, NET_BYTEORDER = 0x8000, 0x4000  # linux/netlink.h: NLA_F_*
TYPE_MASK = 0x3FFF  # linux/netlink.h: NLA_TYPE_MASK
PAD = (b"", b"\0\0\0", b"\0\0", b"\0")  # by the length modulo 4


def attributes(data: bytes, place: int, end: int) -> Iterator[Tuple[int, int, int]]:
    """Yield (number, begin, end of the value) of each attribute between ``place`` and ``end``."""
    while place + ATTRIBUTE.size <= end:
        length, number = ATTRIBUTE.unpack_from(data, place)
        if length < ATTRIBUTE.size:
            return
        yield number & TYPE_MASK, place + ATTRIBUTE.size, place + length
        place += (length + 3) & ~3


def attribute(number: int, value: bytes) -> bytes:
    """Return one attribute."""
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, number) + value + PAD[length & 3]


class Symbol:
    """Stands for a number that is known when the message is sent, such as the index of a link."""

    __slots__ = ()


Resolve = Callable[[Symbol], int]


@dataclass(frozen=True)
class Sort:
    """How a sort of value is written in an attribute, and read.

    :param pack: value -> bytes.
    :param form: what struct reads, ``""``: all bytes of the attribute.
    :param convert: from what struct reads to the value; None: it is the value.
    """

    pack: Callable[[Any], bytes]
    form: str = ""
    convert: Optional[Callable[[Any], Any]] = None


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


def numbers(count: int) -> Sort:
    """Return the sort of an array of signed numbers: the first ``count`` are read; each is written as an attribute of its own."""
    row = struct.Struct(f"={count}i")

    def pack(numbered):
        return b"".join(ATTRIBUTE.pack(8, number) + LENGTH.pack(value) for number, value in numbered)

    return Sort(pack, f"{row.size}s", lru_cache(maxsize=1024)(row.unpack))


U8, U16, U32, S32 = (_number(form) for form in "BHIi")
# two numbers: the values of bits, and which bits these are (linux/if_bridge.h: struct br_boolopt_multi)
BITS = Sort(lambda pair: struct.pack("=II", *pair), "8s", struct.Struct("=II").unpack)
BE16 = Sort(struct.Struct("!H").pack, "2s", lambda data: int.from_bytes(data, "big"))
TEXT = Sort(lambda text: text.encode() + b"\0", "", _text)
MAC = Sort(_pack_mac, "", _mac)
IP = Sort(_pack_ip, "", _ip)
DATA = Sort(bytes)


class Table:
    """The attributes that a message, or another attribute, may hold: name -> (number, Sort or Table).

    :param form: of what stands before them.
    """

    def __init__(self, form: str = "", **attributes: Tuple[int, Any]) -> None:
        self.head = struct.Struct(form)
        self.by_name = attributes
        self.by_number = {
            number | flag: (name, sort)
            for name, (number, sort) in attributes.items()
            for flag in (0, NESTED, NET_BYTEORDER)
        }

    def pack(self, value: Dict[str, Any], resolve: Resolve) -> bytes:
        """Return a nested attribute: its head, zeros, and its attributes."""
        return bytes(self.head.size) + self.packed(value["attrs"], resolve)

    def packed(self, attrs: Iterable[Tuple[str, Any]], resolve: Resolve) -> bytes:
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

    def cells(self, data: bytes, place: int, end: int) -> Iterator[Cell]:
        """Yield a :class:`Cell` for each attribute's header and each value between ``place`` and ``end``, in order."""
        place += self.head.size
        while place < end:
            length, number = ATTRIBUTE.unpack_from(data, place)
            yield Cell(place, "I")
            if number in self.by_number:
                yield from self.cells_of(*self.by_number[number], data, place + 4, place + length)
            elif length < 4:
                break
            place += length + 3 & -4

    def cells_of(self, name: str, sort: Any, data: bytes, place: int, end: int) -> Iterator[Cell]:
        """Yield the cells of one attribute that is in this table."""
        if isinstance(sort, Table):
            yield from sort.cells(data, place, end)
        else:
            yield Cell(place, sort.form or f"{end - place}s", name, sort.convert)


class Info(Table):
    """IFLA_LINKINFO: the kind of a link says what its data mean."""

    KINDS = {"IFLA_INFO_DATA": "IFLA_INFO_KIND", "IFLA_INFO_SLAVE_DATA": "IFLA_INFO_SLAVE_KIND"}

    def __init__(self, types: Dict[Tuple[str, str], Table], **attributes: Tuple[int, Any]) -> None:
        """:param types: (attribute that names the kind, kind) -> Table of its data."""
        super().__init__("", **attributes)
        self.types = types

    def packed(self, attrs: Iterable[Tuple[str, Any]], resolve: Resolve) -> bytes:
        given, parts = dict(attrs), []
        for data, kind in self.KINDS.items():
            if kind in given:
                parts.append(super().packed([(kind, given[kind])], resolve))
            if data in given:
                value = self.types[kind, given[kind]].packed(given[data]["attrs"], resolve)
                parts.append(super().packed([(data, value)], resolve))
        return b"".join(parts)

    def cells(self, data: bytes, place: int, end: int) -> Iterator[Cell]:
        kinds: Dict[str, str] = {}
        for cell in super().cells(data, place, end):
            after = cell.place + struct.calcsize(cell.form)
            if cell.name in self.KINDS:
                kind = self.KINDS[cell.name]
                table = self.types.get((kind, kinds.get(kind, "")))
                # the data of others' links (a VLAN, a bond, a tun) are nothing to us
                yield from table.cells(data, cell.place, after) if table else ()
                continue
            if cell.name:
                kinds[cell.name] = _text(data[cell.place : after])
                yield Cell(cell.place, cell.form)  # another kind is another layout
            yield cell


class Cell(NamedTuple):
    """A place in a message that struct reads by ``form``: the value of attribute ``name``, or (None) what distinguishes layouts."""

    place: int
    form: str
    name: Optional[str] = None
    convert: Optional[Callable[[Any], Any]] = None


class Layout:
    """Where the values of a message are, learned from one and used for others like it.

    A kernel writes messages about objects of one sort alike. A message is read by a layout only if the header of every
    attribute is where it was, and says the same.
    """

    def __init__(self, cells: List[Cell], data: bytes, offset: int) -> None:
        marks = [cell for cell in cells if cell.name is None]
        values = [cell for cell in cells if cell.name is not None]
        self._marks, self._values = _struct(marks, offset), _struct(values, offset)
        self._expected = self._marks.unpack_from(data, offset)
        self._names = [cell.name or "" for cell in values]
        self._converted = [(name, cell.convert) for name, cell in zip(self._names, values) if cell.convert]

    def fits(self, data: bytes, offset: int) -> bool:
        """Say whether the message at ``offset`` is laid out like this."""
        return self._marks.unpack_from(data, offset) == self._expected

    def read(self, data: bytes, offset: int) -> Dict[str, Any]:
        """Return name -> value of all attributes that are in a table, those of nested ones beside the others."""
        found = dict(zip(self._names, self._values.unpack_from(data, offset)))
        for name, convert in self._converted:
            found[name] = convert(found[name])
        return found


def _struct(cells, offset):
    """Return the Struct that reads ``cells`` of a message that begins at ``offset``."""
    forms, place = ["="], offset
    for cell in cells:
        forms.append(f"{cell.place - place}x{cell.form}")
        place = cell.place + struct.calcsize("=" + cell.form)
    return struct.Struct("".join(forms))


# layouts of one form, after which all are learned anew
MOST_LAYOUTS = 1000


class Form:
    """The messages of one sort of object.

    :param fields: names of what stands in ``attributes``' head, in order.
    """

    def __init__(self, fields: Tuple[str, ...], attributes: Table) -> None:
        self.fields = fields
        self.places = {name: place for place, name in enumerate(fields)}
        self.attributes = attributes
        self.first = HEADER.size + attributes.head.size
        self._layouts: Dict[Tuple[int, bytes], List[Layout]] = {}

    def layout(self, data: bytes, offset: int) -> Layout:
        """Return the :class:`Layout` of the message at ``offset``."""
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

    def encoded(
        self,
        kind: int,
        flags: int,
        sequence: int,
        fields: Dict[str, Any],
        attrs: Iterable[Tuple[str, Any]],
        resolve: Resolve,
    ) -> bytes:
        """Return a message.

        :param resolve: returns the number that a :class:`Symbol` in ``fields`` or ``attrs`` stands for.
        :raises KeyError: it holds something that is in no table.
        """
        table, head = self.attributes, [0] * len(self.fields)
        for field, value in fields.items():
            head[self.places[field]] = resolve(value) if isinstance(value, Symbol) else value
        body = table.head.pack(*head) + table.packed(attrs, resolve)
        return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body

    def decoded(
        self, data: bytes, offset: int, keep: Optional[Callable[..., Any]] = None
    ) -> Optional[Tuple[Dict[str, Any], Dict[str, Any]]]:
        """Return ``(fields, attributes)`` of the message at ``offset`` of ``data``.

        :param keep: says by the fields' values, in their order, whether the message is worth reading; None: it is not.
        """
        head = self.attributes.head.unpack_from(data, offset + HEADER.size)
        if keep is not None and not keep(*head):
            return None
        return dict(zip(self.fields, head)), self.layout(data, offset).read(data, offset)
