# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind, for what looks at all of them (sweep, fabric_info)."""

from __future__ import annotations

from .address import Address
from .fdb import Fdb
from .link import Link
from .nat import Nat
from .neighbor import Neighbor, Proxy
from .netns import Netns
from .port import Port
from .route import Route
from .sysctl import Sysctl


def all_kinds():
    """Return one object of each kind."""
    return [Netns(), Sysctl(), Link(), Port(), Address(), Route(), Neighbor(), Proxy(), Fdb(), Nat()]
