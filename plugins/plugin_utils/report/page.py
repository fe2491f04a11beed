# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: one HTML file that works without a network. Jinja2 writes the frame, the page's own JavaScript the rest."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .data import Fabric, packed_walks, page_data

FOLDER = Path(__file__).parent / "browser"
MADE = re.compile(r'<p class="made">.*?</p>', re.S)
SCRIPTS = ("layout.js", "draw.js", "matrix.js", "walk.js", "main.js")


def render(fabric: Fabric) -> str:
    """Return the page. It is the same for the same fabric."""
    style = _read("style.css")
    # each file is a function of its own: none sees the names of another
    script = "\n".join(_read(name) for name in SCRIPTS)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_read("page.html.j2")).render(
        policy=_policy(script, style),
        # what we wrote ourselves; what the inventory wrote comes as data
        style=Markup(style),
        script=Markup(script),
        data=Markup(json_in_html(page_data(fabric))),
        walks=packed_walks(fabric.walks, fabric.ends),
        fabric=fabric,
    )


def same(one: str, other: str) -> bool:
    """Say whether two pages show the same, but for when they were made."""
    return MADE.sub("", one) == MADE.sub("", other)


def json_in_html(value: Any) -> str:
    """Return ``value`` as JSON that may stand in a script element: no character of it ends or comments the element out.

    Source: the HTML standard, "Restrictions for contents of script elements".
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # a lone surrogate is no UTF-8
    return text.encode("utf-8", "replace").decode()


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8").strip()


def _policy(script: str, style: str) -> str:
    """Return the page's Content-Security-Policy: nothing is loaded, and only our own script and style apply."""
    found = {"default-src": "'none'", "script-src": _digest(script), "style-src": _digest(style)}
    found.update({"base-uri": "'none'", "form-action": "'none'"})
    return "; ".join(f"{name} {value}" for name, value in found.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
