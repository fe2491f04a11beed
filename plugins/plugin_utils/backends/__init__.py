# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backends: how nodes reach each other's subnets. One file for each; nothing outside of this folder names one."""

from __future__ import annotations

from typing import Dict, Optional

from ..values.networks import Values
from .base import Backend
from .host_gw import HostGw
from .ipip import Ipip
from .peers import Peers
from .vxlan import Vxlan
from .wireguard import Wireguard

# name -> backend; the first is the default
BACKENDS: Dict[str, Backend] = {backend.name: backend for backend in (HostGw(), Ipip(), Vxlan(), Wireguard())}


def backend_of(values: Values) -> Backend:
    """Return the backend that ``values`` of a node or of the fabric select; for an unknown name one that does nothing."""
    return BACKENDS.get(values["fabric_backend"], Backend())


def peers_of(model: Dict[str, Values], name: str, secrets: Optional[Values] = None) -> Peers:
    """Return the peers of node ``name``.

    :param secrets: the node's variables that the model does not have.
    """
    fabric = model["fabric"]
    backend = backend_of(fabric)
    return Peers(model, name, backend.encapsulation(fabric), backend.overhead(fabric["underlay_version"]), secrets)
