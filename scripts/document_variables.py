# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/variables.md, and what the roles' argument_specs.yml say of the inventory's variables, from docs/variables.yml."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "      # the inventory's variables, from docs/variables.yml by scripts/document_variables.py"
KEYS = ("type", "elements", "required", "choices", "default", "description")
TYPES = {"str": "text", "int": "number", "bool": "boolean", "dict": "mapping"}
WIDTH = 125
CHAPTERS = {
    "node": (
        "Of a node",
        "A host sets its own value, or shares that of a group. The other hosts may have another.",
    ),
    "fabric": (
        "Of the whole fabric",
        "Set them once, in the group's `vars`: all hosts must have the same value.",
    ),
    "run": (
        "Of playbooks and roles",
        "They say how a run acts, and are often given with `-e`.",
    ),
}
HEAD = """# Variables of the inventory

The prefix `fabric_` is reserved: `site` refuses a variable of that prefix that is not one of these. All hosts of the group
`fabric` are nodes; only their own variables and those of their groups, `-e` and facts are read. This page is written by
`scripts/document_variables.py` from `docs/variables.yml`; `ansible-doc -t role nodenet.fabric.bridge` shows those that one
role reads.
"""


def variables():
    """Return name -> what docs/variables.yml says of it."""
    return yaml.safe_load((ROOT / "docs" / "variables.yml").read_text(encoding="utf-8"))


def page(known):
    """Return the text of docs/variables.md."""
    parts = [HEAD]
    for of, (title, introduction) in CHAPTERS.items():
        parts.append(
            f"## {title}\n\n{introduction}\n\n| variable | type | default | what it says | roles |\n|---|---|---|---|---|\n"
        )
        parts[-1] += "".join(_row(name, one) for name, one in known.items() if one["of"] == of)
    parts.append("## Entries of lists\n\nA key without a default may be left out, unless it is **required**.\n")
    for name, one in known.items():
        if "options" in one:
            rows = "".join(_entry(key, entry) for key, entry in one["options"].items())
            parts.append(f"### {name}\n\n| key | type | what it says |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def _row(name, one):
    default = f"`{shown(one['default'])}`" if "default" in one else "–"
    default = one.get("unset", default)
    roles = ", ".join(f"`{role.replace('/', ' (')}{')' if '/' in role else ''}`" for role in one["roles"]) or "–"
    return f"| `{name}` | {_type(one)} | {default} | {_plain(one['description'])} | {roles} |\n"


def _entry(key, one, outer=""):
    required = "**required**. " if one.get("required") else ""
    row = f"| `{outer}{key}` | {_type(one)} | {required}{_plain(one['description'])} |\n"
    return row + "".join(
        _entry(inner, suboption, f"{outer}{key}.") for inner, suboption in one.get("options", {}).items()
    )


def _type(one):
    choices = ": " + ", ".join(f"`{choice}`" for choice in one["choices"]) if "choices" in one else ""
    return TYPES.get(one["type"], one["type"]) + choices


def _plain(text):
    return re.sub(r"[VC]\(([^)]*)\)", r"`\1`", text)


def shown(value):
    return str(value).lower() if isinstance(value, bool) else value


def specified(text, role, known):
    """Return ``text`` of a role's argument_specs.yml with each entry point's variables at the end of its options."""
    lines, out, entry = text.splitlines(), [], None
    lines = _without_written(lines)
    for line in [*lines, "  "]:
        ends = line.startswith("  ") and not line.startswith("   ")
        if ends and entry:
            out += _block(role if entry == "main" else f"{role}/{entry}", known)
        if ends and line.strip():
            entry = line.strip().rstrip(":")
        out.append(line)
    return "\n".join(out[:-1]) + "\n"


def _without_written(lines):
    """Return ``lines`` without what was written here before."""
    kept, skipping = [], False
    for line in lines:
        skipping = line == BEGIN or (skipping and line.startswith("      "))
        if not skipping:
            kept.append(line)
    return kept


def _block(reader, known):
    read = {name: one for name, one in known.items() if reader in one["roles"]}
    return [BEGIN, *(line for name, one in read.items() for line in _option(name, one, 6))] if read else []


def _option(name, one, indent):
    """Return the lines of one option."""
    pad = " " * indent
    lines = [f"{pad}{name}:"]
    for key in KEYS:
        if key in one:
            lines += _value(key, one[key], indent + 2)
    if "options" in one:
        lines.append(f"{pad}  options:")
        lines += [line for inner, suboption in one["options"].items() for line in _option(inner, suboption, indent + 4)]
    return lines


def _value(key, value, indent):
    text = yaml.safe_dump(value, default_flow_style=True, width=WIDTH - indent - 4, allow_unicode=True)
    first, *others = text.replace("\n...\n", "\n").strip().splitlines()
    return [f"{' ' * indent}{key}: {first}", *(f"{' ' * (indent + 2)}{line.strip()}" for line in others)]


def written():
    """Return path -> the text that it must have."""
    known = variables()
    found = {ROOT / "docs" / "variables.md": page(known)}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        found[path] = specified(path.read_text(encoding="utf-8"), path.parent.parent.name, known)
    return found


if __name__ == "__main__":
    for target, content in written().items():
        target.write_text(content, encoding="utf-8")
