# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the values of the variables of engines are sound, each by itself. Pure Python.

Whatever YAML can hold comes in here; each function yields sentences and raises nothing.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Dict, Iterator

from ..values import checks as check
from ..values.checks import meant, shown
from ..values.declaration import Check
from ..values.networks import ip_network
from ..values.ranges import ENGINES, HANDING_OUT

# whose containers an endpoint can be
CONTAINER_ENGINES = ("docker", "podman", "lxc", "nspawn")
# what each of them lets a container be called at most
CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
# systemd.unit(5), "Description"; an instance of a template has its own drop-ins
SERVICE = re.compile(r"[A-Za-z0-9:_.-]+(@[A-Za-z0-9:_.-]+)?\.service")
LONGEST_UNIT = 255
# include/linux/threads.h: PID_MAX_LIMIT; the first process is in the node's own namespace
PIDS = 2, 1 << 22


def engines(where: str, value: Any) -> Iterator[str]:
    """Yield why ``value`` is not a list of engines."""
    if not isinstance(value, list):
        yield f"{where} is {shown(value)}, not a list such as [docker, podman]."
        return
    for position, engine in enumerate(value):
        if engine not in ENGINES:
            otherwise = f"; there are {', '.join(ENGINES)}."
            yield f"{where}[{position}] is {shown(engine)}, which is no engine{meant(engine, ENGINES) or otherwise}"
        elif engine in value[:position]:
            yield f"{where} has {engine} twice: name each engine once."


def ranges(where: str, value: Any) -> Iterator[str]:
    """Yield why ``value`` says no ranges: a prefix, a list with one for each family, or a mapping of engines to these."""
    if not isinstance(value, dict):
        yield from _prefixes(where, value)
        return
    for engine, prefixes in value.items():
        if engine in HANDING_OUT:
            yield from _prefixes(f"{where}.{engine}", prefixes)
        else:
            otherwise = f": the engines that hand out addresses are {', '.join(HANDING_OUT)}."
            yield f"{where} has no engine {shown(engine)}{meant(engine, HANDING_OUT) or otherwise}"


def _prefixes(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield from check.prefix(where, "" if value is None else value)
        return
    faults = [
        fault
        for number, one in enumerate(value)
        for fault in check.prefix(f"{where}[{number}]", "" if one is None else one)
    ]
    yield from faults
    versions = [] if faults else [ip_network(one).version for one in value]
    if len(set(versions)) < len(versions):
        yield f"{where} has several prefixes of one family: give one IPv4 prefix, and one IPv6 prefix."
    if not value:
        yield f"{where} is an empty list: omit it, or give a prefix."


def container(where: str, value: Any) -> Iterator[str]:
    """Yield why ``value`` names no container."""
    example = "{engine: docker, name: web}"
    if not isinstance(value, dict):
        yield f"{where} is {shown(value)}, not a mapping such as {example}."
        return
    for key in value:
        if key not in ("engine", "name"):
            yield f"{where} has no key {shown(key)}: it is one like {example}."
    yield from check.choice(f"{where}.engine", value.get("engine"), CONTAINER_ENGINES)
    name = value.get("name")
    if not isinstance(name, str) or not CONTAINER.fullmatch(name):
        quotes = "; put quotes around a number" if isinstance(name, (int, float)) else ""
        yield f"{where}.name is {shown(name)}, which is no name of a container: use letters, digits, '.', '_' and '-'{quotes}."


def service(where: str, value: Any) -> Iterator[str]:
    """Yield why ``value`` is not the name of a service of systemd."""
    if not isinstance(value, str) or len(value) > LONGEST_UNIT or not SERVICE.fullmatch(value):
        example = (
            f"{value}.service" if isinstance(value, str) and SERVICE.fullmatch(f"{value}.service") else "web.service"
        )
        yield f"{where} is {shown(value)}, which is not the name of a service such as {example}."


# keys of an endpoint that say what its namespace is, each with the check of its value; an endpoint has at most one of them
ENDPOINT_KEYS: Dict[str, Check] = {
    "container": container,
    "pid": partial(check.number, low=PIDS[0], high=PIDS[1]),
    "service": service,
}
