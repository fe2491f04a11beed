# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible's variables and arguments hold, as JSON knows it."""

from __future__ import annotations

from collections.abc import Mapping

# Python writes no larger numbers in digits than of 4,300 (sys.set_int_max_str_digits), and nothing here is as large as this
MOST_BITS = 64


def plain(value):
    """Return ``value`` of what JSON knows; each member is asked for by itself, which is when ansible-core templates it."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(value[key]) for key in value}
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return hex(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return str(value)
