# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attachments: how an endpoint is connected to its node. One file for each; nothing outside of this folder names one."""

from __future__ import annotations

from typing import Dict, List

from ..values.networks import Values
from .base import Attachment, attachments_of
from .bridge import Bridge
from .direct import Direct
from .routed import Routed

# name -> attachment; the first is the default
ATTACHMENTS: Dict[str, Attachment] = {one.name: one for one in (Bridge(), Routed(), Direct())}


def used_by(values: Values) -> List[Attachment]:
    """Return the attachments of a node's endpoints; unknown ones are left out."""
    names = attachments_of(values)
    return [attachment for name, attachment in ATTACHMENTS.items() if name in names]
