# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a piece of work costs: its own time, and the machine's until it is idle again.

The kernel puts work off: a namespace that is removed is taken apart after the request has returned, a link that came up
sends multicast later. So the busy time of the whole machine (proc(5), /proc/stat) is read before the work begins and when
the machine is idle again, less what the machine was busy with before.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from typing import Any, Dict

TICK = os.sysconf("SC_CLK_TCK")
# Long enough for the coarse ticks of /proc/stat
WINDOW = 0.1
# Another program may keep the machine busy for ever
IDLE_AT_LAST = 3.0
BUSY_SHARE = 0.1  # of one processor: below it the machine counts as idle


@dataclass
class Sample:
    """One run of one piece of work, in seconds and KiB.

    :param wall: until it returned; ``gone``: until what it removed was gone, too.
    :param user: time of its processes; ``system`` likewise.
    :param memory: peak of the largest of its processes.
    :param busy: time of all processors until the machine was idle again.
    :param background: share of a processor that was busy with something else before.
    """

    wall: float
    gone: float
    user: float
    system: float
    memory: int
    busy: float
    background: float
    result: Dict[str, Any] = field(default_factory=dict)

    def plain(self):
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


class Failed(Exception):
    """A piece of work did not do what it is there for."""


def program(*words, stdin=None, env=None):
    """Return the piece of work that is a program.

    :param stdin: a file that it reads.
    """

    def run():
        if stdin:
            os.dup2(os.open(stdin, os.O_RDONLY), 0)
        os.execvpe(words[0], words, {**os.environ, **(env or {})})

    return run


def measured(work, gone=None, limit=900):
    """Run ``work`` in a process of its own and return its Sample.

    :param work: a function; what it returns becomes the sample's ``result``. Or a program (see :func:`program`). If it has a
        method ``begin``, that is called in its process before the clock starts.
    :param gone: says whether what the work removed is no longer there; waited for.
    :param limit: seconds after which the process is ended.
    :raises Failed: it ended with an error.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as answer:
        process = _Process(work, output, answer, limit)
        background = _settled()
        before, started = _busy(), time.monotonic()
        status, usage = process.run()
        wall = time.monotonic() - started
        _wait_for(gone, limit)
        until_gone = time.monotonic() - started
        _settled(background)
        busy = _busy() - before - background * (time.monotonic() - started)
        if status != 0:
            output.seek(0)
            raise Failed(f"ended with status {status}: {output.read().decode(errors='replace')[-3000:]}")
        answer.seek(0)
        result = json.loads(answer.read() or b"{}")
    user, system = usage.ru_utime - process.user, usage.ru_stime - process.system
    return Sample(wall, until_gone, user, system, usage.ru_maxrss, max(busy, 0.0), background, result)


class _Process:
    """The process of a piece of work, which has begun and waits for :meth:`run`.

    A process that was forked from one with all that it needs would copy each page that it counts a reference in.
    """

    def __init__(self, work, output, answer, limit):
        ready, self._go = os.pipe(), os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(ready[0])
            os.close(self._go[1])
            _child(work, output, answer, limit, (ready[1], self._go[0]))
        os.close(ready[1])
        os.close(self._go[0])
        # what the beginning took, which is not measured
        self.user, self.system = (float(word) for word in os.read(ready[0], 100).split() or (0, 0))
        os.close(ready[0])

    def run(self):
        """Let it work, and return its status and usage when it has ended."""
        os.close(self._go[1])
        _pid, status, usage = os.wait4(self._pid, 0)
        return status, usage


def _child(work, output, answer, limit, pipes):
    status, (ready, go) = 1, pipes
    try:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        if hasattr(work, "begin"):
            work.begin()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        os.write(ready, f"{usage.ru_utime} {usage.ru_stime}".encode())
        os.close(ready)
        os.read(go, 1)  # until the parent closes it
        signal.alarm(limit)  # which execve(2) keeps
        answer.write(json.dumps(work() or {}).encode())
        answer.flush()
        status = 0
    except BaseException:  # the parent reads of it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _wait_for(gone, limit):
    deadline = time.monotonic() + limit
    while gone is not None and not gone():
        if time.monotonic() > deadline:
            raise Failed("what was to be removed is still there")
        time.sleep(0.002)


def _busy():
    """Return the seconds that all processors together have been busy since the machine started."""
    with open("/proc/stat", encoding="ascii") as source:
        user, nice, system, _idle, _iowait, irq, softirq = (int(word) for word in source.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICK


def _settled(background=0.0):
    """Wait until the machine is no busier than ``background``, and return how busy it is, in processors."""
    deadline = time.monotonic() + IDLE_AT_LAST
    while True:
        before, started = _busy(), time.monotonic()
        time.sleep(WINDOW)
        share = (_busy() - before) / (time.monotonic() - started)
        if share <= background + BUSY_SHARE or time.monotonic() > deadline:
            return share
