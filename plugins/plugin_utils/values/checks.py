# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one value of an inventory is the name, the address or the number that it must be. Pure Python.

Whatever YAML can hold comes in here; each function yields sentences and raises nothing.
"""

from __future__ import annotations

import difflib
import ipaddress
import re

from ...module_utils.engine.errors import InputError
from ...module_utils.kinds import fields, names
from .networks import FAMILIES, GATEWAYS, ip_address, ip_network

# so much of a value is shown in a sentence
MOST_SHOWN = 80
NUMBER = re.compile(r"[0-9]{1,10}")
# Prefixes whose addresses no host has on a network that others reach: "this network", loopback, link-local, multicast and
# reserved ones (RFC 6890, RFC 5771); of IPv6 also all that holds IPv4 addresses in another form (RFC 4291).
NOBODYS = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/8",
        "fe80::/10",
        "ff00::/8",
    )
]
LINK_LOCAL = [network for network in NOBODYS if network.is_link_local]
# RFC 791: every host takes 576 bytes
MTU_MIN, MTU_MAX = 576, 65535
# As Ansible reads them; -e and INI inventories give text.
TRUE, FALSE = (True, "true", "yes", "on", "1"), (False, "false", "no", "off", "0")
# variables of which there is one for each family
OF_FAMILIES = {*GATEWAYS.values(), *(name for family in FAMILIES for name in (family.subnet, family.address))}
# More hosts than this are counted, not named.
MOST_NAMED = 5


def boolean(value):
    """Return the truth value that Ansible reads in ``value``.

    :raises ValueError: it is none.
    """
    word = value.lower() if isinstance(value, str) else value
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise ValueError(f"{value!r} is neither true nor false")


def some(words):
    """Return the first few of ``words`` as a list in a sentence, and how many more there are."""
    words = list(dict.fromkeys(words))
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return ", ".join(words[:MOST_NAMED]) + more


def shown(value):
    """Return ``value`` as a sentence shows it: not at any length, and not what no terminal prints."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits (sys.set_int_max_str_digits)
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 20]}… ({len(text)} characters)"


def meant(word, known):
    """Return the end of a sentence that suggests the name among ``known`` that is most like ``word``, or ""."""
    # the prefix that all of them have makes none of them likelier
    if not isinstance(word, str):
        return ""
    names = {name.replace("fabric_", ""): name for name in known}
    close = difflib.get_close_matches(word.replace("fabric_", ""), names, 1)
    return f": did you mean {names[close[0]]}?" if close else ""


def interface(where, name):
    """Yield why ``name`` cannot be that of an interface to be made, and of a namespace."""
    fault = names.new_interface_fault(name)
    if fault:
        yield f"{where} is {shown(name)}, which {fault}."


def text(where, value):
    """Yield why ``value`` is not text; None stands for what is not given."""
    if value is not None and not isinstance(value, str):
        yield f"{where} is {shown(value)}, not text."


def choice(where, value, choices):
    """Yield why ``value`` is none of ``choices``."""
    if value not in choices:
        yield f"{where} is {shown(value)}: it is one of {', '.join(choices)}."


def truth(where, value):
    """Yield why ``value`` is neither true nor false, as Ansible reads them."""
    try:
        boolean(value)
    except (TypeError, ValueError):
        yield f"{where} is {shown(value)}: it is true or false."


def number(where, value, low, high):
    """Yield why ``value`` is no number from ``low`` to ``high``."""
    if not in_range(value, low, high):
        yield f"{where} is {shown(value)}: it is a number from {low} to {high}."


def in_range(value, low, high):
    """Say whether ``value`` is a number from ``low`` to ``high``, or the text of one."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return False
    return low <= int(value) <= high


def ports(value):
    """Return the ports that ``80`` or ``8000-8010`` mean, as a range, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not in_range(value, 0, 2**32):
        written = value if isinstance(value, str) else ""
    else:
        written = str(value)
    try:
        return fields.ports(written, "port")
    except InputError:
        return None


def address(where, value, version=None, link_local=False):
    """Yield why ``value`` cannot be a host's address of IP ``version``; None stands for an address that is not given."""
    if value is None:
        return
    found = _parsed(ip_address, value)
    if found is None:
        length = f": omit {value[value.index('/') :]}" if _parsed(ipaddress.ip_interface, value) else ""
        yield f"{where} is {shown(value)}, which is not an address{length}."
    elif version and found.version != version:
        yield f"{where} is {found}, which is not IPv{version}{_other_family(where, found.version)}."
    elif any(found in network for network in NOBODYS if not (link_local and network in LINK_LOCAL)):
        yield f"{where} is {found}, which other networks cannot reach: choose a routable address."


def prefix(where, value, version=None):
    """Yield why ``value`` cannot be a subnet of IP ``version``; None stands for one that is not given."""
    if value is None:
        return
    meant = _network(value)
    if meant is None:
        yield f"{where} is {shown(value)}, which is not a prefix such as {'fd00:245::/64' if version == 6 else '172.245.0.0/24'}."
    elif "/" not in value:
        yield f"{where} is {value!r}, which has no length: write {value}/{24 if meant.version == 4 else 64}."
    elif _network(value, strict=True) is None:
        yield f"{where} is {value}, with host bits set: the prefix is {meant}."
    elif version and meant.version != version:
        yield f"{where} is {value}, which is not IPv{version}{_other_family(where, meant.version)}."
    else:
        yield from _nobodys(where, meant)


def _nobodys(where, meant):
    for network in NOBODYS:
        if meant.version == network.version and meant.overlaps(network):
            inside = "which" if meant.subnet_of(network) else f"and holds {network}, which"
            yield f"{where} is {meant}, {inside} no hosts can have on a network: choose another, such as one of 10.0.0.0/8."
            return


def host_prefix(where, value, version, link_local=False):
    """Yield why ``value`` cannot be an interface's address with the length of its prefix."""
    if value is None:
        return
    found = _parsed(ipaddress.ip_interface, value)
    if found is None or "/" not in value or found.version != version:
        yield f"{where} is {shown(value)}, which is not an IPv{version} address with the length of its prefix."
        return
    faults = list(address(where, str(found.ip), version, link_local))
    yield from faults
    network = found.network
    ends = (network.network_address, network.broadcast_address) if version == 4 and network.prefixlen < 31 else ()
    if not faults and found.ip in ends:
        yield f"{where} is {found}, the network's own address or its broadcast address: choose an address between them."


def broadcast(where, value, own):
    """Yield why ``value`` cannot be the broadcast address beside ``own``, an interface's address with its length; None: not given."""
    if value in (None, ""):
        return
    if own in (None, ""):
        yield f"{where} is {shown(value)}, and that end has no address: set address, or omit broadcast."
        return
    found = _parsed(ipaddress.IPv4Address, value)
    network = _network(own)
    if found is None or network is None or not (found in network or str(found) == "255.255.255.255"):
        yield (
            f"{where} is {shown(value)}, which is no broadcast address of {shown(own)}: choose an address of its network,"
            " usually the last one."
        )


def _parsed(parse, value):
    """Return what ``parse`` makes of a text; None where it makes nothing, or something with a zone (RFC 4007)."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return parse(value)
    except ValueError:
        return None


def _network(value, strict=False):
    return _parsed(lambda given: ip_network(given, strict=strict), value)


def _other_family(where, version):
    """Say which variable is for the other family, if there is one."""
    other = where[:-1] if where.endswith("6") else f"{where}6"
    return f": {other} is for IPv{version}" if other in OF_FAMILIES or ".address" in where else ""
