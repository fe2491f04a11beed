# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small writer of SVG: boxes, lines and text on a white card."""

from xml.sax.saxutils import escape

LINE = 17  # from one line of text to the next
CHARACTER = 7.3  # at most, of the fixed-width font
STYLE = """
text { font: 12px ui-monospace, 'DejaVu Sans Mono', monospace; fill: #1b2733; }
.title { font: bold 13px system-ui, 'DejaVu Sans', sans-serif; }
.note { font: 11px system-ui, 'DejaVu Sans', sans-serif; fill: #55606b; }
.card { fill: #ffffff; }
.node { fill: #f4f6f8; stroke: #8794a1; }
.endpoint { fill: #e3f1e4; stroke: #3d8b46; }
.bridge { fill: #dbe9f8; stroke: #2f6db0; }
.routing { fill: #ffffff; stroke: #8794a1; }
.device { fill: #ffffff; stroke: #1b2733; }
.tunnel { fill: #fbe9d2; stroke: #c0761c; }
.segment { fill: #1b2733; stroke: none; }
.outside { fill: #f3e6f3; stroke: #8d4b8d; }
.router { fill: #e9e9e9; stroke: #55606b; }
line { stroke: #1b2733; stroke-width: 1.5; }
line.veth { stroke: #3d8b46; }
line.encapsulated { stroke: #c0761c; stroke-width: 2; stroke-dasharray: 7 5; }
"""


class Drawing:
    """What is drawn so far, in the order in which it lies on each other."""

    def __init__(self):
        self._parts = []
        self._right = self._bottom = 0

    def box(self, kind, x, y, width, height):
        """Draw a box of a class of :data:`STYLE`."""
        radius = 0 if kind == "segment" else 6
        self._add(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}"/>')
        self._reach(x + width, y + height)

    def text(self, x, y, words, kind="", anchor="start"):
        """Draw a line of text, whose baseline is at ``y``."""
        self._add(f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>')
        self._reach(0, y)

    def lines(self, x, y, lines, kind=""):
        """Draw several lines of text, the first with its baseline at ``y``."""
        for number, words in enumerate(lines):
            self.text(x, y + number * LINE, words, kind)

    def line(self, x1, y1, x2, y2, kind=""):
        """Draw a line."""
        self._add(f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>')
        self._reach(max(x1, x2), max(y1, y2))

    def _add(self, part):
        self._parts.append(part)

    def _reach(self, right, bottom):
        self._right, self._bottom = max(self._right, right), max(self._bottom, bottom)

    def svg(self, title):
        """Return the whole as the text of a file."""
        width, height = self._right + 16, self._bottom + 16
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" role="img">'
        )
        card = f'<rect class="card" width="{width:g}" height="{height:g}" rx="8"/>'
        return "\n".join(
            [head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", card, *self._parts, "</svg>\n"]
        )
