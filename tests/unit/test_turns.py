# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of tests on virtual machines run first where the time is too short for all."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "vms"))
import turns

FILES = {"a": ["a::1", "a::2"], "b": ["b::1"], "c": ["c::1"]}


def test_what_was_not_run_for_longest_is_first():
    times = {"a::1": 9, "a::2": 9, "b::1": 7, "c::1": 8}
    assert turns.longest_unseen_first(FILES, times, 0) == ["b", "c", "a"]
    # one test that was left out, or is new, is enough
    assert turns.longest_unseen_first(FILES, {**times, "a::2": 1}, 0) == ["a", "b", "c"]
    del times["c::1"]
    assert turns.longest_unseen_first(FILES, times, 0) == ["c", "b", "a"]


def test_runs_that_are_cut_off_come_to_each_file():
    """Two files fit into each run."""
    times, run = {}, []
    for number in range(3):
        done = turns.longest_unseen_first(FILES, times, 0)[:2]
        run.append(done)
        times.update((test, 10 * number + place) for place, name in enumerate(done, 1) for test in FILES[name])
    assert run == [["a", "b"], ["c", "a"], ["b", "c"]]


def test_without_memory_another_file_is_first_each_day():
    first = [turns.longest_unseen_first(FILES, {}, day * turns.DAY)[0] for day in range(4)]
    assert first == ["a", "b", "c", "a"]
    assert turns.longest_unseen_first({}, {}, 0) == []


def test_what_was_run_is_remembered(tmp_path):
    path = tmp_path / "cache" / "seen.json"
    assert turns.seen(path) == {}
    turns.remember(path, "a::1", 5.5)
    turns.remember(path, "b::1", 7)
    assert turns.seen(path) == {"a::1": 5, "b::1": 7}
    path.write_text("half of it", encoding="utf-8")
    assert turns.seen(path) == {}
