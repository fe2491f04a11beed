# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are as desired after a reconciliation, or as they were where it fails."""

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.system import reconcile
from ansible_collections.nodenet.fabric.plugins.module_utils.system.programs import run_or_fail
from ansible_collections.nodenet.fabric.plugins.module_utils.system.reconcile import File


@pytest.fixture
def paths(tmp_path):
    """A file that stays, one that changes, one that goes, and one that comes."""
    found = {name: str(tmp_path / name) for name in ("stays", "changes", "goes", "comes")}
    for name in ("stays", "changes", "goes"):
        (tmp_path / name).write_text(name, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    return found


def desired_of(paths):
    return {
        paths["stays"]: File(b"stays"),
        paths["changes"]: File(b"changed", 0o755),
        paths["comes"]: File(b"come", 0o640),
    }


def test_what_differs_is_written_with_its_mode_or_removed(paths):
    desired = desired_of(paths)
    before = reconcile.differing(desired, paths.values())
    assert before == {
        paths["changes"]: File(b"changes", 0o600),
        paths["goes"]: File(b"goes", 0o600),
        paths["comes"]: None,
    }
    assert [(one["before"], one["after"]) for one in reconcile.diff(before, desired)] == [
        ("changes", "changed"),
        ("goes", ""),
        ("", "come"),
    ]
    reconcile.replace(before, desired)
    assert reconcile.observed(paths.values()) == {
        **desired,
        paths["stays"]: File(b"stays", 0o600),
        paths["goes"]: None,
    }
    assert reconcile.differing(desired, paths.values()) == {}


@pytest.mark.parametrize("fails", [FabricError("the reload"), OSError("the disk")])
def test_all_is_as_it_was_where_a_reload_fails(paths, fails):
    calls = []

    def put(files):
        calls.append(dict(files))
        reconcile.write_all(files)
        if len(calls) == 1:
            raise fails

    was = reconcile.observed(paths.values())
    desired = desired_of(paths)
    with pytest.raises(type(fails), match=str(fails)):
        reconcile.replace(reconcile.differing(desired, paths.values()), desired, put)
    assert reconcile.observed(paths.values()) == was
    assert len(calls) == 2  # who reads them learns of the way back, too


def test_all_is_as_it_was_where_a_file_cannot_be_written(paths, tmp_path):
    was = reconcile.observed(paths.values())
    nowhere = str(tmp_path / "stays" / "below a file")
    desired = {**desired_of(paths), nowhere: File(b"")}
    with pytest.raises(OSError):
        reconcile.replace(reconcile.differing(desired, [*paths.values(), nowhere]), desired)
    assert reconcile.observed(paths.values()) == was


def test_the_first_failure_is_reported(paths):
    failures = [FabricError("first"), FabricError("second")]

    def put(_files):
        raise failures.pop(0)

    with pytest.raises(FabricError, match="first"):
        reconcile.replace(reconcile.observed(paths.values()), {}, put)
    assert not failures


def test_a_program_that_fails_is_named_with_its_words():
    run_or_fail(["true"])
    with pytest.raises(FabricError, match="^sh -c echo no >&2; exit 3: no$"):
        run_or_fail(["sh", "-c", "echo no >&2; exit 3"])
    with pytest.raises(FabricError, match="^sh -c exit 3: exit code 3$"):
        run_or_fail(["sh", "-c", "exit 3"])
