# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The normal form of what users and the kernel write; what cannot be meant is refused."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, TypeVar

from ..engine.errors import InputError
from . import names

# the second digit of a group's MAC address (IEEE 802)
GROUP = "13579bdf"
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

AF_INET, AF_INET6 = 2, 10
# first numbers of IPv4's multicast addresses (RFC 5771)
MULTICAST = range(224, 240)
# length of an IPv4 prefix, as it is written -> the bits behind it
LENGTHS = {str(length): (1 << 32 - length) - 1 for length in range(33)}


N = TypeVar("N", int, float, None)


@lru_cache(maxsize=4096)
def interface(name: str, option: str) -> str:
    """Return the name of a link.

    :raises InputError: it cannot be one.
    """
    return _without(names.interface_fault(name), name, option)


@lru_cache(maxsize=4096)
def new_interface(name: str, option: str) -> str:
    """Return the name of a link that a task may make and remove.

    :raises InputError: it cannot be one.
    """
    return _without(names.new_interface_fault(name), name, option)


@lru_cache(maxsize=4096)
def netns_name(name: str, option: str) -> str:
    """Return the name of a namespace.

    :raises InputError: it cannot be one.
    """
    return _without(names.netns_fault(name), name, option)


def _without(fault, name, option):
    if fault:
        raise InputError(option, f"{name!r} {fault}")
    return name


def mac(address: str, option: str) -> str:
    """Return a MAC address in lower case with colons.

    :raises InputError: it is none, or one that no single interface may have (a group address, all zero).
    """
    text = address if MAC.fullmatch(address) else address.strip().lower().replace("-", ":")
    if not MAC.fullmatch(text):
        raise InputError(option, f"{address!r} is not a MAC address such as 02:00:00:00:00:01")
    if text[1] in GROUP or text == "00:00:00:00:00:00":
        raise InputError(option, f"{address!r} cannot be an interface's MAC address: it is a group address or all zero")
    return text


def address(text: str, option: str) -> str:
    """Return an IP address in its normal form.

    :raises InputError: it is none.
    """
    if _is_ipv4(text):
        return text
    found = _parsed(ipaddress.ip_address, text, option)
    if found is None:
        raise InputError(option, f"{text!r} is not an IPv4 or IPv6 address")
    return _normal(found)


def _parsed(parse, text, option):
    """Return what ``parse`` of :mod:`ipaddress` makes of ``text``, or None.

    :raises InputError: it is an address with what only sockets have.
    """
    _address, percent, zone = text.partition("%")
    try:
        found = parse(text.strip())
    except ValueError:
        return None
    if percent:
        raise InputError(option, f"{text} has a zone: leave %{zone.partition('/')[0]} out, the interface is an option")
    mapped = getattr(getattr(found, "network_address", getattr(found, "ip", found)), "ipv4_mapped", None)
    if mapped:  # RFC 4291, 2.5.5.2: never on the wire
        raise InputError(option, f"{text} is IPv4 written as IPv6: write {mapped}")
    return found


def _normal(found):
    """Return an address as inet_ntop(3) writes it, which is how the kernel's are read."""
    return socket.inet_ntop(AF_INET6 if found.version == 6 else AF_INET, found.packed)


def text_of(network: Any) -> str:
    """Return a network of :mod:`ipaddress` as a prefix in its normal form."""
    return f"{_normal(network.network_address)}/{network.prefixlen}"


def unicast(text: str, option: str) -> str:
    """Return the unicast address of a host in its normal form.

    :raises InputError: it is none.
    """
    found = address(text, option)
    ip = ipaddress.ip_address(found)
    if ip.is_multicast or ip.is_unspecified or ip.is_loopback or found == "255.255.255.255":
        raise InputError(option, f"{found} is not the unicast address of a host")
    return found


def broadcast(text: str, option: str) -> str:
    """Return an IPv4 address that all hosts of a network take for theirs, in its normal form.

    :raises InputError: it can be none.
    """
    found = ipaddress.ip_address(address(text, option))
    if found.version != 4 or found.is_multicast or found.is_unspecified or found.is_loopback:
        raise InputError(option, f"{found} is no IPv4 broadcast address")
    return str(found)


