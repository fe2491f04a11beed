# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces: by name, path or pid, how they are made and removed, and how a thread acts in one.

A namespace is written as a *reference*: ``""`` is the namespace this process runs in, a name is a bind mount
below ``/run/netns`` as ip-netns(8) makes it, and anything with a slash is the path of such a file
(``/proc/PID/ns/net`` for the namespace of a process).
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
from contextlib import suppress
from functools import lru_cache
from typing import Any, Callable, Dict, Optional, Tuple

from ..system.files import make_directory

RUN_DIR = "/run/netns"

# linux/sched.h, linux/fs.h
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED = 0x1000, 0x4000, 1 << 20
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)
# of a worker thread: ``at``, its own namespace, to which it comes back
_worker = threading.local()

Identity = Tuple[int, int]  # device and inode


def _check(code):
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source, target, flags):
    _check(_libc.mount(source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None))


def path_of(ref: str) -> str:
    """Return the file of namespace ``ref``, which setns(2) takes."""
    if not ref:
        return "/proc/self/ns/net"
    return ref if "/" in ref else f"{RUN_DIR}/{ref}"


def identity(ref: str) -> Optional[Identity]:
    """Return what distinguishes a namespace from others, or None if there is none.

    A leftover file in ``/run/netns`` that no namespace is mounted on has the device of its file system, not that
    of nsfs, and counts as none.
    """
    try:
        found = os.stat(path_of(ref))
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_dev == _nsfs() else None


@lru_cache(maxsize=1)
def _nsfs():
    """Return the device of nsfs, the file system of all namespaces."""
    return os.stat("/proc/self/ns/net").st_dev


def named() -> Dict[str, Identity]:
    """Return name -> identity of the namespaces below ``/run/netns``, sorted."""
    try:
        names_there = sorted(os.listdir(RUN_DIR))
    except FileNotFoundError:
        return {}
    found = {name: identity(name) for name in names_there}
    return {name: number for name, number in found.items() if number}


def in_worker_thread(function: Callable[[], Any]) -> Any:
    """Call ``function`` in a thread of its own, which :func:`in_netns` then moves; return what it returns.

    Without it each visit to a namespace starts a thread.
    """

    def body():
        _worker.at = os.open(path_of(""), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return function()
        finally:
            os.close(_worker.at)

    return _in_thread(body)


def in_netns(ref: str, function: Callable[[], Any]) -> Any:
    """Call ``function`` in a thread that has entered namespace ``ref``, and return what it returns.

    setns(2) moves one thread, not the process: a socket that the function opens, or a process that it starts,
    stays in the namespace, and the rest of this process never left its own. ``ref`` ``""`` is called directly.

    :raises OSError: the namespace cannot be entered.
    """
    if not ref:
        return function()

    def enter():
        handle = os.open(path_of(ref), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _moved(lambda: _libc.setns(handle, CLONE_NEWNET), function)
        finally:
            os.close(handle)

    return _visiting(enter)


def _visiting(function):
    """Call ``function``, which leaves its namespace and comes back, in a worker thread: this one, or a new one."""
    return function() if hasattr(_worker, "at") else in_worker_thread(function)


def _moved(leave, function):
    """Call ``leave``, which moves this worker thread, then ``function``, and move the thread back."""
    _check(leave())
    try:
        return function()
    finally:
        _check(_libc.setns(_worker.at, CLONE_NEWNET))


def in_fresh(function: Callable[[], Any]) -> Any:
    """Call ``function`` in a new namespace that ends with the call, and return what it returns."""

    return _visiting(lambda: _moved(lambda: _libc.unshare(CLONE_NEWNET), function))


def prepare() -> None:
    """Make ``/run/netns`` a shared mount of its own, so that a name made here is seen in every mount namespace."""
    make_directory(RUN_DIR)
    try:
        _mount("", RUN_DIR, MS_SHARED | MS_REC)
    except OSError as failure:
        if failure.errno != errno.EINVAL:  # mount(2): it is no mount point
            raise
        _mount(RUN_DIR, RUN_DIR, MS_BIND | MS_REC)
        _mount("", RUN_DIR, MS_SHARED | MS_REC)


def create(name: str, setup: Optional[Callable[[], Any]] = None) -> None:
    """Make the named namespace ``name`` as ``ip netns add`` does (ip-netns(8)), where :func:`prepare` was called.

    :param setup: called in the namespace before other programs can find it.
    :raises FileExistsError: there is a namespace of that name.
    """
    target = os.path.join(RUN_DIR, name)
    if identity(name):
        raise FileExistsError(17, "a network namespace of this name exists", name)
    # A file without a mount is what an interrupted run left: it is taken over.
    os.close(os.open(target, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o444))

    def body():
        if setup:
            setup()
        # Each thread has its own link, "self" would be the process's first thread.
        _mount("/proc/thread-self/ns/net", target, MS_BIND)

    try:
        in_fresh(body)
    except OSError:
        with suppress(OSError):  # the first error is reported; what is left is taken over by the next run
            os.unlink(target)
        raise


def attach(name: str, pid: int, wanted: Optional[Identity] = None) -> None:
    """Give the network namespace of the process ``pid`` the name ``name``, as ``ip netns attach`` does (ip-netns(8)).

    :param wanted: the namespace that it must be.
    :raises FileExistsError: there is a namespace of that name.
    :raises ProcessLookupError: there is no such process, or it has another namespace.
    """
    prepare()
    target = os.path.join(RUN_DIR, name)
    if identity(name):
        raise FileExistsError(17, "a network namespace of this name exists", name)
    try:  # what is open stays the same, whoever gets the pid
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ProcessLookupError(errno.ESRCH, f"process {pid} has ended", name) from None
    try:
        source = f"/proc/self/fd/{handle}"
        if wanted and identity(source) != wanted:
            raise ProcessLookupError(errno.ESRCH, f"process {pid} has another network namespace now", name)
        os.close(os.open(target, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o444))
        try:
            _mount(source, target, MS_BIND)
        except OSError:
            with suppress(OSError):  # as in create
                os.unlink(target)
            raise
    finally:
        os.close(handle)


def delete(name: str) -> None:
    """Remove the named namespace: it ends when nothing else holds it (a process, a socket, a mount)."""
    target = os.path.join(RUN_DIR, name)
    while identity(name):
        _check(_libc.umount2(target.encode(), MNT_DETACH))
    os.unlink(target)


def forget_leftover(name: str) -> None:
    """Remove the file of the name ``name``, if no namespace is mounted on it: a run was killed between the two."""
    target = os.path.join(RUN_DIR, name)
    with suppress(FileNotFoundError):
        found = os.lstat(target)
        if stat.S_ISREG(found.st_mode) and found.st_size == 0 and found.st_dev != _nsfs():
            os.unlink(target)


def _in_thread(function):
    outcome = {}

    def body():
        try:
            outcome["value"] = function()
        except BaseException as failure:  # handed to the caller's thread as it is
            outcome["failure"] = failure

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "failure" in outcome:
        raise outcome["failure"]
    return outcome["value"]
