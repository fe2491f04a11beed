# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module persist puts on a node, and what it leaves where systemd refuses; on machines it is tested with systemd."""

import os
from contextlib import nullcontext

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import FabricError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import install, snapshot, units


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A node whose files are below ``tmp_path``, and the words that systemctl gets; it refuses those in ``refused``."""
    place = {path: str(tmp_path) + path for path in install.PATHS}
    monkeypatch.setattr(install, "PATHS", list(place.values()))
    for name in ("PROGRAM", "FILE", "REPAIR", "TIMER"):
        monkeypatch.setattr(install, name, place[getattr(install, name)])
    monkeypatch.setattr(install, "TEXTS", {place[path]: text for path, text in units.TEXTS.items()})
    monkeypatch.setattr(install, "has_systemd", lambda: True)
    monkeypatch.setattr(install, "is_active", lambda unit, or_starts: unit in node.on)
    monkeypatch.setattr(install, "is_enabled", lambda unit: unit in node.on)
    monkeypatch.setattr(install, "exclusive", nullcontext)
    monkeypatch.setattr(install, "_note", lambda desired: None)
    monkeypatch.setattr(snapshot, "observed", dict)

    class Node:
        on, words, refused = set(), [], ()

        @staticmethod
        def files():
            found = [os.path.join(folder, name) for folder, _dirs, names in os.walk(tmp_path) for name in names]
            return {path[len(str(tmp_path)) :]: open(path, "rb").read() for path in found}

    node = Node()

    def run(words):
        node.words.append(words[1:])
        if words[1] in node.refused:
            raise FabricError(f"{' '.join(words)}: refused")
        if words[1] in ("enable", "disable"):
            (node.on.add if words[1] == "enable" else node.on.discard)(words[-1])

    monkeypatch.setattr(install, "run_or_fail", run)
    return node


UNIT, REPAIR, TIMER = "nodenet-fabric.service", "nodenet-fabric-repair.service", "nodenet-fabric-repair.timer"


def test_it_is_installed_once_and_removed_without_a_trace(node):
    assert install.persist("present", True, check=True)["changed"] and node.files() == {} and node.words == []
    done = install.persist("present", True, check=False)
    assert done["changed"] and done["objects"] == 0 and len(done["files"]) == 5
    assert os.access(install.PROGRAM, os.X_OK) and node.on == {UNIT, REPAIR, TIMER}
    assert {one["after_header"].rpartition("/")[2] for one in done["diff"]} == {"fabric.json", UNIT, REPAIR, TIMER}
    assert not install.persist("present", True, check=False)["changed"]
    node.words.clear()
    assert len(install.persist("present", False, check=False)["files"]) == 1  # no timer any more
    assert node.words == [["disable", "--now", TIMER], ["daemon-reload"]] and node.on == {UNIT, REPAIR}
    assert install.persist("absent", False, check=False)["changed"]
    assert node.files() == {} and node.on == set()
    assert not install.persist("absent", False, check=False)["changed"]


@pytest.mark.parametrize("refused, restored", [("daemon-reload", True), ("enable", False)])
def test_files_are_as_they_were_where_systemd_does_not_load_them(node, refused, restored):
    """Where it only does not enable a unit, the new files stay, and the next run enables it."""
    install.persist("present", False, check=False)
    before = node.files()
    node.refused = (refused,)
    with pytest.raises(FabricError, match="refused"):
        install.persist("present", True, check=False)
    assert (node.files() == before) is restored
    node.refused = ()
    assert install.persist("present", True, check=False)["changed"]
    assert node.on == {UNIT, REPAIR, TIMER}


def test_a_node_without_systemd_is_told_what_to_do(node, monkeypatch):
    monkeypatch.setattr(install, "has_systemd", lambda: False)
    with pytest.raises(FabricError, match="fabric_persist: false"):
        install.persist("present", False, check=False)
    assert not install.persist("absent", False, check=False)["changed"]


def test_every_folder_of_enabled_units_is_written_to_the_disk():
    wanted = {"multi-user.target", "network-online.target", "nftables.service", "networking.service", "timers.target"}
    assert set(units.ENABLED) == {f"/etc/systemd/system/{unit}.wants" for unit in wanted}
