# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's secret keys on this node: each in a file of its own, which only root can read, under a name that is no secret.

A private key is known by its public key, a preshared key by a digest. These names are in plans, diffs, commands and the saved
file; a key itself is in its file, in the kernel, and in the memory of a run, and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import resource
from contextlib import suppress
from typing import Dict, Iterable, List, Optional, Set

from . import x25519
from .files import make_directory, saved_text, write

FOLDER = "/etc/nodenet/wireguard"
KEY_BYTES = 32
NO_KEY = bytes(KEY_BYTES)  # linux/wireguard.h: all zeros
PRIVATE, PRESHARED = ".private", ".preshared"
# a digest as long as this is that of one key alone, and says nothing of it: keys are random
DIGITS = 32
PR_SET_DUMPABLE = 4  # linux/prctl.h

_held: Dict[str, bytes] = {}  # path -> key, in this run
_unsettled: Set[str] = set()  # paths that were written, and may not be on the disk yet


def decoded(text: str) -> Optional[bytes]:
    """Return the key that ``text`` is in base64, as wg(8) writes it, or None: it is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def encoded(key: bytes) -> str:
    """Return a key as wg(8) writes it."""
    return base64.b64encode(key).decode()


def digest_of(preshared: bytes) -> str:
    """Return the name of a preshared key; "" of none."""
    if preshared == NO_KEY:
        return ""
    return hashlib.sha256(b"nodenet.fabric preshared key" + preshared).hexdigest()[:DIGITS]


def private_path(public: str) -> str:
    """Return the path of the private key whose public key (base64) is ``public``."""
    return f"{FOLDER}/{public.rstrip('=').replace('/', '_').replace('+', '-')}{PRIVATE}"


def preshared_path(digest: str) -> str:
    """Return the path of the preshared key of that digest."""
    return f"{FOLDER}/{digest}{PRESHARED}"


def hold_private(key: bytes, public: str = "") -> str:
    """Hold a private key for this run; return its public key.

    :param public: it, where it is known.
    """
    public = public or encoded(x25519.public_of(key))
    _hold(private_path(public), x25519.clamped(key))
    return public


def hold_preshared(key: bytes) -> str:
    """Hold a preshared key for this run; return its digest."""
    digest = digest_of(key)
    if digest:
        _hold(preshared_path(digest), key)
    return digest


def _hold(path, key):
    if not _held:
        without_core_dumps()
    _held[path] = key


def without_core_dumps() -> None:
    """Have the kernel write no core file of this process, and give none to a program (core(5), prctl(2))."""
    import ctypes  # noqa: PLC0415 - seldom needed, and slow to load

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def find(path: str) -> Optional[bytes]:
    """Return the key of that path, from this run or from its file; None: it is not on this node."""
    if path not in _held:
        key = _read(path)
        if key is None or path != (preshared_path(digest_of(key)) if path.endswith(PRESHARED) else _private(key)):
            return None
        _hold(path, key)
    return _held[path]


def _private(key):
    return private_path(encoded(x25519.public_of(key)))


def _read(path):
    try:
        with open(path, encoding="ascii") as source:
            return decoded(source.read())
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None


def keep(path: str) -> None:
    """Write the key of that path to its file, if this run holds it; the file and its folder are root's alone.

    It is there after a power cut once :func:`settle` has returned: for thousands of keys one wait for the disk is enough.

    :raises OSError: it cannot be written.
    """
    if path not in _held or (path in _unsettled and os.path.exists(path)):
        return
    if _read(path) != _held[path] or os.stat(path).st_mode & 0o077:
        if not _unsettled or not os.path.isdir(FOLDER):
            make_directory(FOLDER, 0o700)
            os.chmod(FOLDER, 0o700)
        write(path, encoded(_held[path]) + "\n", 0o600, durable=False)
        _unsettled.add(path)


def settle() -> None:
    """Write all keys that were kept to the disk (syncfs(2))."""
    if _unsettled:
        import ctypes  # noqa: PLC0415 - as below

        place = os.open(FOLDER, os.O_RDONLY)
        try:
            ctypes.CDLL(None).syncfs(place)
        finally:
            os.close(place)
        _unsettled.clear()


def kept() -> List[str]:
    """Return the paths of all keys that have a file."""
    with suppress(FileNotFoundError):
        return sorted(f"{FOLDER}/{name}" for name in os.listdir(FOLDER) if name.endswith((PRIVATE, PRESHARED)))
    return []


def drop(paths: Iterable[str], named: str) -> None:
    """Remove those of ``paths`` whose names do not occur in the text ``named``, and the folder with the last of them.

    :param named: what says which keys are in use: a saved file.
    """
    words = set(re.findall(r'[^"\s]+', named))
    used = {place(word) for word in words for place in (private_path, preshared_path)}
    for path in paths:
        if path not in used:
            with suppress(FileNotFoundError):
                os.unlink(path)
    with suppress(OSError):
        os.rmdir(FOLDER)


def drop_unnamed() -> None:
    """Remove the keys that the saved fabric does not name, if there is one."""
    named = saved_text()
    if named:
        drop(kept(), named)


def make_private() -> str:
    """Make a private key that never leaves this node, and write it to its file; return its public key.

    :raises OSError: it cannot be written.
    """
    public = hold_private(x25519.clamped(os.urandom(KEY_BYTES)))
    keep(private_path(public))
    settle()
    return public
