# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk as a sequence diagram for a terminal: a column for each device, an arrow for each frame, what decides between them.

Where the columns would be too narrow it is a list. Pure Python, but for :func:`style_of_terminal`.
"""

from __future__ import annotations

import locale
import shutil
import textwrap
from typing import Any, Dict, NamedTuple, Sequence

from .wording import (
    DIRECTIONS,
    SIGHTINGS,
    Place,
    hop_notes,
    hop_title,
    packet_lines,
    place_of,
    places,
    printable,
    summary,
    title,
)

COLUMNS = 100  # where no terminal says how wide it is
LEAST = 30  # a narrower terminal wraps by itself
NARROWEST, WIDEST = 5, 12  # characters from one column to the next
CLOSE = 46  # characters that are enough for text beside its lane
LEAST_TEXT = 58  # characters that a line of text has at least, if the whole is not narrower
SGR = {"good": "32", "bad": "31", "entry": "36", "head": "1"}  # ECMA-48


class Style(NamedTuple):
    """How to draw.

    :ivar width: characters of a line.
    :ivar unicode: whether lines and arrows may be other characters than ASCII's.
    :ivar colour: whether to paint.
    """

    width: int = COLUMNS
    unicode: bool = True
    colour: bool = False

    def signs(self) -> Dict[str, str]:
        """Return the characters that draw."""
        names = ("lane", "line", "right", "left", "from left", "from right", "dot", "drop", "differs", "over")
        return dict(zip(names, "│─▶◀├┤●✗≠┐" if self.unicode else "|-><++*X!+"))


PLAIN = Style()


def style_of_terminal(colour: bool = False) -> Style:
    """Return the style for this process: as wide as its terminal, ASCII unless its locale is UTF-8."""
    encoding = locale.getpreferredencoding(False).replace("-", "").lower()
    width = shutil.get_terminal_size((COLUMNS, 24)).columns
    return Style(width, encoding == "utf8", colour)


def render(walk: Dict[str, Any], differences: Sequence[Dict[str, Any]] = (), style: Style = PLAIN) -> str:
    """Return a walk as text.

    :param walk: as :meth:`Walk.to_plain` returns it.
    :param differences: as :func:`compare.differences` returns them; each is marked at its hop.
    """
    style = style._replace(width=max(style.width, LEAST))
    lanes = places(walk)
    wide = min(WIDEST, (style.width - 2) // max(len(lanes), 1))
    drawing = _Lanes(lanes, wide, style) if lanes and wide >= NARROWEST else _List(style)
    drawing.say(title(walk), "head")
    for direction in DIRECTIONS:
        drawing.say("")
        way = walk.get(direction)
        good = way is not None and way["verdict"] == "delivered"
        drawing.say(summary(walk, direction), "good" if good else "bad")
        if way:
            _draw(drawing, way, [one for one in differences if one["direction"] == direction])
    text = "\n".join(line.rstrip() for line in drawing.lines) + "\n"
    return text if style.unicode else text.encode("ascii", "replace").decode()


def _draw(drawing, way, differences):
    drawing.head(way["hops"])
    before = []
    for number, hop in enumerate(way["hops"]):
        if hop["action"] in SIGHTINGS:
            lines = packet_lines(hop.get("packet"))
            # headers as they were are not written again
            drawing.frame(place_of(hop), hop["action"], lines if lines != before else [])
            before = lines
        else:
            drawing.note(hop)
        for one in differences:
            if one.get("hop") == number:
                drawing.differs(one)
    for one in differences:
        if not isinstance(one.get("hop"), int) or not 0 <= one["hop"] < len(way["hops"]):
            drawing.differs(one)


class _Drawing:
    """Lines so far."""

    def __init__(self, style):
        self.lines, self.style, self.signs = [], style, style.signs()

    def say(self, text, colour=""):
        for line in textwrap.wrap(text, self.style.width) or [""]:
            self.lines.append(self.paint(line, colour))

    def paint(self, text, colour):
        return f"\033[{SGR[colour]}m{text}\033[0m" if self.style.colour and colour and text else text

    def notes_of(self, hop):
        """Return [(text, colour)] of a hop that is no frame."""
        colour = {"deliver": "good", "drop": "bad", "check": "bad"}.get(hop["action"], "")
        return [(hop_title(hop), colour), *((note, colour or "entry") for note in hop_notes(hop))]

    def notes_of_difference(self, one):
        ways = f" ({', '.join(one['ways'])})" if one.get("ways") else ""
        yield f"{self.signs['differs']} {printable(one['what'])}{ways}", "bad"
        for name in ("cause", "mend"):
            if one.get(name):
                yield f"  {name}: {printable(one[name])}", "bad"


class _Lanes(_Drawing):
    """A column for each device. Titles of columns are stairs: each begins at its own column, on a line of its own."""

    def __init__(self, lanes, wide, style):
        super().__init__(style)
        self.lanes, self.x = lanes, {lane: 1 + number * wide for number, lane in enumerate(lanes)}
        self.at, self.began = None, False

    def head(self, hops):
        self.at, self.began, before = None, False, None
        for number, lane in enumerate(self.lanes):
            text = lane.device if lane[:2] == before else " ".join(part for part in (lane.node, lane.netns) if part)
            text += "" if lane[:2] == before else f": {lane.device}"
            before, x = lane[:2], self.x[lane]
            if x + len(text) <= self.style.width:
                self.row(text, x, "head", number)
            else:
                text = f"{text} {self.signs['over']}"
                self.row(text, max(0, x - len(text) + 1), "head", number)
        # where the packet is before it is seen
        start = place_of(hops[0])[:2] if hops else None
        self.at = next((lane for lane in self.lanes if lane[:2] == start), None)

    def row(self, text="", at=0, colour="", lanes=None, marks=()):
        """Add a line: the lanes (the first ``lanes`` of them), ``marks`` (x -> character), and ``text`` above them."""
        cells = [" "] * self.style.width
        for lane in self.lanes[:lanes]:
            cells[self.x[lane]] = self.signs["lane"]
        for x, sign in dict(marks).items():
            cells[x] = sign
        text = text[: self.style.width - at]
        end = at + len(text)
        words = text.rstrip()
        self.lines.append("".join(cells[:at]) + self.paint(words, colour) + text[len(words) :] + "".join(cells[end:]))

    def text(self, words, colour="", first=None, extra=0):
        """Add lines of text to the right of the lane where the packet is, further to the left if there is no room."""
        room = min(LEAST_TEXT, self.style.width - 2)
        x = self.x[self.at] if self.at else 0
        # a title stands beside its lane if it can; what belongs together is in one column
        beside = self.style.width - x - 2 >= (len(words) + 1 if first else CLOSE)
        at = x + 2 if beside else min(x + 2, self.style.width - room)
        at = (x + 2 if at == x + 1 else at) + extra
        marks = {self.x[self.at]: first} if first and self.at else {}
        for line in textwrap.wrap(words, self.style.width - at - 1, break_long_words=True) or [""]:
            self.row(f"{line} ", at, colour, marks=marks)
            marks = {}

    def frame(self, place, _action, lines):
        if not self.began or self.at is None or self.at == place:
            self.at, self.began = place, True
            self.row(marks={self.x[place]: self.signs["dot"]})
        else:
            low, high = sorted((self.x[self.at], self.x[place]))
            marks = dict.fromkeys(range(low, high + 1), self.signs["line"])
            onward = self.x[place] == high
            marks[self.x[self.at]] = self.signs["from left" if onward else "from right"]
            marks[self.x[place]] = self.signs["right" if onward else "left"]
            self.row(marks=marks)
            self.at = place
        for line in lines:
            self.text(line)

    def note(self, hop):
        place = place_of(hop)
        if place in self.x and self.at is None:
            self.at = place
        sign = self.signs["drop"] if hop["action"] in ("drop", "check") else self.signs["dot"]
        (words, colour), *notes = self.notes_of(hop)
        self.text(words, colour or "head", first=sign)
        for text, shade in notes:
            self.text(text, shade, extra=2)

    def differs(self, one):
        for text, colour in self.notes_of_difference(one):
            self.text(text, colour)


class _List(_Drawing):
    """A paragraph for each hop, below the place where it is."""

    def __init__(self, style):
        super().__init__(style)
        self.place = None

    def head(self, _hops):
        self.place = None

    def text(self, words, colour="", indent=4):
        lines = textwrap.wrap(words, self.style.width - indent, break_long_words=True)
        self.lines += [" " * indent + self.paint(line, colour) for line in lines]

    def moved(self, place):
        if place != self.place:
            self.place = place
            self.text(" ".join(part for part in place if part), "head", 1)

    def frame(self, place, action, lines):
        self.moved(place)
        arrow = self.signs["right"] if action == "in" else self.signs["left"]
        self.text(f"{arrow} {action}{': ' if lines else ''}{' | '.join(lines)}", indent=3)

    def note(self, hop):
        place = place_of(hop)
        if place.device or self.place is None or place[:2] != self.place[:2]:
            self.moved(place if place.device else Place(place.node, place.netns, ""))
        sign = self.signs["drop"] if hop["action"] in ("drop", "check") else self.signs["dot"]
        (words, colour), *notes = self.notes_of(hop)
        self.text(f"{sign} {words}", colour, 3)
        for text, shade in notes:
            self.text(text, shade, 5)

    def differs(self, one):
        for text, colour in self.notes_of_difference(one):
            self.text(text, colour, 3)
