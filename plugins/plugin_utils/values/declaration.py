# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a variable of the inventory is declared: its type, default, check and normal form. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Iterator, Optional

from . import checks
from .networks import ip_address, ip_network

Check = Callable[[str, Any], Iterator[str]]


@dataclass(frozen=True, eq=False)
class Variable:
    """One variable of a host.

    :param type: as docs/variables.yml names it.
    :param check: yields the faults of a value that is given, from (name, value).
    :param normal: returns the normal form of a sound value; None: any sound value is normal.
    :param fabric_wide: has one value for the whole fabric.
    :param secret: nothing shows it, and the model of the fabric does not have it.
    :param public: if it holds addresses that may be public by mistake: what then cannot be reached.
    """

    name: str
    type: str = "str"
    default: Any = None
    check: Check = checks.text
    normal: Optional[Callable[[Any], Any]] = None
    fabric_wide: bool = False
    public: Optional[str] = None
    secret: bool = False


def integer(name: str, default: int, low: int, high: int, fabric_wide: bool = False) -> Variable:
    """Declare a number from ``low`` to ``high``."""
    return Variable(name, "int", default, partial(checks.number, low=low, high=high), int, fabric_wide)


def switch(name: str, default: bool, fabric_wide: bool = False) -> Variable:
    """Declare a variable that is true or false."""
    return Variable(name, "bool", default, checks.truth, checks.boolean, fabric_wide)


def interface_name(name: str, default: Optional[str] = None) -> Variable:
    """Declare the name of an interface."""
    return Variable(name, default=default, check=checks.interface)


def address(name: str, version: int) -> Variable:
    """Declare a host's address of IP ``version``."""
    return Variable(name, check=partial(checks.address, version=version), normal=_address)


def subnet(name: str, version: int, public: Optional[str] = None) -> Variable:
    """Declare a prefix of IP ``version``."""
    return Variable(name, check=partial(checks.prefix, version=version), normal=_network, public=public)


def _address(text: str) -> str:
    return str(ip_address(text))


def _network(text: str) -> str:
    return str(ip_network(text))
