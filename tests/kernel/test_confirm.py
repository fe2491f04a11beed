# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A confirmation that is killed anywhere leaves all as it was, or all as it was to be."""

import os

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils import ownership
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit, install
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import snapshot as snapshot_of_fabric
from ansible_collections.nodenet.fabric.plugins.module_utils.system import deadman, pending
from ansible_collections.nodenet.fabric.plugins.module_utils.system.reconcile import File
from commits import MARKS, NEW, OLD, arrange

STEPS = ("replace", "unlink", "rmdir", "killpg")


@pytest.fixture
def persistent(monkeypatch, tmp_path):
    """The fabric is saved in a folder of the test."""
    file = str(tmp_path / "fabric.json")
    for place in (install, snapshot_of_fabric, ownership):
        monkeypatch.setattr(place, "FILE", file)
    monkeypatch.setattr(install, "PROGRAM", str(tmp_path / "nodenet-fabric"))
    monkeypatch.setattr(install, "PATHS", [str(tmp_path / "nodenet-fabric"), file])
    monkeypatch.setattr(install, "TEXTS", {})
    monkeypatch.setattr(install, "has_systemd", lambda: True)
    monkeypatch.setattr(install, "_systemctl", lambda *words: None)
    monkeypatch.setattr(install, "_desired", desired_without_units(file, str(tmp_path / "nodenet-fabric")))
    return file


def desired_without_units(file, program):
    def desired(repair):
        resources = list(snapshot_of_fabric.observed().values())
        text = snapshot_of_fabric.as_text(resources)
        return {program: File(b"program", 0o755), file: File(text.encode())}, len(resources)

    return desired


def confirm_until(step):
    """Confirm in a process that is killed before its ``step``-th change; return whether it was."""
    child = os.fork()
    if child:
        return os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 9
    left = [step]

    def before(real):
        def counted(*words, **options):
            if not left[0]:
                os._exit(9)
            left[0] -= 1
            return real(*words, **options)

        return counted

    try:
        for name in STEPS:
            setattr(os, name, before(getattr(os, name)))
        commit.confirm("k", {"state": "present", "repair": False})
        os._exit(0)
    finally:
        os._exit(1)


def all_of_it(file):
    """Return what the kernel, the marks and the saved file have."""
    with open(file, encoding="utf-8") as source, open(MARKS, encoding="utf-8") as marks:
        return snapshot_of_fabric.as_text(snapshot_of_fabric.observed().values()), marks.read(), source.read()


def test_killed_between_any_two_steps_of_a_confirmation_all_is_old_or_all_is_new(arranged, persistent):
    arrange(NEW)
    install.persist("present", False, False)
    new = all_of_it(persistent)
    arrange(OLD)
    install.persist("present", False, False)
    old = all_of_it(persistent)
    ways, step, killed = [], 0, True
    while killed:
        arrange(NEW, "k")
        killed = confirm_until(step)
        found = pending.read()
        if found:  # its time passes
            found.deadline = pending.now()
            found.write()
        commit.expire("k")
        deadman.disarm("k")
        found = all_of_it(persistent)
        how = pending.ended("k")["ended"]
        assert (found == old and how == "expired") or (found[0] == new[0] == found[2] and how == "confirmed"), step
        assert not os.path.exists(pending.FOLDER)
        ways.append(how)
        os.unlink(pending.HISTORY)
        if how == "confirmed":
            arrange(OLD)
            install.persist("present", False, False)
            old = all_of_it(persistent)
        step += 1
    assert ways.count("expired") > 4 and ways.count("confirmed") > 1 and ways == sorted(ways, reverse=True)
