# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's templated variables and arguments as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

# Python writes no larger numbers in digits than of 4,300 (sys.set_int_max_str_digits), and nothing here is as large as this
MOST_BITS = 64


# the result of a template that is omitted
OMITTED = object()


def plain(value: Any, omit: Optional[str] = None) -> Any:
    """Return ``value`` as JSON can hold it; each member is read by itself, which is when ansible-core templates it.

    :param omit: the text that stands for an omitted value before ansible-core 2.19; a value that is this text: OMITTED.
    """
    if isinstance(value, Mapping):
        members = {str(plain(key)): plain(value[key], omit) for key in value}
        return {key: member for key, member in members.items() if member is not OMITTED}
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return hex(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        listed = [plain(member, omit) for member in value]
        return [member for member in listed if member is not OMITTED]
    text = str(value)
    return OMITTED if isinstance(omit, str) and text == omit else text
