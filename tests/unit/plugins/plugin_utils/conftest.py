# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much work something is, without a clock."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def calls():
    """Return a function that counts how many calls of Python's and of C's functions another function makes."""

    def counted(function):
        count = 0

        def note(_frame, event, _argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            function()
        finally:
            sys.setprofile(None)
        return count

    return counted
