# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a playbook, written down as it comes to them; at one of them it can wait."""

DOCUMENTATION = r"""
name: steps
type: aggregate
short_description: Write down the steps of a run and wait at one
description: For tests, which cut a run at each of its steps.
"""

import os
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Steps are ``task|TASK``, ``start|TASK|HOST``, ``done|TASK|HOST`` and ``end``; titles of plays differ from run to run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "steps"

    def __init__(self):
        super().__init__()
        self._folder = Path(os.environ["NODENET_STEPS"])
        self._at = os.environ.get("NODENET_WAIT_AT")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._step("task", task)

    def v2_runner_on_start(self, host, task):
        self._step("start", task, host)

    def v2_runner_on_ok(self, result):
        self._done(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._done(result)

    def v2_runner_on_unreachable(self, result):
        self._done(result)

    def v2_runner_on_skipped(self, result):
        self._done(result)

    def v2_playbook_on_stats(self, stats):
        self._come_to("end")

    def _done(self, result):
        # ansible-core 2.19 calls them so, and keeps the old names for a while
        task, host = getattr(result, "task", None) or result._task, getattr(result, "host", None) or result._host
        self._step("done", task, host)

    def _step(self, sort, task, host=None):
        self._come_to("|".join([sort, task.get_name().strip(), *([host.get_name()] if host else [])]))

    def _come_to(self, step):
        with (self._folder / "steps").open("a", encoding="utf-8") as target:
            target.write(f"{time.time():.3f} {step}\n")
        if step == self._at:
            self._at = None
            while not (self._folder / "go").exists():
                time.sleep(0.01)
