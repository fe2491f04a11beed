# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts/test says of a stage: begun, passed or not, and which tests were not run, with the reason."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).absolute().parents[2]
SKIPPED = "SKIPPED [23] tests/lab/conftest.py:159: the ordinary user can run no Python that has ansible-core"


@pytest.fixture
def stage(tmp_path):
    """Return a function that runs the stage bench-smoke, which is the code given, and returns its status and lines."""

    def run(code):
        shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
        (tmp_path / "bench").mkdir()
        (tmp_path / "bench" / "smoke.py").write_text(code, encoding="utf-8")
        words = [tmp_path / "scripts" / "test", "bench-smoke"]
        found = subprocess.run(words, capture_output=True, text=True, check=False)
        return found.returncode, found.stdout + found.stderr

    return run


def test_tests_that_were_not_run_are_said_with_the_reason(stage):
    code, said = stage(f"print({SKIPPED!r}, '42 passed, 23 skipped', sep=chr(10))")
    assert code == 0 and said.startswith("bench-smoke: started\n")
    assert "not run [23]: the ordinary user can run no Python that has ansible-core" in said
    assert "42 passed, 23 skipped" in said and said.endswith("1 passed, 0 failed\n")


def test_of_a_stage_that_fails_the_output_is_shown(stage):
    code, said = stage("print('what broke'); raise SystemExit(3)")
    assert code == 1 and "bench-smoke  FAILED" in said and "what broke" in said
    assert said.endswith("0 passed, 1 failed\n")


def test_a_stage_that_runs_everything_has_nothing_to_say(stage):
    assert "not run" not in stage("print('65 passed')")[1]
