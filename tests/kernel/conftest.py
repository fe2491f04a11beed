# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test has a node of its own: fresh network and mount namespaces of this process, with an empty /run."""

import ctypes
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from commits import arranged  # noqa: F401 pylint: disable=unused-import
from red_blue import red_blue, serve, ways  # noqa: F401 pylint: disable=unused-import
from snapshot import snapshot

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
MNT_DETACH = 2
ACCEPT_DAD = "/proc/sys/net/ipv6/conf/default/accept_dad"
SAVED = "/etc/nodenet"
MODULES = "ansible_collections.nodenet.fabric.plugins.modules."

_libc = ctypes.CDLL(None, use_errno=True)


def check(code):
    if code:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Node:
    """A machine's view of its network, for one test."""

    def task(self, module, _check=False, promised=(), **options):
        """Run a module in this process, with its options checked as Ansible checks them."""
        spec = importlib.import_module(MODULES + module).SPEC
        found = ArgumentSpecValidator(spec.argument_spec()).validate({"promised": list(promised), **options})
        assert not found.error_messages, found.error_messages
        return spec.perform(found.validated_parameters, _check)

    def sh(self, command, fails=False):
        """Run a shell command on the node; it must succeed, or with ``fails`` must not."""
        found = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (found.returncode != 0) == fails, f"{command}: {found.returncode} {found.stdout} {found.stderr}"
        return found.stdout

    def spawn(self, command):
        """Start a program that stays, and return its pid once it is in its namespace."""
        pid = subprocess.Popen(["sh", "-c", f"exec {command}"]).pid
        own = os.stat("/proc/self/ns/net").st_ino
        for _attempt in range(500):
            if os.stat(f"/proc/{pid}/ns/net").st_ino != own:
                return pid
            time.sleep(0.01)
        raise AssertionError(f"{command}: did not enter a namespace of its own")

    @staticmethod
    def snapshot():
        return snapshot()

    def json(self, command):
        return json.loads(self.sh(command) or "[]")

    def ping(self, netns, target, count=1):
        """Return the TTL of the answer, or None."""
        inside = f"ip netns exec {netns} " if netns else ""
        found = subprocess.run(
            f"{inside}ping -n -c {count} -W 2 {target}", shell=True, capture_output=True, text=True, check=False
        )
        return int(found.stdout.split("ttl=")[1].split()[0]) if found.returncode == 0 else None


@pytest.fixture(scope="session", autouse=True)
def private_mounts():
    check(_libc.unshare(CLONE_NEWNS))
    check(_libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None))


@pytest.fixture
def node(private_mounts):
    check(_libc.mount(b"tmpfs", b"/run", b"tmpfs", ctypes.c_ulong(0), None))
    check(_libc.unshare(CLONE_NEWNET))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # the kernel tries no address for a second or two before it is used (RFC 4862), unless a test is about that
    Path(ACCEPT_DAD).write_text("0", encoding="utf-8")
    saved = os.path.exists(SAVED)
    yield Node()
    assert os.path.exists(SAVED) == saved, f"{SAVED} is the machine's: a test that saves has own_etc"
    while os.path.ismount("/run"):
        check(_libc.umount2(b"/run", MNT_DETACH))


@pytest.fixture
def own_etc(node):
    """An /etc of the node's own, over the machine's."""
    os.makedirs("/run/over/etc")
    os.makedirs("/run/over/work")
    options = b"lowerdir=/etc,upperdir=/run/over/etc,workdir=/run/over/work"
    check(_libc.mount(b"overlay", b"/etc", b"overlay", ctypes.c_ulong(0), options))
    yield
    check(_libc.umount2(b"/etc", MNT_DETACH))
