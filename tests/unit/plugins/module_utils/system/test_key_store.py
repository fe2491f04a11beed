# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret keys on a node: known by names, in files of their own that only root can read, as long as something needs them."""

import base64
import os
import subprocess
import sys

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys, x25519
from ansible_collections.nodenet.fabric.plugins.plugin_utils import keys as derived

# RFC 7748, 6.1
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
ALICE_PUBLIC = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes(range(32))


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A folder of keys of this test's own, and nothing held."""
    folder = tmp_path / "keys"
    monkeypatch.setattr(keys, "FOLDER", str(folder))
    monkeypatch.setattr(keys, "_held", {})
    monkeypatch.setattr(keys, "without_core_dumps", lambda: None)
    return folder


def another_run(monkeypatch):
    monkeypatch.setattr(keys, "_held", {})


@pytest.mark.parametrize(("private", "public"), [(ALICE, ALICE_PUBLIC), (BOB, BOB_PUBLIC)])
def test_a_public_key_is_that_of_rfc_7748(private, public):
    assert x25519.public_of(private) == public == x25519.public_of(x25519.clamped(private))


def test_a_public_key_is_that_which_the_controller_derives():
    for number in range(20):
        private = derived.private_key("a secret of more than thirty-two characters", "vm1", number)
        assert keys.encoded(x25519.public_of(keys.decoded(private))) == derived.public_key(private)


@pytest.mark.parametrize("text", ["", "x", "AAAA", base64.b64encode(bytes(31)).decode(), "é" * 44, "%" * 44])
def test_what_is_no_key_is_none(text):
    assert keys.decoded(text) is None


def test_a_key_is_kept_in_a_file_that_only_root_can_read_and_found_again(store, monkeypatch):
    os.umask(os.umask(0))
    paths = [
        keys.private_path(keys.hold_private(ALICE)),
        keys.preshared_path(keys.hold_preshared(SHARED)),
    ]
    assert keys.kept() == []
    for path in paths:
        keys.keep(path)
    assert keys.kept() == sorted(paths) and store.stat().st_mode & 0o777 == 0o700
    assert {os.stat(path).st_mode & 0o777 for path in paths} == {0o600}
    another_run(monkeypatch)
    assert [keys.find(path) for path in paths] == [x25519.clamped(ALICE), SHARED]


def test_a_file_that_others_could_read_is_written_anew(store):
    path = keys.preshared_path(keys.hold_preshared(SHARED))
    keys.keep(path)
    keys.settle()
    os.chmod(path, 0o644)
    os.chmod(store, 0o755)
    keys.keep(path)
    assert (os.stat(path).st_mode & 0o777, store.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_file_with_another_key_is_not_believed(store, monkeypatch):
    path = keys.private_path(keys.hold_private(ALICE))
    keys.keep(path)
    with open(path, "w", encoding="ascii") as file:
        file.write(keys.encoded(BOB))
    another_run(monkeypatch)
    assert keys.find(path) is None
    assert keys.find(keys.preshared_path("0" * 32)) is None


def test_no_name_says_anything_of_a_key(store):
    public, digest = keys.hold_private(ALICE), keys.hold_preshared(SHARED)
    names = keys.private_path(public) + keys.preshared_path(digest)
    for key in (ALICE, x25519.clamped(ALICE), SHARED):
        assert keys.encoded(key)[:8] not in names and key.hex()[:8] not in names
    assert public == keys.encoded(ALICE_PUBLIC) and keys.hold_preshared(keys.NO_KEY) == ""


def test_what_a_text_names_stays_and_the_folder_goes_with_the_last(store):
    public, digest = keys.hold_private(ALICE), keys.hold_preshared(SHARED)
    paths = [keys.private_path(public), keys.preshared_path(digest)]
    for path in paths:
        keys.keep(path)
    keys.drop(keys.kept(), f'{{"public_key": "{public}", "preshared_key": "{digest}"}}')
    assert keys.kept() == sorted(paths)
    keys.drop(keys.kept(), f'{{"preshared_key": "{digest}"}}')
    assert keys.kept() == paths[1:]
    keys.drop(keys.kept(), "")
    assert not store.exists()


# core_pattern may name a program, which gets what a process without a limit leaves: it must not be dumpable at all
DUMPED = """
import ctypes, resource, sys
from ansible_collections.nodenet.fabric.plugins.module_utils.system import keys
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
keys.hold_preshared(bytes(range(32)))
print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_a_process_that_holds_a_key_can_leave_no_core_file():
    found = subprocess.run([sys.executable, "-c", DUMPED], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1", "0", "0"]


def test_a_key_that_the_node_makes_is_in_its_file_alone(store, monkeypatch):
    public, other = keys.make_private(), keys.make_private()
    assert public != other and sorted(os.listdir(store)) == sorted(
        os.path.basename(keys.private_path(one)) for one in (public, other)
    )
    another_run(monkeypatch)
    found = keys.find(keys.private_path(public))
    assert keys.encoded(x25519.public_of(found)) == public
    assert os.stat(keys.private_path(public)).st_mode & 0o777 == 0o600