def host_prefix(text: str, option: str) -> str:
    """Return an address with the length of its prefix, as an interface carries it: ``10.0.0.1/24``.

    :raises InputError: it is none, or the length is missing.
    """
    number, slash, length = text.partition("/")
    if not slash:
        whole = f"write {text}/24, or {text}/32 for the address alone" if _is_ipv4(text) else "write it behind a /"
        raise InputError(option, f"{text!r} has no prefix length: {whole}")
    if length in LENGTHS and _is_ipv4(number) and number != "0.0.0.0" and int(number.split(".")[0]) not in MULTICAST:
        return text
    found = _parsed(ipaddress.ip_interface, text, option)
    if found is None:
        raise InputError(option, f"{text!r} is not an address with a prefix length such as 10.0.0.1/24")
    if found.ip.is_multicast or found.ip.is_unspecified:
        raise InputError(option, f"{found.ip} is no address that an interface can have")
    return f"{_normal(found.ip)}/{found.network.prefixlen}"


def prefix(text: str, option: str) -> str:
    """Return a network prefix, ``10.0.0.0/24``; a bare address is the prefix of that address alone.

    :raises InputError: it is none, or bits are set behind its length.
    """
    number, _slash, length = text.partition("/")
    if length in LENGTHS and _is_ipv4(number):
        bits = int.from_bytes(socket.inet_aton(number), "big")
        if not bits & LENGTHS[length]:
            return text
    found = _parsed(ipaddress.ip_network, text, option)
    if found:
        return text_of(found)
    try:
        meant = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise InputError(option, f"{text!r} is not a prefix such as 10.0.0.0/24") from None
    raise InputError(option, f"{text!r} has host bits set: the prefix is {meant}")


def _is_ipv4(text):
    """Say whether ``text`` is an IPv4 address in its normal form; most are, and :mod:`ipaddress` takes its time."""
    try:
        return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text)) == text
    except (OSError, ValueError):
        return False


def family(text: str) -> int:
    """Return AF_INET or AF_INET6 for an address or prefix in normal form."""
    return AF_INET6 if ":" in text else AF_INET


def same_family(items: Mapping[str, Optional[str]]) -> None:
    """Check that the addresses of ``items`` (option -> address, prefix or None) are of one family.

    :raises InputError: they are not.
    """
    first = ""
    for option, text in items.items():
        if text and not first:
            first = option
        elif text and family(text) != family(items[first] or ""):
            raise InputError(
                option, f"{text} and {first} {items[first]} are not of one family: IPv4 with IPv4, IPv6 with IPv6"
            )


def collapsed(prefixes: Iterable[str]) -> Tuple[str, ...]:
    """Return prefixes without those that others contain, sorted, as a tuple."""
    networks: List[Any] = [ipaddress.ip_network(text) for text in prefixes]
    return tuple(
        text_of(network)
        for version in (4, 6)
        for network in ipaddress.collapse_addresses(net for net in networks if net.version == version)
    )


def link_local(mac: str) -> str:
    """Return the IPv6 address that an interface derives from its MAC address (RFC 4291, appendix A)."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(octets[:3]) + b"\xff\xfe" + bytes(octets[3:])))


def of_version(texts: Iterable[str], version: int) -> List[str]:
    """Return the addresses or prefixes of an IP version."""
    return [text for text in texts if (":" in text) == (version == 6)]


def in_range(value: N, low: float, high: float, option: str) -> N:
    """Return ``value``.

    :raises InputError: it is below ``low`` or above ``high``.
    """
    if value is not None and not low <= value <= high:
        raise InputError(option, f"{value} is out of range: {low} to {high}")
    return value


def ports(text: str, option: str) -> range:
    """Return the ports that ``80`` or ``8000-8010`` mean, as a range.

    :raises InputError: it means none.
    """
    written = PORTS.fullmatch(str(text).strip())
    first, last = (int(written[1]), int(written[2] or written[1])) if written else (0, 0)
    if not 1 <= first <= last <= 65535:
        raise InputError(option, f"{text!r} is neither a port, 1 to 65535, nor a range of ports such as 8000-8010")
    return range(first, last + 1)


def ports_text(found: range) -> str:
    """Return a range of ports as it is written."""
    return f"{found[0]}-{found[-1]}" if len(found) > 1 else str(found[0])


def given(**values: Any) -> Dict[str, Any]:
    """Return those of ``values`` that are not None: what is unset is not managed."""
    return {name: value for name, value in values.items() if value is not None}
