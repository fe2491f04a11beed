# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults at every point where the engine touches the node: each request, answer, program, file and system call.

A run of the engine passes a sequence of points; an :class:`Injector` counts them, and at one of them does what its mode says.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading

from ansible_collections.nodenet.fabric.plugins.module_utils import ownership
from ansible_collections.nodenet.fabric.plugins.module_utils.kernel import conntrack, namespaces, netlink, nft, procfs
from ansible_collections.nodenet.fabric.plugins.module_utils.system import files

# once: this point fails; onward: it and all after it; killed: SIGKILL before or after it; lost: it is done, the answer is lost
ONCE, ONWARD, BEFORE, AFTER = "once", "onward", "killed before", "killed after"
MODES = (ONCE, ONWARD, BEFORE, AFTER)
# what a point of each sort fails with
ERRORS = {
    "send": errno.ENOBUFS,
    "receive": errno.EAGAIN,
    "sysctl": errno.EPERM,
    "conntrack": errno.ENOBUFS,
    "mount": errno.ENOMEM,
    "umount": errno.EBUSY,
    "unshare": errno.ENOSPC,
    "setns": errno.ENOMEM,
    "create": errno.ENOSPC,
    "write": errno.ENOSPC,
    "replace": errno.EIO,
    "unlink": errno.EIO,
}
REFUSED = os.strerror(errno.EPERM)
NFT_FAILED = "netlink: Error: cache initialization failed: Cannot allocate memory"


class Injector:
    """Counts the points of a run, and fails or kills it at one of them.

    :param point: the number of the point, from 0; None: only count.
    """

    def __init__(self, mode=ONCE, point=None):
        self.mode, self.point = mode, point
        self.sorts = []
        self._lock = threading.Lock()

    def install(self):
        """Put this injector between the engine and the node, for the rest of this process."""
        self._wrap_netlink()
        nft._run = self._wrapped("nft", nft._run, lambda: subprocess.CompletedProcess([], 1, "", NFT_FAILED))
        conntrack._forget = self._wrapped("conntrack", conntrack._forget)
        procfs.put = self._wrapped("sysctl", procfs.put)
        namespaces._libc = _Calls(self, namespaces._libc)
        for module in (files, ownership, namespaces):
            module.os = _Files(self)

    def passes(self, sort):
        """Note a point; say whether it is to fail."""
        with self._lock:
            number = len(self.sorts)
            self.sorts.append(sort)
        if self.point is None or self.mode in (BEFORE, AFTER):
            if self.mode == BEFORE and number == self.point:
                os.kill(os.getpid(), signal.SIGKILL)
            return False
        return number == self.point or (self.mode == ONWARD and number > self.point)

    def passed(self):
        """The point noted last is done."""
        if self.mode == AFTER and self.point is not None and len(self.sorts) == self.point + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def _wrapped(self, sort, function, failed=None):
        def call(*words, **options):
            if self.passes(sort):
                if failed:
                    return failed()
                raise OSError(ERRORS[sort], os.strerror(ERRORS[sort]))
            found = function(*words, **options)
            self.passed()
            return found

        return call

    def _wrap_netlink(self):
        kernel = netlink.Netlink
        request, receive = kernel.request, kernel._receive
        kernel._send = self._wrapped("send", kernel._send)

        def refusing(link, messages, answers):
            kept = []
            for number, netns, message in messages:
                if self.mode in (BEFORE, AFTER) and len(self.sorts) == self.point:
                    request(link, kept, answers)  # those before it are done
                    kept = []
                if self.passes("request"):
                    answers[number] = REFUSED
                    continue
                kept.append((number, netns, message))
                if self.mode == AFTER and len(self.sorts) - 1 == self.point:
                    request(link, kept, answers)
                    self.passed()
            request(link, kept, answers)

        def losing(link, socket):
            if self.passes("receive"):
                receive(link, socket)
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            found = receive(link, socket)
            self.passed()
            return found

        kernel.request, kernel._receive = refusing, losing
        netlink.PATIENCE = netlink.struct.pack("@ll", 0, 100_000)


class _Files:
    """The module os, with points where it changes files."""

    def __init__(self, injector):
        self._injector = injector
        for name, sort in (("write", "write"), ("replace", "replace"), ("unlink", "unlink")):
            setattr(self, name, injector._wrapped(sort, getattr(os, name)))

    def open(self, path, flags, *words, **options):
        if flags & os.O_CREAT:
            return self._injector._wrapped("create", os.open)(path, flags, *words, **options)
        return os.open(path, flags, *words, **options)

    def __getattr__(self, name):
        return getattr(os, name)


class _Calls:
    """libc, with points at the system calls about mounts and namespaces."""

    def __init__(self, injector, libc):
        self._injector, self._inner = injector, libc

    def _call(self, sort, function, *words):
        if self._injector.passes(sort):
            namespaces.ctypes.set_errno(ERRORS[sort])
            return -1
        found = function(*words)
        self._injector.passed()
        return found

    def mount(self, *words):
        return self._call("mount", self._inner.mount, *words)

    def umount2(self, *words):
        return self._call("umount", self._inner.umount2, *words)

    def unshare(self, *words):
        return self._call("unshare", self._inner.unshare, *words)

    def setns(self, handle, *words):
        if handle == getattr(namespaces._worker, "at", None):  # the way back, which nothing refuses
            return self._inner.setns(handle, *words)
        return self._call("setns", self._inner.setns, handle, *words)
