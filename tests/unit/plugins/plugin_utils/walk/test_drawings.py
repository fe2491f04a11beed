# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk in a terminal and as mermaid, against what a person has looked at: golden/*.

With NODENET_RECORD=1 the tests write those files.
"""

import copy
import os
import re
from pathlib import Path

import pytest
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk import mermaid, terminal
from ansible_collections.nodenet.fabric.plugins.plugin_utils.walk.terminal import Style
from drawn import Fabric

GOLDEN = Path(__file__).parent / "golden"
MARKUP = "<b>\"'&;#`%\x1b[31m\u202e\n"
TWO = Fabric(2, 2, each=1)
WALK = TWO.walk(TWO.labels[0], TWO.labels[2])
DROPPED = TWO.walk(TWO.labels[1], TWO.labels[3], "dropped")
DIFFERENCE = {
    "direction": "forward",
    "hop": next(number for number, hop in enumerate(WALK["forward"]["hops"]) if hop["action"] == "fdb"),
    "ways": ["predicted", "kernel"],
    "what": "the kernel's entry leads to 192.168.33.99",
    "cause": "the forwarding entry is altered",
    "mend": "ansible-playbook -i examples/vxlan nodenet.fabric.site",
}
CASES = {
    "wide.txt": lambda: terminal.render(WALK, [DIFFERENCE], Style(100)),
    "narrow.txt": lambda: terminal.render(WALK, [DIFFERENCE], Style(46)),
    "dropped.txt": lambda: terminal.render(DROPPED, [], Style(80, unicode=False)),
    "sequence.mmd": lambda: mermaid.sequence(WALK, [DIFFERENCE]),
    "dropped.mmd": lambda: mermaid.sequence(DROPPED),
    "topology.mmd": lambda: mermaid.topology(TWO.states, {"192.168.32.0/24": ["vm1"], "192.168.33.0/24": ["vm2"]}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_as_it_was_looked_at(name):
    if os.environ.get("NODENET_RECORD"):
        (GOLDEN / name).write_text(CASES[name](), encoding="utf-8")
    assert CASES[name]() == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", range(30, 201, 9))
def test_no_line_is_wider_than_the_terminal(width):
    for walk in (WALK, DROPPED):
        assert max(map(len, terminal.render(walk, [DIFFERENCE], Style(width)).splitlines())) <= width


def devices(walk, count):
    """Return the walk over so many bridges of the first node."""
    walk = copy.deepcopy(walk)
    more = [{**walk["forward"]["hops"][4], "action": "in", "device": f"br{number}"} for number in range(count)]
    walk["forward"]["hops"][4:4] = more
    return walk


def test_fourteen_devices_have_a_column_each_in_a_hundred_characters():
    text = terminal.render(devices(WALK, 4), [], Style(100))
    assert max(line.count("│") for line in text.splitlines()) >= 13
    assert max(map(len, text.splitlines())) <= 100


def test_more_devices_than_columns_are_a_list_that_names_each():
    text = terminal.render(devices(WALK, 40), [], Style(100))
    assert "│" not in text and all(f"vm1 br{number}" in text for number in range(40))


@pytest.mark.parametrize("width", [46, 100])
def test_every_entry_and_header_is_there(width):
    plain = re.sub(r"[^0-9a-z]+", "", terminal.render(WALK, [], Style(width)).replace("│", ""))
    for direction in ("forward", "reverse"):
        for hop in WALK[direction]["hops"]:
            if hop["entry"]:
                assert re.sub(r"[^0-9a-z]+", "", hop["entry"]["text"].replace("PERMANENT", "")) in plain.replace(
                    "ERMANENT", ""
                )


def test_without_utf8_every_character_is_ascii():
    strange = Fabric(2, 1, lambda text: f"{text}-ü→")
    terminal.render(strange.walk(*strange.labels), [], Style(100, unicode=False)).encode("ascii")


def test_there_is_no_colour_unless_asked():
    assert "\x1b" not in terminal.render(WALK, [DIFFERENCE], Style(100))
    painted = terminal.render(WALK, [DIFFERENCE], Style(100, colour=True))
    assert "\x1b[31m" in painted
    assert re.sub(r"\x1b\[\d+m", "", painted) == terminal.render(WALK, [DIFFERENCE], Style(100))


@pytest.mark.parametrize("width", [46, 100])
def test_a_name_moves_no_cursor_and_breaks_no_line(width):
    strange = Fabric(2, 1, lambda text: text + MARKUP)
    text = terminal.render(strange.walk(*strange.labels), [], Style(width))
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)


def test_a_name_is_only_text_to_mermaid():
    strange, plain = Fabric(2, 1, lambda text: text + MARKUP), Fabric(2, 1)
    for draw in (lambda one: mermaid.sequence(one.walk(*one.labels)), lambda one: mermaid.topology(one.states, {})):
        found, expected = draw(strange), draw(plain)
        assert len(found.splitlines()) == len(expected.splitlines())
        assert not re.search(r"<(?!br/>)|`|%|\x1b", found.replace("-->>", "").replace("->>", ""))


def test_a_walk_that_no_device_sees_is_drawn_all_the_same():
    walk = copy.deepcopy(DROPPED)
    walk["forward"]["hops"] = [hop for hop in walk["forward"]["hops"] if hop["action"] in ("send", "route", "drop")]
    assert "DROPPED" in terminal.render(walk, [], Style(100)) and "DROPPED" in mermaid.sequence(walk)


def test_each_direction_begins_at_its_sender():
    lines = [line.strip() for line in mermaid.sequence(WALK).splitlines()]
    sends = [line for line in lines if "a program sends" in line]
    participants = [line.split()[1] for line in lines if line.startswith("participant")]
    assert [line.split(":")[0] for line in sends] == [f"Note over {participants[0]}", f"Note over {participants[-1]}"]


def test_the_style_follows_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setattr(terminal.locale, "getpreferredencoding", lambda _set: "ANSI_X3.4-1968")
    assert terminal.style_of_terminal() == Style(77, False, False)
    monkeypatch.setattr(terminal.locale, "getpreferredencoding", lambda _set: "UTF-8")
    assert terminal.style_of_terminal(colour=True) == Style(77, True, True)
