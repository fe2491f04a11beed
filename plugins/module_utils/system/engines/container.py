# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as its engine describes it, and the errors that all engines share."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from ...engine.errors import FabricError


class Container(NamedTuple):
    """A container on a network.

    :param engine: the name of its engine.
    :param name: its name, or its id where the engine knows no names.
    :param id: its id, in full.
    :param pid: its first process; 0: it does not run, or the engine does not know.
    :param addresses: those on the network, without a prefix length.
    """

    engine: str
    name: str
    id: str
    pid: int
    addresses: Tuple[str, ...] = ()


def no_container(engine: str, name: str) -> FabricError:
    """Return the error for a container that does not exist."""
    return FabricError(f"{engine} has no container {name!r} on this node: start it, or correct its name")


def not_running(engine: str, name: str) -> FabricError:
    """Return the error for a container that exists and does not run."""
    start = {"lxc": f"lxc-start -n {name}", "nspawn": f"machinectl start {name}"}.get(engine, f"{engine} start {name}")
    return FabricError(f"{engine} container {name!r} does not run on this node: start it ({start})")
