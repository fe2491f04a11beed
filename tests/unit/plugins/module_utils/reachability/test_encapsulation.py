# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire is written the same by all who write it."""

from __future__ import annotations

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import InputError
from ansible_collections.nodenet.fabric.plugins.module_utils.reachability.encapsulation import Encapsulation, described


@pytest.mark.parametrize(
    ("text", "title", "names"),
    [
        ("udp:8472", "UDP port 8472", {"8472"}),
        ("wireguard:51820", "UDP port 51820", {"51820"}),
        ("ipip", "IP protocol 4 (IPIP)", {"ipip", "ipencap"}),
    ],
)
def test_a_word_is_read_and_written_back(text, title, names):
    found = Encapsulation.parse(text, "encapsulation")
    assert (str(found), found.title, found.names) == (text, title, names)


@pytest.mark.parametrize(
    "text", ["", "udp", "udp:", "udp:0", "udp:65536", "udp:٣", "udp:-1", "ipip:4", "wireguard", "tcp:80", "plain"]
)
def test_another_word_is_refused(text):
    with pytest.raises(InputError, match="is neither udp:PORT, wireguard:PORT nor one of ipip"):
        Encapsulation.parse(text, "encapsulation")


def test_a_person_reads_what_is_on_the_wire():
    words = {"plain": "plain packets", "ipip": "IP in IP (protocol 4)", "udp:8472": "udp:8472"}
    assert {word: described(word) for word in words} == words
