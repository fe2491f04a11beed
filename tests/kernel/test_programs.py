# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts programs: in the namespace that is asked for, with nothing between the words and the program."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import MissingSoftware
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import namespaces, nft
from ansible_collections.nodenet.fabric.plugins.module_utils.system import programs


def test_the_status_and_both_outputs_come_back_in_the_locale_c(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    found = programs.run(["sh", "-c", "echo $LC_ALL; echo no >&2; exit 3"])
    assert (found.returncode, found.stdout, found.stderr) == (3, "C\n", "no\n")


def test_words_and_input_arrive_as_they_are():
    words = ["~", "$HOME", "a b", "'", '"; exit']
    assert programs.run(["printf", r"%s\n", *words]).stdout.splitlines() == words
    long = "x" * 200_000 + "é"
    assert programs.run(["cat"], long).stdout == long


def test_what_is_not_utf_8_is_no_traceback():
    assert programs.run(["printf", r"a\377b"]).stdout.startswith("a")


def test_a_program_that_is_missing_is_named():
    with pytest.raises(FileNotFoundError) as failure:
        programs.run(["nodenet-no-such-program"])
    assert failure.value.filename == "nodenet-no-such-program"


def test_a_program_that_ends_before_it_has_read_is_a_failure():
    assert programs.run(["false"], "x" * 1_000_000).returncode == 1


def test_nft_acts_in_the_namespace_that_is_asked_for_and_nowhere_else(node):
    node.sh("ip netns add red")
    nft.load("red", "add table inet mine")
    assert nft.listed("red", ["tables"])[1:] == [{"table": {"family": "inet", "name": "mine", "handle": 1}}]
    assert nft.listed("", ["tables"])[1:] == []
    assert programs.run(["ip", "netns", "identify"]).stdout.strip() == ""
    assert namespaces.in_netns("red", lambda: programs.run(["ip", "netns", "identify"])).stdout.strip() == "red"


def test_nft_that_is_missing_is_told_with_its_package(monkeypatch):
    monkeypatch.setattr(programs, "PATH", "/nonexistent")
    with pytest.raises(MissingSoftware, match="package nftables"):
        nft.load("", "add table inet mine")
