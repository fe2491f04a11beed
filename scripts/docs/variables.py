# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all variables of an inventory, from docs/variables.yml."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import document_variables as source  # noqa: E402  beside this folder

HEAD = """.. _variables:

Variables
=========

The prefix ``fabric_`` is reserved: ``site`` refuses a variable of that prefix that is not one of these. All hosts of the
group ``fabric`` are nodes; only their own variables and those of their groups, ``-e`` and facts are read.
``ansible-doc -t role nodenet.fabric.bridge`` shows those that one role reads.
"""


def page():
    """Return the text of the page."""
    known = source.variables()
    parts = [HEAD]
    for of, (title, text) in source.CHAPTERS.items():
        parts += [_heading(title, "-"), text + "\n"]
        parts += [_variable(name, one) for name, one in known.items() if one["of"] == of]
    return "\n".join(parts)


def _heading(text, line):
    return f"{text}\n{line * len(text)}\n"


def _variable(name, one):
    default = f"``{source.shown(one['default'])}``" if "default" in one else one.get("unset", "none")
    roles = ", ".join(f":ref:`{_role(role)}`" for role in one["roles"])
    lines = [
        f".. _variable_{name}:\n",
        _heading(name, "~"),
        _text(one["description"]) + "\n",
        f"* type: {_type(one)}",
        f"* default: {_text(default)}",
        *([f"* roles: {roles}"] if roles else []),
    ]
    if "options" in one:
        lines += ["", "A key without a default may be left out, unless it is required.", "", *_table(one["options"])]
    return "\n".join(lines) + "\n"


def _role(role):
    name, _slash, entry = role.partition("/")
    return (
        f"{name} ({entry}) <ansible_collections.nodenet.fabric.{name}_role>"
        if entry
        else (f"{name} <ansible_collections.nodenet.fabric.{name}_role>")
    )


def _table(options):
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 25 25 50", "")
    yield from ("   * - key", "     - type", "     - meaning")
    yield from _rows(options)


def _rows(options, outer=""):
    for key, entry in options.items():
        required = "**required.** " if entry.get("required") else ""
        yield from (
            f"   * - ``{outer}{key}``",
            f"     - {_type(entry)}",
            f"     - {required}{_text(entry['description'])}",
        )
        yield from _rows(entry.get("options", {}), f"{outer}{key}.")


def _type(one):
    choices = ": " + ", ".join(f"``{choice}``" for choice in one["choices"]) if "choices" in one else ""
    return source.TYPES.get(one["type"], one["type"]) + choices


def _text(text):
    return re.sub(r"[VC]\(([^)]*)\)", r"``\1``", str(text))
