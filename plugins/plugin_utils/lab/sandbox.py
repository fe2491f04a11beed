# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaving the machine's namespaces: the sandbox of a lab, and in it a host (namespaces(7), user_namespaces(7))."""

from __future__ import annotations

import ctypes
import os

from .processes import MARK

# linux/sched.h, linux/mount.h
NEWNS, NEWUTS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 0x1000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
HOST_NAME_MAX = 64

# The folders below /etc in which the fabric writes files of a node. An ordinary user's overlay copies no folder of root's up
# (its owner is not mapped), so those that are there are made beforehand, and show what both of them hold.
WRITTEN = ("containers/networks", "cni/net.d", "netns", "nodenet", "systemd/system", "tmpfiles.d")

# What the keeper and the first process of a host become: it buries the dead, in a hundredth of the memory of a Python.
STAY = "while :; do sleep 2000000 & wait; done"
STAY_UNTIL_TOLD = f"trap 'exit 0' TERM; {STAY}"  # the first process of a PID namespace ignores what it has no trap for

# What forbids an ordinary user to make namespaces: (sysctl, the value that does, the value to set)
FORBIDDING = (
    ("kernel.unprivileged_userns_clone", "0", "1"),  # Debian's
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),  # Ubuntu's, from 23.10 on
    ("user.max_user_namespaces", "0", "10000"),
    ("user.max_net_namespaces", "0", "10000"),
)

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """This machine lets the user make no namespaces; the text says what to do."""


def leave_machine():
    """Enter a sandbox: a user who is not root becomes root in a user namespace, with no other user mapped.

    The caller's next child is the first process of the PID namespace.

    :raises Refused: the machine forbids it.
    """
    uid, gid = os.geteuid(), os.getegid()
    forbidding = [rule for rule in FORBIDDING if _sysctl(rule[0]) == rule[1]]  # inside, other limits are seen
    try:
        if uid:
            _unshare(NEWUSER)
            _write("/proc/self/setgroups", "deny")  # or gid_map is refused
            _write("/proc/self/uid_map", f"0 {uid} 1")
            _write("/proc/self/gid_map", f"0 {gid} 1")
        _unshare(NEWNS | NEWNET | NEWUTS | NEWPID)
    except OSError as failure:
        raise Refused(_why(uid, failure, forbidding)) from failure


def own_mounts():
    """Give this mount namespace a /proc, a /run and a /sys of its own; nothing that is mounted here is seen outside."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    os.mkdir("/run/netns")
    try:
        _mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:
        pass  # some containers refuse it; nothing of ours reads it, /sys/class/net shows the machine's then


def own_settings(ordinary):
    """Give this mount namespace an /etc of its own: the machine's, over which what is written here lies in memory.

    Where the kernel refuses that, /etc is the machine's and cannot be written.

    :param ordinary: the sandbox is a user's who is not root.
    """
    _mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")  # hidden by the /run that is mounted next
    upper, work = "/run/etc", "/run/work"
    os.mkdir(upper)
    os.mkdir(work)
    for folder in WRITTEN:
        names = folder.split("/")
        for depth in range(1, len(names) + 1):
            part = "/".join(names[:depth])
            if os.path.isdir(f"/etc/{part}"):
                os.makedirs(f"{upper}/{part}", exist_ok=True)
    closed = [
        folder for folder in WRITTEN if os.path.isdir(f"/etc/{folder}") and not os.access(f"/etc/{folder}", os.R_OK)
    ]
    options = f"lowerdir=/etc,upperdir={upper},workdir={work}" + (",userxattr" if ordinary else "")
    try:
        _mount("overlay", "/etc", "overlay", MS_NOSUID | MS_NODEV, options)
    except OSError:
        if not ordinary:  # others cannot write there
            _mount("/etc", "/etc", None, MS_BIND | MS_REC)
            _mount("none", "/etc", None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    else:
        for folder in closed:  # what an ordinary user may not read cannot be laid under anything
            _mount("tmpfs", f"/etc/{folder}", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")


def start_host(lab, name, ordinary=False):
    """Start a host: a process that is the first of namespaces of its own. Return its pid, seen from here.

    :param ordinary: see :func:`own_settings`.
    :raises OSError: it could not be made.
    """
    reading, writing = os.pipe()
    between = os.fork()  # the first process of a PID namespace is a child of the one that asked for it
    if between == 0:
        _become_host(lab, name, ordinary, writing)
    os.close(writing)
    os.waitpid(between, 0)
    with os.fdopen(reading) as source:  # it ends when the host's program has been started, which closes the pipe
        said = source.read().splitlines()
    problems = [line for line in said if not line.isdigit()]
    if problems or not said:
        raise OSError(0, f"the host {name} could not be made: {' '.join(problems) or 'it ended without a word'}")
    return int(said[0])


def become(program, *words):
    """Go on as a shell with ``words`` as its name in the process table, without anything of the one who started us."""
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.execv("/bin/sh", ["/bin/sh", "-c", program, MARK, *words])


def _become_host(lab, name, ordinary, answer):
    """Go on as a host's first process; write its pid to ``answer``, or what went wrong. Never returns."""
    try:
        _unshare(NEWNS | NEWNET | NEWUTS | NEWPID)
        child = os.fork()
        if child:
            os.write(answer, f"{child}\n".encode())
            os._exit(0)
        _mount("none", "/", None, MS_REC | MS_PRIVATE)
        own_settings(ordinary)
        own_mounts()
        label = name.encode()[:HOST_NAME_MAX]
        _checked(_libc.sethostname(label, len(label)), "naming it")
        become(STAY, lab, "host", name)
    except OSError as failure:
        os.write(answer, f"{failure.strerror}\n".encode())
    finally:
        os._exit(1)


def _why(uid, failure, forbidding):
    if uid == 0:
        return f"root may make no namespaces here ({failure.strerror}); in a container it takes CAP_SYS_ADMIN"
    if not forbidding:
        return f"an ordinary user may make no namespaces on this machine ({failure.strerror}): run the lab as root"
    values = " and ".join(f"{name} is {value}" for name, value, _wanted in forbidding)
    remedy = " ".join(f"{name}={wanted}" for name, _value, wanted in forbidding)
    return (
        f"an ordinary user may make no namespaces on this machine, as {values}:"
        f" run the lab as root, or allow it with: sudo sysctl {remedy}"
    )


def _sysctl(name):
    try:
        with open(f"/proc/sys/{name.replace('.', '/')}", encoding="ascii") as source:
            return source.read().strip()
    except OSError:
        return None


def _write(path, text):
    with open(path, "w", encoding="ascii") as target:
        target.write(text)


def _unshare(flags):
    _checked(_libc.unshare(flags), "leaving the machine's namespaces")


def _mount(source, target, sort, flags, data=None):
    words = [word.encode() if word else None for word in (source, target, sort, data)]
    _checked(_libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]), f"mounting {sort or 'private'} on {target}")


def _checked(code, deed):
    if code:
        number = ctypes.get_errno()
        raise OSError(number, f"{deed}: {os.strerror(number)}")
