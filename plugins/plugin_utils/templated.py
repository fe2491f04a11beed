# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's templated variables and arguments as plain data."""

from __future__ import annotations

import re
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


FIELD = re.compile(r"\{([A-Za-z0-9_.]*)(\??)\}")


class MissingField(ValueError):
    """An item does not have a field that a template names."""


def filled(template, item):
    """Return ``template`` with the fields of ``item``, as the filter nodenet.fabric.each does it.

    :raises MissingField: ``item`` has no such field, and it is not an optional one.
    """
    if isinstance(template, dict):
        found = {key: filled(value, item) for key, value in template.items()}
        return {key: value for key, value in found.items() if value is not None}
    if isinstance(template, list):
        return [filled(value, item) for value in template]
    if not isinstance(template, str):
        return template
    whole = FIELD.fullmatch(template)
    if whole:  # the value itself, not its text
        return _field(item, *whole.groups())
    return FIELD.sub(lambda match: str(_field(item, *match.groups())), template)


def _field(item, path, optional=""):
    for part in path.split(".") if path else ():
        if not isinstance(item, dict) or part not in item:
            if optional:
                return None
            known = ", ".join(item) if isinstance(item, dict) else "none"
            raise MissingField(f"there is no field {part!r} in {{{path}}}; there are: {known}")
        item = item[part]
    return item
